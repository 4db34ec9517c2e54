/* SPDX-License-Identifier: MIT */
/*
 * A sign of life for a supervisor: an empty file, touched at most once a second as
 * long as work goes on. A supervisor checks its age: the file of a dead process gets old.
 *
 * Blocks for the file system only. One thread at a time beats; another process may read the age.
 */
#ifndef COMMON_BASE_HEARTBEAT_H
#define COMMON_BASE_HEARTBEAT_H

#include <stdint.h>

#include "common/base/status.h"

struct heartbeat;

/*
 * Creates the file `path`, or takes over an empty one. That something else is there is an error:
 * it would be lost at the end. NULL: the log says why and names HEALTH_FILE.
 */
struct heartbeat *heartbeat_open(const char *path);

/*
 * Touches the file unless it was touched less than a second ago. A file that somebody has removed
 * is made again. Takes NULL: nobody watches.
 */
void heartbeat_beat(struct heartbeat *heartbeat);

/* Removes the file. Takes NULL. */
void heartbeat_close(struct heartbeat *heartbeat);

/*
 * How long ago the file `path` was touched. One that is ahead of the clock counts as that old: the
 * clock was set back, and a process that lives touches the file again within a second.
 * STATUS_NOT_FOUND: it cannot be looked at, errno says why.
 */
MUST_CHECK enum status heartbeat_age(const char *path, uint64_t *age_ms);

#endif
