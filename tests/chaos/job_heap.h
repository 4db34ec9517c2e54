/* SPDX-License-Identifier: MIT */
/* The clients' next requests, ordered by time. Does not block. One thread at a time. */
#ifndef TESTS_CHAOS_JOB_HEAP_H
#define TESTS_CHAOS_JOB_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum job_kind {
    JOB_ORDER,   /* send it until it is acknowledged */
    JOB_REPEAT,  /* send an acknowledged order again */
    JOB_HANG_UP, /* send it and close at once; then JOB_ORDER */
    JOB_READ,    /* read an acknowledged order; then JOB_READ_AGAIN */
    JOB_READ_AGAIN,
};

struct job {
    uint64_t at_ms;
    uint64_t due_ms; /* when the order was first to be sent */
    uint64_t number;
    enum job_kind kind;
    uint32_t attempt;
    uint8_t service; /* the first one to send it to */
};

struct job_heap {
    struct job *jobs;
    size_t count;
    size_t room;
};

/* `heap` is zeroed at first. False: no memory. */
bool job_heap_push(struct job_heap *heap, const struct job *job);

/* The earliest job, valid until the next call; NULL: there is none. */
const struct job *job_heap_peek(const struct job_heap *heap);

/* The heap must not be empty. */
void job_heap_pop(struct job_heap *heap, struct job *job);

void job_heap_finish(struct job_heap *heap);

#endif
