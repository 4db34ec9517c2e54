/* SPDX-License-Identifier: MIT */
#include "tests/unit/json_checks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum status json_checks_bytes(const char *text, size_t len, struct json_error *error)
{
    union json_result result;
    char *copy = malloc(len > 0 ? len : 1);
    cr_assert_not_null(copy);
    memcpy(copy, text, len);
    enum status status = json_check(copy, len, NULL, 0, &result);
    if (status != STATUS_OK) {
        *error = result.error;
    }
    free(copy);
    return status;
}
