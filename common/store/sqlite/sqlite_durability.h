/* SPDX-License-Identifier: MIT */
/* What an SQLite connection's settings, and the file system under its file, let survive. Pure. */
#ifndef COMMON_STORE_SQLITE_SQLITE_DURABILITY_H
#define COMMON_STORE_SQLITE_SQLITE_DURABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/store/durability.h"

/* PRAGMA synchronous, 0 to 3; PRAGMA journal_mode; whether the file is in the machine's memory. */
struct durability_report sqlite_durability_judge(int64_t synchronous, const char *journal_mode,
                                                 bool in_memory);

/* True for a file system that is empty after a power cut. */
bool sqlite_durability_is_in_memory(const char *path);

#endif
