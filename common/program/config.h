/* SPDX-License-Identifier: MIT */
/*
 * The settings of both programs: one table has the name, default, meaning and reader of each, and
 * prints the part of `--help` about them. A new setting is a line there, a field of `struct config`
 * and a line in `.env.example`; a test compares the two. Environment first, then `.env` in the
 * working folder; NAME_FILE reads the value from a file; an empty value means the default.
 *
 * Called once, before there are threads.
 */
#ifndef COMMON_PROGRAM_CONFIG_H
#define COMMON_PROGRAM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/log.h"
#include "common/order/order.h"
#include "common/store/durability.h"
#include "common/url/database_url.h"

enum {
    CONFIG_SECRET_SIZE = 256 + 1, /* bytes, NUL included */
    CONFIG_QUEUE_KEY_SIZE = 256,
    CONFIG_PATH_SIZE = 1024,
    CONFIG_VARIABLE_SIZE = 64,
};

/* Where a value came from, for lines that tell what to change. */
struct config_origin {
    char variable[CONFIG_VARIABLE_SIZE]; /* "DATABASE_URL", "DATABASE_URL_FILE" */
    const char *source;                  /* "environment", ".env", "default"; a constant */
};

struct config {
    struct database_url database;
    struct config_origin database_origin;
    enum durability required_durability; /* DURABILITY_NONE: any will do */
    bool has_redis;                      /* false: the in-process queue */
    struct redis_url redis;
    char redis_queue[CONFIG_QUEUE_KEY_SIZE];
    char host[URL_PART_SIZE];
    uint16_t port;                        /* 0: a free one */
    char client_id[ORDER_CLIENT_ID_SIZE]; /* empty: no client */
    char client_secret[CONFIG_SECRET_SIZE];
    uint32_t processing_delay_ms;
    uint32_t worker_capacity;
    char health_file[CONFIG_PATH_SIZE]; /* empty: none */
    enum log_level log_level;
    enum log_format log_format;
};

/* Which program reads the settings; each reads and shows only its own. */
enum config_program { CONFIG_API = 1, CONFIG_WORKER = 2 };

/* "order-api", "order-worker": how a line on standard error begins. */
const char *config_program_name(enum config_program program);

/* Reads the settings. False: one line on standard error says which one to change, and how. */
MUST_CHECK bool config_load(enum config_program program, struct config *config);

/* Two lines for each setting of the program on standard output. */
void config_print_settings(enum config_program program);

#endif
