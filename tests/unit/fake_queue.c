/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/queue/queue_backend.h"
#include "tests/support/wait_until.h"

enum {
    CAPACITY = 200000,
    WAIT_MS = 10000,
};

struct fake_queue {
    struct queue base;
    struct queue *inner;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool away;
    bool hanging;
    bool popping;  /* a pop may be waiting */
    bool refused;  /* since it went away */
    bool hung;     /* a push does not return */
    order_id next; /* of an endless queue; else 0 */
};

static struct fake_queue *of(struct queue *queue)
{
    return (struct fake_queue *)queue;
}

static void fake_close(struct queue *queue)
{
    queue_close(of(queue)->inner);
    pthread_cond_destroy(&of(queue)->changed);
    pthread_mutex_destroy(&of(queue)->lock);
    free(queue);
}

static bool is_refused(struct fake_queue *fake)
{
    pthread_mutex_lock(&fake->lock);
    bool away = fake->away;
    fake->refused = fake->refused || away;
    pthread_mutex_unlock(&fake->lock);
    return away;
}

static enum status fake_push(struct queue *queue, const order_id ids[], size_t count)
{
    struct fake_queue *fake = of(queue);
    pthread_mutex_lock(&fake->lock);
    while (fake->hanging) {
        fake->hung = true;
        pthread_cond_wait(&fake->changed, &fake->lock);
    }
    fake->hung = false;
    pthread_mutex_unlock(&fake->lock);
    return is_refused(fake) ? STATUS_UNAVAILABLE : queue_push(fake->inner, ids, count);
}

static void set_popping(struct fake_queue *fake, bool popping)
{
    pthread_mutex_lock(&fake->lock);
    fake->popping = popping;
    pthread_mutex_unlock(&fake->lock);
}

/* 0: it is not endless. */
static order_id take_next(struct fake_queue *fake)
{
    pthread_mutex_lock(&fake->lock);
    order_id id = fake->next > 0 ? fake->next++ : 0;
    pthread_mutex_unlock(&fake->lock);
    return id;
}

static enum status fake_pop(struct queue *queue, order_id ids[], size_t max, uint32_t wait_ms,
                            size_t *count)
{
    struct fake_queue *fake = of(queue);
    if (is_refused(fake)) {
        return STATUS_UNAVAILABLE;
    }
    order_id id = take_next(fake);
    if (id > 0) {
        ids[0] = id;
        *count = 1;
        return STATUS_OK;
    }
    set_popping(fake, true);
    enum status status = queue_pop(fake->inner, ids, max, wait_ms, count);
    set_popping(fake, false);
    return status;
}

static void fake_wake(struct queue *queue)
{
    queue_wake(of(queue)->inner);
}

static const struct queue_ops fake_ops = {
    .close = fake_close,
    .push = fake_push,
    .pop = fake_pop,
    .wake = fake_wake,
};

struct queue *fake_queue_open(void)
{
    struct fake_queue *fake = memory_allocate(1, sizeof *fake);
    fake->base.ops = &fake_ops;
    fake->inner = queue_open_memory(CAPACITY);
    pthread_mutex_init(&fake->lock, NULL);
    pthread_cond_init(&fake->changed, NULL);
    return &fake->base;
}

void fake_queue_set_away(struct queue *queue, bool away)
{
    struct fake_queue *fake = of(queue);
    pthread_mutex_lock(&fake->lock);
    fake->away = away;
    fake->refused = false;
    if (away && fake->popping) {
        queue_wake(fake->inner); /* a waiting pop notices at once, as on a broken connection */
    }
    pthread_mutex_unlock(&fake->lock);
}

void fake_queue_set_hanging(struct queue *queue, bool hanging)
{
    struct fake_queue *fake = of(queue);
    pthread_mutex_lock(&fake->lock);
    fake->hanging = hanging;
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->lock);
}

void fake_queue_set_endless(struct queue *queue, order_id first)
{
    struct fake_queue *fake = of(queue);
    pthread_mutex_lock(&fake->lock);
    fake->next = first;
    pthread_mutex_unlock(&fake->lock);
}

static bool read_flag(struct fake_queue *fake, const bool *flag)
{
    pthread_mutex_lock(&fake->lock);
    bool set = *flag;
    pthread_mutex_unlock(&fake->lock);
    return set;
}

static bool was_refused(void *arg)
{
    struct fake_queue *fake = arg;
    return read_flag(fake, &fake->refused);
}

static bool is_hung(void *arg)
{
    struct fake_queue *fake = arg;
    return read_flag(fake, &fake->hung);
}

static bool is_popping(void *arg)
{
    struct fake_queue *fake = arg;
    return read_flag(fake, &fake->popping);
}

bool fake_queue_wait_refused(struct queue *queue)
{
    return wait_until(was_refused, of(queue), WAIT_MS);
}

bool fake_queue_wait_hung(struct queue *queue)
{
    return wait_until(is_hung, of(queue), WAIT_MS);
}

bool fake_queue_wait_popping(struct queue *queue)
{
    return wait_until(is_popping, of(queue), WAIT_MS);
}
