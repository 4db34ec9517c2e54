/* SPDX-License-Identifier: MIT */
#include "common/program/spelling.h"

#include <stddef.h>
#include <string.h>

enum { LEN_MAX = 63, LONG_LEN = 8 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t lesser = a < b ? a : b;
    return lesser < c ? lesser : c;
}

/* The optimal string alignment distance, row by row. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][LEN_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_len; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t other = above[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
            row[j] = least(above[j] + 1, row[j - 1] + 1, other);
            bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (exchanged && before[j - 2] + 1 < row[j]) {
                row[j] = before[j - 2] + 1;
            }
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_len];
}

bool spelling_is_close(const char *name, const char *meant)
{
    size_t len = strlen(name);
    size_t meant_len = strlen(meant);
    if (len > LEN_MAX || meant_len > LEN_MAX) {
        return false;
    }
    size_t changes = distance(name, len, meant, meant_len);
    size_t allowed = meant_len >= LONG_LEN ? 2 : 1; /* or COST would be close to PORT */
    return changes >= 1 && changes <= allowed;
}
