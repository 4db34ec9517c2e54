/* SPDX-License-Identifier: MIT */
#include "tests/support/captured_log.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

const char *captured_log(void (*run)(void))
{
    static char log[16384];
    fflush(stderr);
    cr_redirect_stderr();
    run();
    size_t len = fread(log, 1, sizeof log - 1, cr_get_redirected_stderr());
    log[len] = '\0';
    return log;
}

int captured_log_count(const char *log, const char *part)
{
    int count = 0;
    for (; (log = strstr(log, part)) != NULL; log++) {
        count++;
    }
    return count;
}
