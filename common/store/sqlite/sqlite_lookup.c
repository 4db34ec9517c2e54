/* SPDX-License-Identifier: MIT */
/* What every GET reads: orders by their ids, and the counters. */
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

static enum status look_up_with(struct sqlite_session *session, enum sqlite_statement index,
                                struct store_lookup *lookup)
{
    const struct sqlite_value parameters[] = {sqlite_number((int64_t)lookup->id),
                                              sqlite_string_of(lookup->client_id)};
    enum status status = sqlite_session_start(session, index, parameters, 2);
    if (status != STATUS_OK) {
        return status;
    }
    lookup->found = sqlite_session_next(session);
    if (lookup->found) {
        lookup->status = order_status_of(sqlite_session_column(session, 0));
    }
    return sqlite_session_finish(session);
}

static enum status look_up_one(struct sqlite_session *session, struct store_lookup *lookup)
{
    enum status status = look_up_with(session, SQL_LOOKUP, lookup);
    return status == STATUS_OK && !lookup->found
               ? look_up_with(session, SQL_LOOKUP_ARCHIVED, lookup)
               : status;
}

enum status sqlite_lookup(struct store *store, struct store_lookup lookups[], size_t count)
{
    enum status status = sqlite_session_begin_read(sqlite_session_of(store));
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = look_up_one(sqlite_session_of(store), &lookups[i]);
    }
    return sqlite_session_end_read(sqlite_session_of(store), status);
}

enum status sqlite_counts(struct store *store, struct order_counts *counts)
{
    struct sqlite_session *session = sqlite_session_of(store);
    int64_t row[4] = {0};
    enum status status = sqlite_session_run(session, SQL_COUNTS,
                                            &(struct sqlite_numbers){.out = row, .out_count = 4});
    status = sqlite_session_check_files(session, status);
    *counts = (struct order_counts){.created = row[0],
                                    .started = row[1],
                                    .completed = row[2],
                                    .duration_us = row[3]};
    return status;
}
