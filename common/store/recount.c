/* SPDX-License-Identifier: MIT */
#include "common/store/recount.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/store/store_backend.h"

static const char *const tables[STORE_TABLES] = {
    [STORE_TABLE_ORDERS] = "orders",
    [STORE_TABLE_ARCHIVE] = "orders_archive",
};

enum {
    PART_ROWS_FIRST = 10000,
    PART_ROWS_MIN = 1000,
    PART_ROWS_MAX = 100000,
    PART_SHORT_MS = 250, /* a shorter part may become twice as long, */
    PART_LONG_MS = 1000, /* a longer one half; a connection's limit is 4 s */
};

/*
 * What a row cannot be. A comparison with NULL is not true, so each speaks of the times that are
 * there. In a snapshot that has an order, its id had been reserved before.
 */
static const struct {
    const char *condition;
    const char *text;
} flaws[STORE_FLAWS] = {
    [STORE_FLAW_ID] = {"id < 1 OR id >= (SELECT next_id FROM id_blocks WHERE name = 'orders')",
                       "an id that was never reserved"},
    [STORE_FLAW_STATUS] = {"status NOT IN (0, 1, 2)", "a status there is not"},
    [STORE_FLAW_EARLY_TIMES] =
        {"status = 0 AND (started_at IS NOT NULL OR completed_at IS NOT NULL)",
         "Pending, but started or completed at some time"},
    [STORE_FLAW_EARLY_DUE] = {"status = 0 AND due_at <> created_at",
                              "Pending, but due at some other time than it was created"},
    [STORE_FLAW_NO_START] = {"status > 0 AND started_at IS NULL",
                             "Processing or Completed, but never started"},
    [STORE_FLAW_EARLY_END] = {"status = 1 AND completed_at IS NOT NULL",
                              "Processing, but completed at some time"},
    [STORE_FLAW_NO_END] = {"status = 2 AND completed_at IS NULL", "Completed, but at no time"},
    [STORE_FLAW_START_BEFORE_CREATION] = {"started_at < created_at",
                                          "started before it was created"},
    [STORE_FLAW_DUE_BEFORE_START] = {"due_at < started_at", "due before it was started"},
    [STORE_FLAW_END_BEFORE_DUE] = {"completed_at < due_at", "completed before it was due"},
    [STORE_FLAW_OPEN_IN_ARCHIVE] = {"status <> 2", "in the archive, but not Completed"},
    [STORE_FLAW_IN_BOTH_TABLES] = {"EXISTS (SELECT 1 FROM orders WHERE orders.id = part.id)",
                                   "in the archive, but also among the orders in use"},
};

const char *store_flaw_text(enum store_flaw flaw)
{
    return flaws[flaw].text;
}

/* The last flaws are the archive's own. */
static const char *condition_of(enum store_table table, size_t flaw)
{
    bool possible = flaw < STORE_FLAW_OPEN_IN_ARCHIVE || table == STORE_TABLE_ARCHIVE;
    return possible ? flaws[flaw].condition : "1 = 0";
}

static void add_count_of(struct text *text, const char *condition)
{
    text_add(text, ", count(CASE WHEN ");
    text_add(text, condition);
    text_add(text, " THEN 1 END)");
}

/* The rows whose ids are `first` or more, as conditions speak of them. */
static void add_rows(struct text *text, enum store_table table,
                     const struct recount_dialect *dialect, int64_t first)
{
    text_add(text, " FROM (SELECT id, status, ");
    text_add(text, dialect->times);
    text_add(text, " FROM ");
    text_add(text, tables[table]);
    text_add(text, " WHERE id >= ");
    text_add_signed(text, first);
}

void recount_add_part(struct text *text, enum store_table table,
                      const struct recount_dialect *dialect, int64_t first, uint32_t rows)
{
    text_add(text, "SELECT count(*), max(id)");
    add_count_of(text, "status >= 1");
    add_count_of(text, "status = 2");
    text_add(text, ", ");
    text_add(text, dialect->duration_us);
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        add_count_of(text, condition_of(table, i));
    }
    add_rows(text, table, dialect, first);
    text_add(text, " ORDER BY id LIMIT ");
    text_add_unsigned(text, rows);
    text_add(text, ") AS part");
}

