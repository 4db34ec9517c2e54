/* SPDX-License-Identifier: MIT */
/* What the tests of json_check.c share. */
#ifndef TESTS_UNIT_JSON_CHECKS_H
#define TESTS_UNIT_JSON_CHECKS_H

#include "common/base/json_check.h"

/* json_check of a copy of exactly `len` bytes, so that AddressSanitizer sees a read beyond it. */
enum status json_checks_bytes(const char *text, size_t len, struct json_error *error);

#endif
