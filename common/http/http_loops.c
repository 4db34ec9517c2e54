/* SPDX-License-Identifier: MIT */
#include "common/http/http_loops.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/http/http_listener.h"

enum {
    LOOPS = 2,
    ACCEPTED_AT_ONCE = 16, /* so that those that are there are served in between */
    FEW = 100,             /* connections that one loop serves alone, with fewer wake-ups */
    UNEVEN_MAX = 16, /* a loop that has more beyond these than another leaves new ones to it */
    NO_ROOM_PAUSE_MS = 100, /* after the system had no descriptor or memory for a connection */
    NO_ROOM_LOG_MS = 10000,
    LOOK_MS = 50, /* between two looks for connections that are stuck */
};

enum loop_state { LOOP_OPEN, LOOP_CLOSED, LOOP_ENDING };

struct http_loop {
    struct http_loops *all;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    int wake;                                  /* an eventfd: a resumption, or another state */
    _Atomic(struct http_resumption *) resumed; /* the newest first */
    atomic_uint connections;
    atomic_bool leaves_to_others; /* it leaves new connections to the others */
    uint64_t accept_at_ms;        /* not before this, clock_monotonic_ms; the thread's own, both */
    uint64_t log_at_ms;           /* the next line that says so, not before this */
    uint64_t look_at_ms;          /* for stuck connections, not before this */
};

struct http_loops {
    struct http_loops_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_int wanted;             /* the state that all loops are to be in */
    unsigned reached;              /* how many of them are; under lock */
    struct http_loop loops[LOOPS]; /* those that have a daemon have a thread */
};

static _Thread_local struct http_loop *here;

struct http_loop *http_loop_here(void)
{
    return here;
}

static void wake(struct http_loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void http_loop_resume(struct http_loop *loop, struct http_resumption *resumption)
{
    struct http_resumption *first = atomic_load_explicit(&loop->resumed, memory_order_relaxed);
    do {
        resumption->next = first;
    } while (!atomic_compare_exchange_weak_explicit(&loop->resumed, &first, resumption,
                                                    memory_order_release, memory_order_relaxed));
    if (first == NULL) { /* else the thread was woken for the one that is there */
        wake(loop);
    }
}

/* The first to have been resumed goes on first. */
static void resume_all(struct http_loop *loop)
{
    struct http_resumption *newest =
        atomic_exchange_explicit(&loop->resumed, NULL, memory_order_acquire);
    struct http_resumption *oldest = NULL;
    while (newest != NULL) {
        struct http_resumption *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct http_resumption *next = oldest->next;
        MHD_resume_connection(oldest->connection);
        oldest = next;
    }
}

static unsigned connections_of(const struct http_loop *loop)
{
    return atomic_load(&loop->connections);
}

/* The library has closed a socket that it does not take. */
static void add_connection(struct http_loop *loop, int socket,
                           const struct sockaddr_storage *address, socklen_t len)
{
    unsigned total = 0;
    for (size_t i = 0; i < LOOPS; i++) {
        total += connections_of(&loop->all->loops[i]);
    }
    if (total >= loop->all->config.connections_max) {
        close(socket);
    } else if (MHD_add_connection(loop->daemon, socket, (const struct sockaddr *)address, len) ==
               MHD_YES) {
        atomic_fetch_add(&loop->connections, 1);
    }
}

static void log_no_room(struct http_loop *loop, const char *error)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= loop->log_at_ms) {
        log_warn("cannot accept a connection; trying again", log_str("error", error),
                 log_int("pause_ms", NO_ROOM_PAUSE_MS));
        loop->log_at_ms = now_ms + NO_ROOM_LOG_MS;
    }
    loop->accept_at_ms = now_ms + NO_ROOM_PAUSE_MS;
}

/* True: more may wait. */
static bool accept_some(struct http_loop *loop)
{
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int socket = http_listener_accept(loop->all->config.listener, &address, &len);
        if (socket < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            log_no_room(loop, strerror(errno));
        }
        if (socket < 0) {
            return false;
        }
        add_connection(loop, socket, &address, len);
    }
    return true;
}

static unsigned beyond_few(const struct http_loop *loop)
{
    unsigned count = connections_of(loop);
    return count > FEW ? count - FEW : 0;
}

/* Never true of all at once: a loop that has few leaves new ones only to a loop before it. */
static bool leaves_to(const struct http_loop *loop, const struct http_loop *other)
{
    return (other < loop && connections_of(other) < FEW) ||
           beyond_few(loop) > beyond_few(other) + UNEVEN_MAX;
}

static bool has_too_many(const struct http_loop *loop)
{
    for (size_t i = 0; i < LOOPS; i++) {
        if (leaves_to(loop, &loop->all->loops[i])) {
            return true;
        }
    }
    return false;
}

/*
 * Leaves new connections to the other loops while this one has too many. True: it does. The flag is
 * set before the look at the others: a loop that accepts looks at the flag after it has counted, so
 * that not all pause for what was so a moment ago.
 */
static bool pause_if_uneven(struct http_loop *loop)
{
    atomic_store(&loop->leaves_to_others, true);
    bool too_many = has_too_many(loop);
    if (!too_many) {
        atomic_store(&loop->leaves_to_others, false);
    }
    return too_many;
}

/* Loops that paused, and that may accept again now that this one has. */
static void wake_loops_that_may_accept(struct http_loops *all)
{
    for (size_t i = 0; i < LOOPS; i++) {
        struct http_loop *loop = &all->loops[i];
        if (atomic_load(&loop->leaves_to_others) && !has_too_many(loop)) {
            wake(loop);
        }
    }
}

