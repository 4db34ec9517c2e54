/* SPDX-License-Identifier: MIT */
/* What every GET reads: orders by their ids, and the counters. */
#include <stdlib.h>
#include <string.h>

#include "common/store/mysql/store_mysql.h"

static int compare_lookups(const void *left, const void *right)
{
    order_id a = (*(struct store_lookup *const *)left)->id;
    order_id b = (*(struct store_lookup *const *)right)->id;
    return (a > b) - (a < b);
}

/* Columns id, client_id, status. Clients are compared byte by byte. */
static void answer(struct store_lookup *lookup, const struct mysql_row *row)
{
    if (strlen(lookup->client_id) == row->lengths[1] &&
        memcmp(lookup->client_id, row->values[1], row->lengths[1]) == 0) {
        lookup->found = true;
        lookup->status = order_status_of(strtoll(row->values[2], NULL, 10));
    }
}

/* Answers those of `sorted`, which are in the order of their ids, whose orders `table` has. */
static enum status look_up_in(struct mysql_session *session, const char *table,
                              struct store_lookup *const sorted[], size_t count)
{
    order_id ids[STORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        ids[i] = sorted[i]->id;
    }
    text_add(mysql_session_text(session), "SELECT id, client_id, status FROM ");
    text_add(mysql_session_text(session), table);
    text_add(mysql_session_text(session), " FORCE INDEX (PRIMARY) WHERE ");
    sql_text_add_ids(mysql_session_text(session), "id", ids, count);
    text_add(mysql_session_text(session), " ORDER BY id");
    enum status status = mysql_session_query(session, "lookup");
    struct mysql_row row;
    size_t i = 0;
    while (status == STATUS_OK && mysql_session_next(session, &row)) {
        order_id id = strtoull(row.values[0], NULL, 10);
        for (; i < count && ids[i] <= id; i++) {
            if (ids[i] == id) {
                answer(sorted[i], &row);
            }
        }
    }
    return status;
}

/* The archive second: an order may move there between the two queries, but never back. */
enum status mysql_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct store_lookup *sorted[STORE_BATCH_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &lookups[i];
    }
    qsort(sorted, count, sizeof sorted[0], compare_lookups);
    enum status status = look_up_in(mysql_session_of(store), "orders", sorted, count);
    for (size_t i = 0; i < count; i++) {
        if (!sorted[i]->found) {
            sorted[missing++] = sorted[i];
        }
    }
    return status == STATUS_OK && missing > 0
               ? look_up_in(mysql_session_of(store), "orders_archive", sorted, missing)
               : status;
}

enum status mysql_counts(struct store *store, struct order_counts *counts)
{
    struct mysql_session *session = mysql_session_of(store);
    int64_t sums[4];
    text_add(mysql_session_text(session), "SELECT SUM(created), SUM(started), SUM(completed), "
                                          "SUM(duration_us) FROM counters");
    enum status status = mysql_session_query_numbers(session, "counts", sums, 4);
    *counts = (struct order_counts){.created = sums[0],
                                    .started = sums[1],
                                    .completed = sums[2],
                                    .duration_us = sums[3]};
    return status;
}
