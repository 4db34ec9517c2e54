/* SPDX-License-Identifier: MIT */
/* What a process uses: memory, descriptors, threads. Shows whether it leaks. Blocks for files only.
 */
#ifndef TESTS_CHAOS_VITALS_H
#define TESTS_CHAOS_VITALS_H

#include <stddef.h>

#include "tests/support/process.h"

struct vitals {
    size_t resident_kb;
    size_t descriptors;
    size_t threads;
};

/* The process must be running. */
struct vitals vitals_read(const struct process *process);

/*
 * For a process that hangs: prints what each thread waits for in the kernel, that is the system
 * call's number and arguments and, if the kernel shows it (to root), the function it sleeps in.
 */
void vitals_print_threads(const struct process *process);

#endif
