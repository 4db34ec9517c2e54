/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/queue/queue_backend.h"

struct queue_memory {
    struct queue base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    size_t first; /* index of the oldest id */
    size_t count;
    size_t capacity;
    order_id *ring;
};

static struct queue_memory *of(struct queue *queue)
{
    return (struct queue_memory *)queue;
}

static void memory_close(struct queue *queue)
{
    struct queue_memory *memory = of(queue);
    pthread_cond_destroy(&memory->changed);
    pthread_mutex_destroy(&memory->lock);
    free(memory->ring);
    free(memory);
}

static enum status memory_push(struct queue *queue, const order_id ids[], size_t count)
{
    struct queue_memory *memory = of(queue);
    pthread_mutex_lock(&memory->lock);
    size_t room = memory->capacity - memory->count;
    size_t fitting = count < room ? count : room;
    for (size_t i = 0; i < fitting; i++) {
        memory->ring[(memory->first + memory->count + i) % memory->capacity] = ids[i];
    }
    memory->count += fitting;
    pthread_cond_signal(&memory->changed);
    pthread_mutex_unlock(&memory->lock);
    return fitting == count ? STATUS_OK : STATUS_UNAVAILABLE;
}

static enum status memory_pop(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                              size_t *count)
{
    struct queue_memory *memory = of(queue);
    struct timespec until = clock_monotonic_after(wait_ms);
    int waited = 0;
    pthread_mutex_lock(&memory->lock);
    while (memory->count == 0 && !memory->woken && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&memory->changed, &memory->lock, &until);
    }
    memory->woken = false;
    while (memory->count > 0 && *count < max) {
        ids[(*count)++] = memory->ring[memory->first];
        memory->first = (memory->first + 1) % memory->capacity;
        memory->count--;
    }
    pthread_mutex_unlock(&memory->lock);
    return *count > 0 ? STATUS_OK : STATUS_TIMEOUT;
}

static void memory_wake(struct queue *queue)
{
    struct queue_memory *memory = of(queue);
    pthread_mutex_lock(&memory->lock);
    memory->woken = true;
    pthread_cond_broadcast(&memory->changed);
    pthread_mutex_unlock(&memory->lock);
}

static const struct queue_ops memory_ops = {
    .close = memory_close,
    .push = memory_push,
    .pop = memory_pop,
    .wake = memory_wake,
};

struct queue *queue_open_memory(size_t capacity)
{
    struct queue_memory *memory = memory_allocate(1, sizeof *memory);
    memory->base.ops = &memory_ops;
    memory->capacity = capacity;
    memory->ring = memory_allocate(capacity, sizeof memory->ring[0]);
    pthread_mutex_init(&memory->lock, NULL);
    thread_cond_init(&memory->changed);
    return &memory->base;
}