void recount_add_flawed(struct text *text, enum store_table table,
                        const struct recount_dialect *dialect, enum store_flaw flaw, int64_t first,
                        int64_t last, size_t max)
{
    text_add(text, "SELECT id");
    add_rows(text, table, dialect, first);
    text_add(text, " AND id <= ");
    text_add_signed(text, last);
    text_add(text, ") AS part WHERE ");
    text_add(text, condition_of(table, flaw));
    text_add(text, " ORDER BY id LIMIT ");
    text_add_unsigned(text, max);
}

struct order_counts store_drift(const struct store_verification *found)
{
    const struct order_counts *counted = &found->counted;
    const struct order_counts *recounted = &found->recounted;
    return (struct order_counts){.created = counted->created - recounted->created,
                                 .started = counted->started - recounted->started,
                                 .completed = counted->completed - recounted->completed,
                                 .duration_us = counted->duration_us - recounted->duration_us};
}

bool store_has_drift(const struct store_verification *found)
{
    struct order_counts drift = store_drift(found);
    return drift.created != 0 || drift.started != 0 || drift.completed != 0 ||
           drift.duration_us != 0;
}

int64_t store_flaw_count(const struct store_verification *found)
{
    int64_t count = 0;
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        count += found->flaws[i].count;
    }
    return count;
}

/* The first few ids with each of the flaws that the part from `first` on has. */
static enum status name_flawed(struct store *store, enum store_table table, int64_t first,
                               const int64_t sums[RECOUNT_SUMS], struct store_verification *found)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < STORE_FLAWS && status == STATUS_OK; i++) {
        struct store_flawed *flawed = &found->flaws[i];
        size_t room = STORE_FLAW_IDS_MAX - flawed->id_count;
        size_t count = 0;
        if (sums[RECOUNT_FLAWS + i] > 0 && room > 0) {
            status = store->ops->snapshot_flawed(store, table, (enum store_flaw)i, first,
                                                 sums[RECOUNT_LAST_ID],
                                                 flawed->ids + flawed->id_count, room, &count);
        }
        flawed->count += sums[RECOUNT_FLAWS + i];
        flawed->id_count += count;
    }
    return status;
}

static void add(struct order_counts *recounted, const int64_t sums[RECOUNT_SUMS])
{
    recounted->created += sums[RECOUNT_ROWS];
    recounted->started += sums[RECOUNT_STARTED];
    recounted->completed += sums[RECOUNT_COMPLETED];
    recounted->duration_us += sums[RECOUNT_DURATION_US];
}

static uint32_t next_rows(uint32_t rows, uint64_t took_ms)
{
    if (took_ms < PART_SHORT_MS && rows <= PART_ROWS_MAX / 2) {
        return rows * 2;
    }
    return took_ms > PART_LONG_MS && rows / 2 >= PART_ROWS_MIN ? rows / 2 : rows;
}

static bool goes_on(const struct store_progress *progress, const struct store_verification *found)
{
    return progress == NULL ||
           progress->go_on(progress->context, found->recounted.created, found->counted.created);
}

static enum status recount_rows(struct store *store, enum store_table table,
                                const struct store_progress *progress,
                                struct store_verification *found)
{
    int64_t first = -INT64_MAX; /* as a literal a number of 64 bits everywhere */
    uint32_t rows = PART_ROWS_FIRST;
    for (;;) {
        int64_t sums[RECOUNT_SUMS];
        if (!goes_on(progress, found)) {
            return STATUS_TIMEOUT;
        }
        uint64_t start_ms = clock_monotonic_ms();
        enum status status = store->ops->snapshot_part(store, table, first, rows, sums);
        if (status != STATUS_OK || sums[RECOUNT_ROWS] == 0) {
            return status;
        }
        assert(sums[RECOUNT_LAST_ID] >= first);
        add(&found->recounted, sums);
        status = name_flawed(store, table, first, sums, found);
        if (status != STATUS_OK || sums[RECOUNT_ROWS] < rows ||
            sums[RECOUNT_LAST_ID] == INT64_MAX) {
            return status;
        }
        first = sums[RECOUNT_LAST_ID] + 1;
        rows = next_rows(rows, clock_monotonic_ms() - start_ms);
    }
}

enum status recount_run(struct store *store, const struct store_progress *progress,
                        struct store_verification *found)
{
    *found = (struct store_verification){0};
    enum status status = store->ops->snapshot_begin(store, &found->counted, &found->repaired);
    if (status != STATUS_OK) {
        return status;
    }
    status = recount_rows(store, STORE_TABLE_ORDERS, progress, found);
    if (status == STATUS_OK) {
        status = recount_rows(store, STORE_TABLE_ARCHIVE, progress, found);
    }
    return store->ops->snapshot_end(store, status);
}
