/* SPDX-License-Identifier: MIT */
#include "common/store/schema/schema.h"

#include <assert.h>

/* The file's bytes and a NUL, as the constant string `symbol`. C's own #embed is not there yet. */
#define EMBED_TEXT(symbol, path)                                                                   \
    __asm__(".section .rodata\n"                                                                   \
            ".global " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"" SCHEMA_DIR "/" path "\"\n"                                                \
            ".byte 0\n"                                                                            \
            ".previous\n");                                                                        \
    extern const char symbol[]

EMBED_TEXT(schema_sqlite_0001, "sqlite/0001_orders.sql");
EMBED_TEXT(schema_sqlite_0002, "sqlite/0002_archive.sql");
EMBED_TEXT(schema_mysql_0001, "mysql/0001_orders.sql");
EMBED_TEXT(schema_mysql_0002, "mysql/0002_archive.sql");
EMBED_TEXT(schema_postgres_0001, "postgres/0001_orders.sql");
EMBED_TEXT(schema_postgres_0002, "postgres/0002_archive.sql");

static const struct schema_step sqlite_steps[] = {
    {1, "orders", schema_sqlite_0001},
    {2, "archive", schema_sqlite_0002},
};

static const struct schema_step mysql_steps[] = {
    {1, "orders", schema_mysql_0001},
    {2, "archive", schema_mysql_0002},
};

static const struct schema_step postgres_steps[] = {
    {1, "orders", schema_postgres_0001},
    {2, "archive", schema_postgres_0002},
};

#define STEPS(array)                                                                               \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0])                                                \
    }

static const struct {
    const struct schema_step *steps;
    size_t count;
} schemas[] = {
    [DATABASE_SQLITE] = STEPS(sqlite_steps),
    [DATABASE_MYSQL] = STEPS(mysql_steps),
    [DATABASE_POSTGRES] = STEPS(postgres_steps),
};

const struct schema_step *schema_steps(enum database_kind kind, size_t *count)
{
    *count = schemas[kind].count;
    assert(*count <= SCHEMA_VERSIONS_MAX);
    return schemas[kind].steps;
}
