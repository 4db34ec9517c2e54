/* SPDX-License-Identifier: MIT */
/* What a process takes of its machine, to see whether it gives it back. Blocks for files only. */
#ifndef TESTS_CHAOS_VITALS_H
#define TESTS_CHAOS_VITALS_H

#include <stddef.h>

#include "tests/support/process.h"

struct vitals {
    size_t resident_kb;
    size_t descriptors;
    size_t threads;
};

/* Of a process that runs. */
struct vitals vitals_read(const struct process *process);

/*
 * Prints what each thread of a process that does not go on waits for in the kernel: the system
 * call's number and arguments, and where the kernel says so (as root), the function it sleeps in.
 */
void vitals_print_threads(const struct process *process);

#endif
