/* SPDX-License-Identifier: MIT */
/*
 * All threads of the services are started here, with a name, so that `top -H` shows what runs and a
 * grep for thread_start lists them.
 */
#ifndef COMMON_BASE_THREAD_H
#define COMMON_BASE_THREAD_H

#include <pthread.h>

/*
 * Starts `run(arg)` on a new thread called `name` (at most 15 characters). The caller joins it with
 * pthread_join. A thread that cannot be started ends the process with a clear line.
 */
pthread_t thread_start(const char *name, void *(*run)(void *arg), void *arg);

/*
 * The calling thread no longer takes the processor from one that runs when it is woken; it waits
 * for its turn, and for a processor that is free it does not wait (SCHED_BATCH, sched(7)). For
 * threads that serve what others gather: those go on gathering.
 */
void thread_wait_for_turn(void);

/* A condition variable whose timed waits run on CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *cond);

/*
 * Blocks SIGTERM, SIGINT and SIGHUP in this thread and all it starts; thread_wait_for_stop_signal
 * then receives them, the first two also if they were ignored; SIGHUP stays ignored, as nohup wants
 * it. All else that the process that started this one blocked is let through again. Ignores SIGPIPE
 * (hiredis writes without MSG_NOSIGNAL) and SIGXFSZ (a file that must not grow is an error of its
 * write). Before there are threads.
 */
void thread_prepare_signals(void);

/* Lets the three end the process at once again. For commands that serve nobody. */
void thread_unblock_signals(void);

enum { THREAD_WAIT_FOR_EVER = -1 };

/* Waits up to `wait_ms` for one of the three and returns its number, 0 if none came. */
int thread_wait_for_stop_signal(int wait_ms);

#endif
