/* SPDX-License-Identifier: MIT */
#include "common/base/thread.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/clock.h"

enum { WAIT_MS = 50 };

TestSuite(thread, .timeout = 60);

static void *wait_for_lock(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return lock;
}

static void *note_blocked(void *arg)
{
    pthread_sigmask(SIG_SETMASK, NULL, arg);
    return arg;
}

Test(thread, it_has_its_name_and_gives_its_result)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    char name[16] = "";
    void *result = NULL;
    pthread_mutex_lock(&lock);
    pthread_t thread = thread_start("fifteen-letters", wait_for_lock, &lock);
    cr_assert_eq(pthread_getname_np(thread, name, sizeof name), 0);
    pthread_mutex_unlock(&lock);
    cr_assert_eq(pthread_join(thread, &result), 0);
    cr_assert_str_eq(name, "fifteen-letters");
    cr_assert_eq(result, &lock);
}

Test(thread, a_timed_wait_runs_on_the_clock_that_nobody_sets)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    thread_cond_init(&cond);
    uint64_t start_ms = clock_monotonic_ms();
    struct timespec until = clock_monotonic_after(WAIT_MS);
    pthread_mutex_lock(&lock);
    int error = 0;
    while (error == 0) {
        error = pthread_cond_timedwait(&cond, &lock, &until);
    }
    pthread_mutex_unlock(&lock);
    cr_assert_eq(error, ETIMEDOUT);
    cr_assert_geq(clock_monotonic_ms() - start_ms, WAIT_MS);
    pthread_cond_destroy(&cond);
}

Test(thread, the_stop_signals_wait_until_they_are_asked_for)
{
    thread_prepare_signals();
    cr_assert_eq(thread_wait_for_stop_signal(0), 0);
    kill(getpid(), SIGTERM);
    cr_assert_eq(thread_wait_for_stop_signal(THREAD_WAIT_FOR_EVER), SIGTERM);
    kill(getpid(), SIGINT);
    cr_assert_eq(thread_wait_for_stop_signal(WAIT_MS), SIGINT);
    cr_assert_eq(thread_wait_for_stop_signal(0), 0);
}

Test(thread, waiting_for_a_stop_signal_ends_in_time)
{
    thread_prepare_signals();
    uint64_t start_ms = clock_monotonic_ms();
    cr_assert_eq(thread_wait_for_stop_signal(WAIT_MS), 0);
    cr_assert_geq(clock_monotonic_ms() - start_ms, WAIT_MS);
}

static void do_nothing(int signal_number)
{
    (void)signal_number;
}

Test(thread, another_signal_does_not_end_the_wait_for_a_stop_signal)
{
    const struct sigaction action = {.sa_handler = do_nothing};
    const struct itimerval once = {.it_value.tv_usec = WAIT_MS * 1000 / 2};
    thread_prepare_signals();
    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    uint64_t start_ms = clock_monotonic_ms();
    cr_assert_eq(setitimer(ITIMER_REAL, &once, NULL), 0);
    cr_assert_eq(thread_wait_for_stop_signal(WAIT_MS), 0);
    cr_assert_geq(clock_monotonic_ms() - start_ms, WAIT_MS);
}

Test(thread, every_thread_leaves_the_stop_signals_to_main)
{
    sigset_t blocked;
    thread_prepare_signals();
    pthread_join(thread_start("other", note_blocked, &blocked), NULL);
    cr_assert(sigismember(&blocked, SIGTERM));
    cr_assert(sigismember(&blocked, SIGINT));
}

Test(thread, a_peer_that_has_gone_is_an_error_and_no_signal)
{
    int ends[2];
    thread_prepare_signals();
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_eq(write(ends[1], "x", 1), -1);
    cr_assert_eq(errno, EPIPE);
    close(ends[1]);
}

Test(thread, a_command_can_be_ended_by_a_stop_signal, .signal = SIGTERM)
{
    thread_prepare_signals();
    thread_unblock_signals();
    kill(getpid(), SIGTERM);
}
