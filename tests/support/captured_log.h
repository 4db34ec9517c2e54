/* SPDX-License-Identifier: MIT */
/* For tests of what the code under test logs in their own process. */
#ifndef TESTS_SUPPORT_CAPTURED_LOG_H
#define TESTS_SUPPORT_CAPTURED_LOG_H

/* What `run` writes to standard error; good until the next call. Once a test. */
const char *captured_log(void (*run)(void));

/* How often `part` stands in it. */
int captured_log_count(const char *log, const char *part);

#endif
