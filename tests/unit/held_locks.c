/* SPDX-License-Identifier: MIT */
/*
 * The linker calls these in the place of the system's functions. A condition that is signalled
 * without the lock of what has changed can be missed: a thread that has looked, and does not wait
 * yet, sleeps on. No test would meet that moment, so the program aborts wherever it could come.
 */
#include <assert.h>
#include <pthread.h>

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __real_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_broadcast(pthread_cond_t *condition);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_broadcast(pthread_cond_t *condition);

static _Thread_local int held; /* mutexes of this thread */

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    held++;
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    assert(held > 0);
    held--;
    return __real_pthread_mutex_unlock(mutex);
}

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    assert(held > 0);
    return __real_pthread_cond_signal(condition);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *condition)
{
    assert(held > 0);
    return __real_pthread_cond_broadcast(condition);
}
