/* SPDX-License-Identifier: MIT */
/*
 * Criterion runs each test in a process of its own, and in the one that runs them it loses 48 bytes
 * now and then (2.4.1, 27 tests: in 1 run of 3). So leaks are looked for in the tests' processes
 * only.
 */
#include <stdlib.h>

int __lsan_is_turned_off(void); /* LeakSanitizer asks before it looks */

int __lsan_is_turned_off(void)
{
    return getenv("BXFI_MAP") == NULL; /* which a test's process has */
}
