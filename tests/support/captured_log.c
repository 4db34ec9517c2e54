/* SPDX-License-Identifier: MIT */
#include "tests/support/captured_log.h"

#include <stdio.h>

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
