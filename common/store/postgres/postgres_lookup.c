/* SPDX-License-Identifier: MIT */
/* What every GET reads: orders by their ids, and the counters. */
#include <string.h>

#include "common/store/postgres/postgres_array.h"
#include "common/store/postgres/store_postgres.h"

#define LOOKUP(table)                                                                              \
    "SELECT l.place, o.status FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY "              \
    "AS l (id, client_id, place) JOIN " table " o ON o.id = l.id AND o.client_id = l.client_id"

/*
 * Asks for all of `lookups`. The rows are the places, from 1, of those that
 * found their order now, and its status.
 */
static enum status look_up_with(struct postgres_session *session, const char *sql,
                                struct store_lookup *lookups[], size_t count)
{
    struct text *ids = postgres_session_array(session, 0);
    struct text *clients = postgres_session_array(session, 1);
    postgres_array_start(ids, POSTGRES_BIGINT, count);
    postgres_array_start(clients, POSTGRES_TEXT, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_bigint(ids, (int64_t)lookups[i]->id);
        postgres_array_add_bytes(clients, lookups[i]->client_id, strlen(lookups[i]->client_id));
    }
    const struct postgres_value columns[] = {postgres_array(ids), postgres_array(clients)};
    enum status status = postgres_session_run_prepared(session, "lookup", sql, columns, 2);
    for (size_t row = 0; status == STATUS_OK && row < postgres_session_rows(session); row++) {
        struct store_lookup *lookup = lookups[postgres_session_number(session, row, 0) - 1];
        lookup->found = true;
        lookup->status = order_status_of(postgres_session_number(session, row, 1));
    }
    return status;
}

/* The archive second: an order may move there between the two queries, but never back. */
enum status postgres_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    struct store_lookup *asked[STORE_BATCH_MAX];
    size_t missing = 0;
    for (size_t i = 0; i < count; i++) {
        asked[i] = &lookups[i];
    }
    enum status status = look_up_with(postgres_session_of(store), LOOKUP("orders"), asked, count);
    for (size_t i = 0; i < count; i++) {
        if (!lookups[i].found) {
            asked[missing++] = &lookups[i];
        }
    }
    return status == STATUS_OK && missing > 0
               ? look_up_with(postgres_session_of(store), LOOKUP("orders_archive"), asked, missing)
               : status;
}

enum status postgres_counts(struct store *store, struct order_counts *counts)
{
    struct postgres_session *session = postgres_session_of(store);
    enum status status =
        postgres_session_run_prepared(session, "counts",
                                      "SELECT sum(created), sum(started), sum(completed), "
                                      "sum(duration_us) FROM counters",
                                      NULL, 0);
    *counts = (struct order_counts){0};
    if (status == STATUS_OK) {
        counts->created = postgres_session_number(session, 0, 0);
        counts->started = postgres_session_number(session, 0, 1);
        counts->completed = postgres_session_number(session, 0, 2);
        counts->duration_us = postgres_session_number(session, 0, 3);
    }
    return status;
}
