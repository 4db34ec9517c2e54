/* SPDX-License-Identifier: MIT */
/*
 * One run of a scenario: the service is started with the interposer, something is done to it while
 * calls are recorded or one fails, and then all must be well. What is not well is kept in the run,
 * the first finding only, and fails no test, so that the next call has its run all the same.
 */
#ifndef TESTS_TORTURE_RUN_H
#define TESTS_TORTURE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/database.h"
#include "tests/support/http_client.h"
#include "tests/support/redis_server.h"
#include "tests/support/service.h"
#include "tests/torture/control.h"

enum { RUN_ORDERS_MAX = 64, RUN_PATIENCE_MS = 9000 };

enum target { TARGET_API, TARGET_WORKER, TARGET_COMMAND };

/* What all runs of a scenario share. */
struct stage {
    const char *kind; /* sqlite, mysql, postgres */
    struct database database;
    struct redis_server redis;
    struct service helper; /* the other of the pair, without the interposer */
    struct torture_control *control;
    char control_path[160];
    struct temp_dir dir;
};

struct run;

struct scenario {
    const char *name;
    enum target target;
    bool redis;                      /* else the queue is in the process */
    bool from_start;                 /* calls count from main on, else only during `act` */
    bool until_stopped;              /* ... and until the process has ended */
    bool empty_database;             /* before each run */
    const char *const *arguments;    /* of a command, NULL last */
    const char *const *settings;     /* more of them, NULL last; NULL: none */
    void (*before)(struct run *run); /* before calls count; NULL: nothing */
    void (*act)(struct run *run);    /* NULL: nothing */
};

struct run {
    struct stage *stage;
    const struct scenario *scenario;
    struct service target;
    struct http_client
        *client; /* of the API: the target, or else the helper; NULL: there is none */
    uint64_t acknowledged[RUN_ORDERS_MAX];
    size_t acknowledged_count;
    size_t attempted_count; /* orders that may have been stored */
    int64_t rows_before;
    size_t descriptors; /* out: that the service had open when it was quiet */
    bool refused;       /* out: it did not start, and said so */
    int code;           /* out: what it ended with before it was killed; -1: it did not end */
    bool loses;         /* out: the finding is one of rows or counters */
    char finding[400];  /* out: empty: all is well */
    char *output;       /* out, with a finding: what the service has written; free() it */
};

void stage_start(struct stage *stage, const struct scenario *scenario);
void stage_discard(struct stage *stage);

bool run_is_well(const struct run *run);

/* Keeps the finding unless there is one. One of rows or counters comes before all others. */
__attribute__((format(printf, 2, 3))) void run_finds(struct run *run, const char *format, ...);
__attribute__((format(printf, 2, 3))) void run_loses(struct run *run, const char *format, ...);

/*
 * In `act`: requests. Besides what is expected, 503 and a closed connection are good, silence is
 * not. run_posts keeps the orders that are acknowledged; `key` NULL: without a key.
 */
void run_expects(struct run *run, int status, const char *method, const char *path,
                 const char *header, const char *body);
void run_posts(struct run *run, const char *key);

/* `descriptors_max` 0: unknown. */
void run_once(struct run *run, enum torture_mode mode, uint64_t key, size_t descriptors_max);

#endif
