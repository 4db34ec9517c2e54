/* SPDX-License-Identifier: MIT */
#include "common/store/schema/schema.h"

/* The file's bytes and a NUL, as the constant string `symbol`. C's own #embed is not there yet. */
#define EMBED_TEXT(symbol, path)                                                                   \
    __asm__(".section .rodata\n"                                                                   \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"" SCHEMA_DIR "/" path "\"\n"                                                \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char symbol[]

EMBED_TEXT(schema_sqlite_0001, "sqlite/0001_orders.sql");
EMBED_TEXT(schema_mysql_0001, "mysql/0001_orders.sql");

static const struct schema_step sqlite_steps[] = {
    {1, "orders", schema_sqlite_0001},
};

static const struct schema_step mysql_steps[] = {
    {1, "orders", schema_mysql_0001},
};

const struct schema_step *schema_steps(enum database_kind kind, size_t *count)
{
    if (kind == DATABASE_SQLITE) {
        *count = sizeof sqlite_steps / sizeof sqlite_steps[0];
        return sqlite_steps;
    }
    *count = sizeof mysql_steps / sizeof mysql_steps[0];
    return mysql_steps;
}
