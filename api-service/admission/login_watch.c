/* SPDX-License-Identifier: MIT */
#include "api-service/admission/login_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "api-service/admission/failed_logins.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/thread.h"

struct login_watch {
    pthread_t thread;
    atomic_uint_fast64_t count;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of the two below, which are under lock */
    bool stopping;
    struct failed_logins logins;
};

static void tell(const struct failed_logins_entry *line)
{
    log_warn("logins failed", log_str("address", line->address),
             log_int("count", (int64_t)line->count),
             log_str("client", line->client != NULL ? line->client : "unknown"));
}

/* True: a line was due, and the lock was let go to write it. At the stop each one is due. */
static bool tell_next(struct login_watch *watch)
{
    struct failed_logins_entry line;
    uint64_t now_ms = watch->stopping ? failed_logins_due_ms(&watch->logins) : clock_monotonic_ms();
    if (!failed_logins_take(&watch->logins, now_ms, &line)) {
        return false;
    }
    pthread_mutex_unlock(&watch->lock);
    tell(&line);
    pthread_mutex_lock(&watch->lock);
    return true;
}

/* Until a line is due, or something has changed. */
static void wait_for_next(struct login_watch *watch)
{
    uint64_t due_ms = failed_logins_due_ms(&watch->logins);
    uint64_t now_ms = clock_monotonic_ms();
    if (due_ms == UINT64_MAX) {
        pthread_cond_wait(&watch->changed, &watch->lock);
    } else if (due_ms > now_ms) {
        struct timespec until = clock_monotonic_after((uint32_t)(due_ms - now_ms));
        pthread_cond_timedwait(&watch->changed, &watch->lock, &until);
    }
}

static void *run(void *arg)
{
    struct login_watch *watch = arg;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stopping) {
        if (!tell_next(watch)) {
            wait_for_next(watch);
        }
    }
    while (tell_next(watch)) {
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

struct login_watch *login_watch_start(void)
{
    struct login_watch *watch = memory_allocate(1, sizeof *watch);
    pthread_mutex_init(&watch->lock, NULL);
    thread_cond_init(&watch->changed);
    watch->thread = thread_start("login-watch", run, watch);
    return watch;
}

void login_watch_stop(struct login_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->lock);
    watch->stopping = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void login_watch_note(struct login_watch *watch, const char *address, const char *client)
{
    atomic_fetch_add_explicit(&watch->count, 1, memory_order_relaxed);
    pthread_mutex_lock(&watch->lock);
    if (failed_logins_add(&watch->logins, address, client, clock_monotonic_ms())) {
        pthread_cond_signal(&watch->changed);
    }
    pthread_mutex_unlock(&watch->lock);
}

uint64_t login_watch_count(const struct login_watch *watch)
{
    return atomic_load_explicit(&watch->count, memory_order_relaxed);
}
