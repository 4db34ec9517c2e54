/* SPDX-License-Identifier: MIT */
/* The two moves of orders for SQLite, each with its counter in one transaction. */
#include "common/base/clock.h"
#include "common/store/sqlite/sqlite_statements.h"
#include "common/store/sqlite/store_sqlite.h"

enum status sqlite_count_moves(struct store *store, const struct order_counts *moved)
{
    const int64_t parameters[] = {moved->created, moved->started, moved->completed,
                                  moved->duration_us};
    return sqlite_session_run(sqlite_session_of(store), SQL_COUNT,
                              &(struct sqlite_numbers){.in = parameters, .in_count = 4});
}

enum status sqlite_claim(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                         uint64_t *age_ms)
{
    struct sqlite_session *session = sqlite_session_of(store);
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    int64_t first_age_us = 0;
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        const int64_t parameters[] = {(int64_t)ids[i], now, (int64_t)delay_ms * 1000};
        int64_t age_us = -1; /* no row is returned for an order that is not Pending */
        status = sqlite_session_run(session, SQL_CLAIM,
                                    &(struct sqlite_numbers){parameters, 3, &age_us, 1});
        if (age_us >= 0) {
            first_age_us = moved.started == 0 ? age_us : first_age_us;
            ids[moved.started++] = ids[i];
        }
    }
    if (status == STATUS_OK) {
        status = sqlite_count_moves(store, &moved);
    }
    status = sqlite_session_end_write(session, status);
    *count = (size_t)moved.started;
    if (age_ms != NULL) {
        *age_ms = (uint64_t)first_age_us / 1000;
    }
    return status;
}

/* The statement's LIMIT keeps the rows within `max`. */
static enum status claim_oldest(struct sqlite_session *session, struct store_claim_waiting *waiting)
{
    int64_t now = clock_wall_us();
    const struct sqlite_value parameters[] = {sqlite_number(now),
                                              sqlite_number((int64_t)waiting->delay_ms * 1000),
                                              sqlite_number(now -
                                                            (int64_t)waiting->min_age_ms * 1000),
                                              sqlite_number((int64_t)waiting->max)};
    enum status status = sqlite_session_start(session, SQL_CLAIM_WAITING, parameters, 4);
    if (status != STATUS_OK) {
        return status;
    }
    for (waiting->count = 0; waiting->count < waiting->max && sqlite_session_next(session);) {
        waiting->ids[waiting->count++] = (order_id)sqlite_session_column(session, 0);
    }
    return sqlite_session_finish(session);
}

enum status sqlite_claim_waiting(struct store *store, struct store_claim_waiting *waiting)
{
    struct sqlite_session *session = sqlite_session_of(store);
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    status = claim_oldest(session, waiting);
    if (status == STATUS_OK && waiting->count > 0) {
        status =
            sqlite_count_moves(store, &(struct order_counts){.started = (int64_t)waiting->count});
    }
    return sqlite_session_end_write(session, status);
}

enum status sqlite_complete(struct store *store, const order_id ids[], size_t *count)
{
    struct sqlite_session *session = sqlite_session_of(store);
    enum status status = sqlite_session_begin_write(session);
    if (status != STATUS_OK) {
        return status;
    }
    struct order_counts moved = {0};
    int64_t now = clock_wall_us();
    for (size_t i = 0; i < *count && status == STATUS_OK; i++) {
        const int64_t parameters[] = {(int64_t)ids[i], now};
        int64_t duration_us = -1; /* no row is returned for an order that is not due */
        status = sqlite_session_run(session, SQL_COMPLETE,
                                    &(struct sqlite_numbers){parameters, 2, &duration_us, 1});
        if (duration_us >= 0) {
            moved.completed++;
            moved.duration_us += duration_us;
        }
    }
    if (status == STATUS_OK) {
        status = sqlite_count_moves(store, &moved);
    }
    *count = (size_t)moved.completed;
    return sqlite_session_end_write(session, status);
}
