/* SPDX-License-Identifier: MIT */
/*
 * One run of a scenario: the service is started with the interposer, the scenario acts on it while
 * calls are recorded or one call fails, and then the state is checked. A finding is recorded in the
 * run (only the first) and does not fail the test, so that the next call still gets its run.
 * Blocks.
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
    struct service helper; /* the other program of the pair, without the interposer */
    struct torture_control *control;
    char control_path[160];
    struct temp_dir dir;
};

struct run;

struct scenario {
    const char *name;
    enum target target;
    bool redis;                   /* else the queue is in the process */
    bool from_start;              /* calls count from the start of main, else only during `act` */
    bool until_stopped;           /* ... and until the process has ended */
    bool empty_database;          /* before each run */
    const char *const *arguments; /* of a command, NULL last */
    const char *const *settings;  /* more of them, NULL last; NULL: none */
    void (*before)(struct run *run); /* before calls count; NULL: nothing */
    void (*act)(struct run *run);    /* NULL: nothing */
};

struct run {
    struct stage *stage;
    const struct scenario *scenario;
    struct service target;
    struct http_client
        *client; /* connected to the API, which is the target or the helper; NULL: none */
    uint64_t acknowledged[RUN_ORDERS_MAX];
    size_t acknowledged_count;
    size_t attempted_count; /* orders that may have been stored */
    int64_t rows_before;
    size_t descriptors; /* out: that the idle service had open */
    bool refused;       /* out: it did not start, and gave the reason */
    int code;           /* out: what it ended with before it was killed; -1: it did not end */
    bool loses;         /* out: the finding is about rows or counters */
    char finding[400];  /* out: empty: all is well */
    char *output;       /* out, with a finding: what the service has written; free() it */
};

void stage_start(struct stage *stage, const struct scenario *scenario);
void stage_discard(struct stage *stage);

bool run_is_well(const struct run *run);

/* Records the finding if it is the first. One about rows or counters replaces any other. */
__attribute__((format(printf, 2, 3))) void run_finds(struct run *run, const char *format, ...);
__attribute__((format(printf, 2, 3))) void run_loses(struct run *run, const char *format, ...);

/*
 * Requests, for `act`. Besides the expected status, a 503 or a closed connection is good; no answer
 * is a finding. run_posts records acknowledged orders; `key` NULL: without a key.
 */
void run_expects(struct run *run, int status, const char *method, const char *path,
                 const char *header, const char *body);
void run_posts(struct run *run, const char *key);

/* `descriptors_max` 0: unknown. */
void run_once(struct run *run, enum torture_mode mode, uint64_t key, size_t descriptors_max);

#endif
