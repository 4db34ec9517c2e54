/* SPDX-License-Identifier: MIT */
/* What a kind of queue supplies to queue.c; each operation mirrors the function of that name in
 * queue.h. */
#ifndef COMMON_QUEUE_QUEUE_BACKEND_H
#define COMMON_QUEUE_QUEUE_BACKEND_H

#include <stdatomic.h>

#include "common/queue/queue.h"

struct queue_ops {
    void (*close)(struct queue *queue); /* frees the queue too */
    enum status (*push)(struct queue *queue, const order_id ids[], size_t count);
    enum status (*pop)(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                       size_t *count);
    void (*wake)(struct queue *queue);
};

/* The first member of each backend's own struct. */
struct queue {
    const struct queue_ops *ops;
    atomic_uint_least64_t failures[REDIS_FAILURES];
};

#endif
