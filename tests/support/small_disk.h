/* SPDX-License-Identifier: MIT */
/*
 * A small disk for a test that fills it. It is seen by the test's process alone and those it
 * starts, lies over /tmp, so that whatever the test makes is on it, and goes with them. Failing to
 * make it fails the test; CMake registers such tests only where it is allowed. Threads: the test's
 * main thread, before any other.
 */
#ifndef TESTS_SUPPORT_SMALL_DISK_H
#define TESTS_SUPPORT_SMALL_DISK_H

#include <stdint.h>

void small_disk_mount(uint32_t megabytes);

/* For .fini, behind all others. */
void small_disk_unmount(void);

/* Leaves no byte of it. May be called again, for what has become free since. */
void small_disk_fill(void);

/* Gives back what was filled, if anything was. */
void small_disk_free(void);

#endif
