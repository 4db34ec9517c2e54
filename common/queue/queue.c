/* SPDX-License-Identifier: MIT */
#include "common/queue/queue.h"

#include <assert.h>

#include "common/queue/queue_backend.h"

void queue_close(struct queue *queue)
{
    if (queue != NULL) {
        queue->ops->close(queue);
    }
}

enum status queue_push(struct queue *queue, const order_id ids[], size_t count)
{
    assert(count >= 1 && count <= QUEUE_BATCH_MAX);
    return queue->ops->push(queue, ids, count);
}

enum status queue_pop(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                      size_t *count)
{
    assert(max >= 1 && max <= QUEUE_BATCH_MAX);
    *count = 0;
    enum status status = queue->ops->pop(queue, ids, max, wait_ms, count);
    assert((status == STATUS_OK) == (*count >= 1) && *count <= max);
    return status;
}

void queue_wake(struct queue *queue)
{
    queue->ops->wake(queue);
}

uint64_t queue_failures(struct queue *queue, enum redis_failure failure)
{
    return atomic_load(&queue->failures[failure]);
}