static enum loop_state wanted(const struct http_loop *loop)
{
    return (enum loop_state)atomic_load_explicit(&loop->all->wanted, memory_order_acquire);
}

/* Milliseconds until the library has something to do by itself; -1: never. */
static int library_timeout(struct http_loop *loop)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    if (MHD_get_timeout(loop->daemon, &timeout_ms) == MHD_NO) {
        return -1;
    }
    return timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX;
}

/* Milliseconds until the next look for connections that are stuck; -1: there can be none. */
static int end_stuck(struct http_loop *loop)
{
    const struct http_loops_config *config = &loop->all->config;
    if (!config->may_be_stuck(config->context)) {
        return -1;
    }
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= loop->look_at_ms) {
        loop->look_at_ms = now_ms + LOOK_MS;
        config->end_stuck(config->context);
    }
    return (int)(loop->look_at_ms - now_ms);
}

static int shorter(int left_ms, int right_ms)
{
    return left_ms >= 0 && (right_ms < 0 || left_ms < right_ms) ? left_ms : right_ms;
}

/* Waits for something to do, and accepts. */
static void wait_for_work(struct http_loop *loop)
{
    enum { LIBRARY, WAKE, LISTENER, DESCRIPTORS };
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[DESCRIPTORS] = {
        [LIBRARY] = {.fd = info->epoll_fd, .events = POLLIN},
        [WAKE] = {.fd = loop->wake, .events = POLLIN},
        [LISTENER] = {.fd = -1, .events = POLLIN},
    };
    int timeout_ms = shorter(library_timeout(loop), end_stuck(loop));
    uint64_t now_ms = loop->accept_at_ms != 0 ? clock_monotonic_ms() : 0;
    if (now_ms < loop->accept_at_ms) {
        timeout_ms = shorter(timeout_ms, (int)(loop->accept_at_ms - now_ms));
    } else if (wanted(loop) == LOOP_OPEN && !pause_if_uneven(loop)) {
        loop->accept_at_ms = 0;
        fds[LISTENER].fd = loop->all->config.listener;
    }
    poll(fds, DESCRIPTORS, timeout_ms);
    if (fds[WAKE].revents != 0) {
        uint64_t count;
        (void)!read(loop->wake, &count, sizeof count);
    }
    if (fds[LISTENER].revents != 0) {
        accept_some(loop);
        wake_loops_that_may_accept(loop->all);
    }
}

static void serve(struct http_loop *loop)
{
    resume_all(loop);
    MHD_run_wait(loop->daemon, 0);
    unsigned now =
        MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
    atomic_store_explicit(&loop->connections, now, memory_order_relaxed);
}

/* Counts this loop among those that are in the state that is wanted. */
static void reach(struct http_loops *all)
{
    pthread_mutex_lock(&all->lock);
    all->reached++;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->lock);
}

static void *run(void *arg)
{
    struct http_loop *loop = arg;
    enum loop_state state = LOOP_OPEN;
    here = loop;
    while (state != LOOP_ENDING) {
        wait_for_work(loop);
        if (wanted(loop) != state) {
            state = wanted(loop);
            for (int left = state == LOOP_CLOSED ? SOMAXCONN / ACCEPTED_AT_ONCE : 0;
                 left > 0 && accept_some(loop); left--) {
            }
            reach(loop->all);
        }
        serve(loop);
    }
    return NULL;
}

/* Has all loops be in another state, and waits until they are. */
static void change(struct http_loops *all, enum loop_state state)
{
    pthread_mutex_lock(&all->lock);
    assert((int)state > atomic_load_explicit(&all->wanted, memory_order_relaxed));
    all->reached = 0;
    atomic_store_explicit(&all->wanted, state, memory_order_release);
    for (size_t i = 0; i < LOOPS; i++) {
        wake(&all->loops[i]);
    }
    while (all->reached < LOOPS) {
        pthread_cond_wait(&all->changed, &all->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

static void finish(struct http_loops *all)
{
    for (size_t i = 0; i < LOOPS; i++) {
        if (all->loops[i].daemon != NULL) {
            MHD_stop_daemon(all->loops[i].daemon);
        }
        close(all->loops[i].wake);
    }
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct http_loops *http_loops_start(const struct http_loops_config *config)
{
    struct http_loops *all = memory_allocate(1, sizeof *all);
    bool made = true;
    all->config = *config;
    pthread_mutex_init(&all->lock, NULL);
    thread_cond_init(&all->changed);
    for (size_t i = 0; i < LOOPS; i++) {
        struct http_loop *loop = &all->loops[i];
        loop->all = all;
        loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        loop->daemon = config->make_daemon(config->context);
        made = made && loop->wake >= 0 && loop->daemon != NULL;
    }
    if (!made) {
        finish(all);
        return NULL;
    }
    for (size_t i = 0; i < LOOPS; i++) {
        all->loops[i].thread = thread_start("http", run, &all->loops[i]);
    }
    return all;
}

void http_loops_close(struct http_loops *loops)
{
    change(loops, LOOP_CLOSED);
}

void http_loops_stop(struct http_loops *loops)
{
    if (loops == NULL) {
        return;
    }
    change(loops, LOOP_ENDING);
    for (size_t i = 0; i < LOOPS; i++) {
        pthread_join(loops->loops[i].thread, NULL);
    }
    finish(loops);
}
