/* SPDX-License-Identifier: MIT */
/*
 * Memory for what a process needs to exist at all (its connections, its queues, its threads).
 * Without it there is nothing to serve, so these end the process with a clear line instead of
 * returning NULL. Memory for a request comes from malloc and its absence is answered with 503.
 */
#ifndef COMMON_BASE_MEMORY_H
#define COMMON_BASE_MEMORY_H

#include <stddef.h>

/* `count` zeroed elements of `size` bytes; free() them. */
void *memory_allocate(size_t count, size_t size);

#endif
