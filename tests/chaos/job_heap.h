/* SPDX-License-Identifier: MIT */
/* What the clients are to do, by the time when. One thread at a time. */
#ifndef TESTS_CHAOS_JOB_HEAP_H
#define TESTS_CHAOS_JOB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum job_kind {
    JOB_ORDER,   /* send it until it is acknowledged */
    JOB_REPEAT,  /* the same, of one that has been */
    JOB_HANG_UP, /* send it and close; then the first */
    JOB_READ,    /* ask for one that was acknowledged; then the next */
    JOB_READ_AGAIN,
};

struct job {
    uint64_t at_ms;
    uint64_t due_ms; /* when the order came into the world */
    uint64_t number;
    enum job_kind kind;
    uint32_t attempt;
    uint8_t service; /* the one to ask first */
};

struct job_heap {
    struct job *jobs;
    size_t count;
    size_t room;
};

/* `heap` is zeroed at first. False: no memory. */
bool job_heap_push(struct job_heap *heap, const struct job *job);

/* The earliest; NULL: there is none. Good until the next call. */
const struct job *job_heap_peek(const struct job_heap *heap);

/* There is one. */
void job_heap_pop(struct job_heap *heap, struct job *job);

void job_heap_finish(struct job_heap *heap);

#endif
