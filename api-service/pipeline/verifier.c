/* SPDX-License-Identifier: MIT */
#include "api-service/pipeline/verifier.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/thread.h"

enum {
    LIMIT_MS = 60 * 1000,     /* the server closes a connection that is silent for 75 s */
    AWAY_LIMIT_MS = 5 * 1000, /* as every request waits for a database that is away */
    RETRY_MS = 20,
};

struct verifier {
    struct store *store;
    const atomic_bool *stopping; /* the service's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool reserved;
    bool ended;
    struct verify_ticket *ticket; /* NULL: nothing is under way */
    uint64_t until_ms;
};

static bool go_on(void *context, int64_t rows, int64_t rows_expected)
{
    const struct verifier *verifier = context;
    (void)rows;
    (void)rows_expected;
    return !atomic_load(verifier->stopping) && clock_monotonic_ms() < verifier->until_ms;
}

/* The connection may have been idle for hours, and the first use then finds it broken. */
static enum status verify(struct verifier *verifier, struct store_verification *found)
{
    const struct store_progress progress = {.go_on = go_on, .context = verifier};
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t away_until_ms = now_ms + AWAY_LIMIT_MS;
    verifier->until_ms = now_ms + LIMIT_MS;
    enum status status = store_verify(verifier->store, &progress, found);
    while (status != STATUS_OK && status != STATUS_TIMEOUT &&
           clock_monotonic_ms() < away_until_ms && !atomic_load(verifier->stopping)) {
        clock_sleep_ms(RETRY_MS);
        status = store_verify(verifier->store, &progress, found);
    }
    return status;
}

/* The next ticket; NULL: there will be none. */
static struct verify_ticket *await_ticket(struct verifier *verifier)
{
    pthread_mutex_lock(&verifier->lock);
    while (verifier->ticket == NULL && !verifier->ended) {
        pthread_cond_wait(&verifier->changed, &verifier->lock);
    }
    struct verify_ticket *ticket = verifier->ticket;
    pthread_mutex_unlock(&verifier->lock);
    return ticket;
}

static void *run(void *arg)
{
    struct verifier *verifier = arg;
    struct verify_ticket *ticket;
    while ((ticket = await_ticket(verifier)) != NULL) {
        struct store_verification found;
        enum status status = verify(verifier, &found);
        /* Before the answer, so that a client that has it may ask again at once. */
        pthread_mutex_lock(&verifier->lock);
        verifier->ticket = NULL;
        verifier->reserved = false;
        pthread_mutex_unlock(&verifier->lock);
        ticket->done(ticket, status, &found);
    }
    return NULL;
}

struct verifier *verifier_start(struct store *store, const atomic_bool *stopping)
{
    struct verifier *verifier = memory_allocate(1, sizeof *verifier);
    verifier->store = store;
    verifier->stopping = stopping;
    pthread_mutex_init(&verifier->lock, NULL);
    pthread_cond_init(&verifier->changed, NULL);
    verifier->thread = thread_start("verifier", run, verifier);
    return verifier;
}

bool verifier_reserve(struct verifier *verifier)
{
    pthread_mutex_lock(&verifier->lock);
    bool is_free = !verifier->reserved;
    verifier->reserved = true;
    pthread_mutex_unlock(&verifier->lock);
    return is_free;
}

void verifier_submit(struct verifier *verifier, struct verify_ticket *ticket)
{
    pthread_mutex_lock(&verifier->lock);
    assert(verifier->reserved && verifier->ticket == NULL);
    verifier->ticket = ticket;
    pthread_cond_signal(&verifier->changed);
    pthread_mutex_unlock(&verifier->lock);
}

void verifier_stop(struct verifier *verifier)
{
    if (verifier == NULL) {
        return;
    }
    pthread_mutex_lock(&verifier->lock);
    verifier->ended = true;
    pthread_cond_signal(&verifier->changed);
    pthread_mutex_unlock(&verifier->lock);
    pthread_join(verifier->thread, NULL);
    pthread_cond_destroy(&verifier->changed);
    pthread_mutex_destroy(&verifier->lock);
    free(verifier);
}
