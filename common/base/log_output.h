/* SPDX-License-Identifier: MIT */
/*
 * Where the lines of the log go: standard error, and never at the price of waiting for it. A reader
 * that does not read (a full pipe, a stopped terminal, a log collector that hangs) costs lines, not
 * requests: they are dropped, counted, and the count is in the next line that goes out.
 *
 * Blocks: only where standard error is a file, for its disk. Any thread.
 */
#ifndef COMMON_BASE_LOG_OUTPUT_H
#define COMMON_BASE_LOG_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Before there are threads. Until then, and where it cannot do better, it looks before it writes.
 */
void log_output_open(void);

/* One line, at most PIPE_BUF bytes, so that no other comes between. False: it was dropped. */
bool log_output_write(const char *line, size_t len);

#endif
