/* SPDX-License-Identifier: MIT */
#include "common/base/thread.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"

enum { NAME_LEN_MAX = 15 }; /* pthread_setname_np(3) refuses longer ones */

pthread_t thread_start(const char *name, void *(*run)(void *arg), void *arg)
{
    assert(strlen(name) <= NAME_LEN_MAX);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, arg);
    if (error != 0) {
        log_error("cannot start a thread", log_str("thread", name),
                  log_str("error", strerror(error)));
        _exit(EXIT_FAILURE); /* not exit: threads may run, and would outlive their libraries */
    }
    pthread_setname_np(thread, name);
    return thread;
}

void thread_wait_for_turn(void)
{
    const struct sched_param none = {0};
    /* Another policy was chosen on purpose. Where this is refused, the service is a little slower.
     */
    if (sched_getscheduler(0) == SCHED_OTHER) {
        sched_setscheduler(0, SCHED_BATCH, &none);
    }
}

void thread_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* A signal that is blocked reaches sigwait also where it is ignored; nohup means what it says. */
static bool is_ignored(int signal_number)
{
    struct sigaction action;
    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (!is_ignored(SIGHUP)) {
        sigaddset(&set, SIGHUP);
    }
    return set;
}

void thread_prepare_signals(void)
{
    sigset_t set = stop_signals();
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void thread_unblock_signals(void)
{
    sigset_t set = stop_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

int thread_wait_for_stop_signal(int wait_ms)
{
    assert(wait_ms >= 0 || wait_ms == THREAD_WAIT_FOR_EVER);
    sigset_t set = stop_signals();
    const struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
    int signal_number;
    do {
        signal_number = wait_ms == THREAD_WAIT_FOR_EVER ? sigwaitinfo(&set, NULL)
                                                        : sigtimedwait(&set, NULL, &wait);
    } while (signal_number < 0 && errno == EINTR);
    return signal_number < 0 ? 0 : signal_number;
}
