/* SPDX-License-Identifier: MIT */
/*
 * A program started by a test, with what it writes captured. It dies with the test, whatever ends
 * the test. Start processes from the test's main thread only: they die with the thread that
 * started them.
 *
 * A process is ended by one of process_stop_cleanly, process_kill and process_wait_exit. One that
 * is still running when process_discard (in a test's .fini) comes belongs to a test that failed:
 * its output is printed.
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid;  /* 0: not running */
    int log_fd; /* standard output and error; valid when `name` is not empty */
    char name[32];
};

/*
 * Runs `argv` (absolute path first, NULL last) in `folder`. Its environment is `settings`
 * (NAME=VALUE, NULL last; NULL: none) and a minimal rest, nothing of the developer's but the
 * sanitizers' options. `process` is zeroed or was ended before. Failing to start fails the test.
 */
void process_start(struct process *process, const char *const argv[], const char *const settings[],
                   const char *folder);

/* Waits until `text` was written. False: the limit passed, or the process ended without it. */
bool process_wait_line(struct process *process, const char *text, uint32_t limit_ms);

/* The same, and the decimal number behind the first `text`; -1 when it did not come. */
long process_wait_number(struct process *process, const char *text, uint32_t limit_ms);

bool process_log_contains(const struct process *process, const char *text);

/* How often `text` stands in the log. */
size_t process_log_count(const struct process *process, const char *text);

/* All that was written so far, NUL-terminated; free() it. */
char *process_log_read(const struct process *process);

void process_print_log(const struct process *process);

void process_signal(const struct process *process, int signal);

/* False: it has ended by itself, and is to be waited for. */
bool process_is_running(const struct process *process);

/*
 * Waits for the end of the process. Its exit code, 128 + signal for a killed one, -1 when it still
 * runs at the limit.
 */
int process_wait_exit(struct process *process, uint32_t limit_ms);

/*
 * SIGTERM; fails the test unless the process exits with 0 within the limit and no sanitizer
 * complained.
 */
void process_stop_cleanly(struct process *process, uint32_t limit_ms);

/* SIGKILL, and waits. Fails the test if a sanitizer complained before. */
void process_kill(struct process *process);

/* For .fini: kills what still runs and prints its output. Takes one that was never started. */
void process_discard(struct process *process);

/* VmRSS of a running process. */
size_t process_resident_kb(const struct process *process);

#endif
