/* SPDX-License-Identifier: MIT */
/*
 * Shared memory between the test and the interposer in the service, a file that both have mapped.
 * The test writes what to record or which call fails, the interposer which calls it has seen.
 */
#ifndef TESTS_TORTURE_CONTROL_H
#define TESTS_TORTURE_CONTROL_H

#include <stdatomic.h>
#include <stdint.h>

#define TORTURE_CONTROL_VARIABLE "ORDERS_TORTURE_CONTROL" /* names the file */

enum {
    TORTURE_SITES_MAX = 8192,
    TORTURE_FRAMES_MAX = 12,
    TORTURE_NAME_SIZE = 40,
    TORTURE_MODULE_SIZE = 24,
};

enum torture_mode { TORTURE_OFF, TORTURE_RECORD, TORTURE_FAIL };

struct torture_frame {
    uint64_t offset;                  /* in the module, where its addresses begin at 0 */
    char module[TORTURE_MODULE_SIZE]; /* "libpq.so.5"; empty: the program itself */
    char symbol[TORTURE_NAME_SIZE];   /* the nearest one that the module exports */
};

/* A call that can fail, and from where: the same in each run of the same program. */
struct torture_site {
    uint64_t key;
    uint32_t count; /* how often it was made */
    uint32_t frame_count;
    char call[TORTURE_NAME_SIZE];
    struct torture_frame frames[TORTURE_FRAMES_MAX]; /* the caller first */
};

struct torture_control {
    atomic_int mode;
    atomic_flag lock; /* of the sites */
    uint64_t key;     /* in: the site that fails, the first time it is reached */
    atomic_int fired; /* out: it has failed */
    uint32_t lost;    /* out: sites for which there was no room */
    uint32_t site_count;
    struct torture_site sites[TORTURE_SITES_MAX];
};

#endif
