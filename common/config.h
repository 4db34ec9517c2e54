/* SPDX-License-Identifier: MIT */
/*
 * The settings of both programs: one table says each one's name, default, meaning and reader, and
 * makes
 * `--help` too. Environment first, then `.env` in the working folder; NAME_FILE reads the value
 * from a file; an empty value means the default.
 *
 * Called once, before there are threads.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/database_url.h"
#include "common/log.h"
#include "common/order.h"

enum {
    CONFIG_SECRET_SIZE = 256 + 1, /* bytes, NUL included */
    CONFIG_QUEUE_KEY_SIZE = 256,
};

struct config {
    struct database_url database;
    bool has_redis; /* false: the in-process queue */
    struct redis_url redis;
    char redis_queue[CONFIG_QUEUE_KEY_SIZE];
    char host[URL_PART_SIZE];
    uint16_t port;                        /* 0: a free one */
    char client_id[ORDER_CLIENT_ID_SIZE]; /* empty: no client */
    char client_secret[CONFIG_SECRET_SIZE];
    uint32_t processing_delay_ms;
    uint32_t worker_capacity;
    enum log_level log_level;
    enum log_format log_format;
};

/* Which program reads the settings; each is told only of its own. */
enum config_program { CONFIG_API = 1, CONFIG_WORKER = 2 };

/* What main does next. */
enum config_outcome {
    CONFIG_RUN,
    CONFIG_DONE,  /* --help or --version was printed: exit 0 */
    CONFIG_WRONG, /* one line on standard error says what to change: exit 2 */
};

/* Reads the command line and the settings. */
MUST_CHECK enum config_outcome config_load(enum config_program program, int argc, char *argv[],
                                           struct config *config);

#endif
