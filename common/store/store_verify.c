/* SPDX-License-Identifier: MIT */
#include "common/store/store_verify.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/store/store_read.h"

/* Where orders are. */
enum table {
    TABLE_ORDERS,
    TABLE_ARCHIVE,
    TABLES,
};

static const char *const tables[TABLES] = {
    [TABLE_ORDERS] = "orders",
    [TABLE_ARCHIVE] = "orders_archive",
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
    [STORE_FLAW_STATUS] = {"status NOT IN (" ORDER_SQL_PENDING ", " ORDER_SQL_PROCESSING
                           ", " ORDER_SQL_COMPLETED ")",
                           "a status there is not"},
    [STORE_FLAW_EARLY_TIMES] = {"status = " ORDER_SQL_PENDING
                                " AND (started_at IS NOT NULL OR completed_at IS NOT NULL)",
                                "Pending, but started or completed at some time"},
    [STORE_FLAW_EARLY_DUE] = {"status = " ORDER_SQL_PENDING " AND due_at <> created_at",
                              "Pending, but due at some other time than it was created"},
    [STORE_FLAW_NO_START] = {"status > " ORDER_SQL_PENDING " AND started_at IS NULL",
                             "Processing or Completed, but never started"},
    [STORE_FLAW_EARLY_END] = {"status = " ORDER_SQL_PROCESSING " AND completed_at IS NOT NULL",
                              "Processing, but completed at some time"},
    [STORE_FLAW_NO_END] = {"status = " ORDER_SQL_COMPLETED " AND completed_at IS NULL",
                           "Completed, but at no time"},
    [STORE_FLAW_START_BEFORE_CREATION] = {"started_at < created_at",
                                          "started before it was created"},
    [STORE_FLAW_DUE_BEFORE_START] = {"due_at < started_at", "due before it was started"},
    [STORE_FLAW_END_BEFORE_DUE] = {"completed_at < due_at", "completed before it was due"},
    [STORE_FLAW_OPEN_IN_ARCHIVE] = {"status <> " ORDER_SQL_COMPLETED,
                                    "in the archive, but not Completed"},
    [STORE_FLAW_IN_BOTH_TABLES] = {"EXISTS (SELECT 1 FROM orders WHERE orders.id = part.id)",
                                   "in the archive, but also among the orders in use"},
};

const char *store_flaw_text(enum store_flaw flaw)
{
    return flaws[flaw].text;
}

/* The last flaws are the archive's own. */
static const char *condition_of(enum table table, size_t flaw)
{
    bool possible = flaw < STORE_FLAW_OPEN_IN_ARCHIVE || table == TABLE_ARCHIVE;
    return possible ? flaws[flaw].condition : "1 = 0";
}

static void add_count_of(struct text *text, const char *condition)
{
    text_add(text, ", count(CASE WHEN ");
    text_add(text, condition);
    text_add(text, " THEN 1 END)");
}

/* The rows from the id that is the first parameter on, as conditions speak of them. */
static void add_rows(struct text *text, enum table table)
{
    text_add(text, " FROM (SELECT id, status, created_at, {happened:started_at} AS started_at, "
                   "due_at, {happened:completed_at} AS completed_at FROM ");
    text_add(text, tables[table]);
    text_add(text, " WHERE id >= {id:?}");
}

/* Parameters: the first id, the most rows. */
static void add_part(struct text *text, enum table table)
{
    text_add(text, "SELECT count(*), max(id)");
    add_count_of(text, "status >= " ORDER_SQL_PROCESSING);
    add_count_of(text, "status = " ORDER_SQL_COMPLETED);
    text_add(text, ", {duration_us}");
    for (size_t i = 0; i < STORE_FLAWS; i++) {
        add_count_of(text, condition_of(table, i));
    }
    add_rows(text, table);
    text_add(text, " ORDER BY id LIMIT ?) AS part");
}

/* Parameters: the first id, the last. */
static void add_flawed(struct text *text, enum table table, enum store_flaw flaw)
{
    text_add(text, "SELECT id");
    add_rows(text, table);
    text_add(text, " AND id <= ?) AS part WHERE ");
    text_add(text, condition_of(table, flaw));
    text_add(text, " ORDER BY id");
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

/*
 * Reads in the snapshot; `text` is the statement, and is freed. To store_verify STATUS_TIMEOUT is
 * the caller's own wish to stop, so a part that takes too long must be something else.
 */
static enum status read_text(struct store *store, struct text *text, struct store_query *query,
                             struct store_rows *rows)
{
    query->sql = text_string(text);
    enum status status = query->sql != NULL ? store_read_connected(store, query, rows)
                                            : store_failed(store, STATUS_UNAVAILABLE, query->name,
                                                           0, "out of memory");
    text_finish(text);
    return status == STATUS_TIMEOUT ? STATUS_UNAVAILABLE : status;
}

/* The walk over the rows of one table. */
struct walk {
    struct store *store;
    enum table table;
    const struct store_progress *progress;
    struct store_verification *found;
    int64_t first; /* the part's first id, or less */
    uint32_t rows; /* the part's, at most */
    int64_t sums[VERIFY_SUMS];
};

static enum status keep_sums(void *context, const struct store_value values[])
{
    struct walk *walk = context;
    for (size_t i = 0; i < VERIFY_SUMS; i++) {
        walk->sums[i] = values[i].number; /* 0 for NULL */
    }
    return STATUS_OK;
}

static enum status read_part(struct walk *walk)
{
    enum store_type columns[VERIFY_SUMS];
    const struct store_value parameters[] = {store_int64(walk->first), store_int64(walk->rows)};
    struct store_query query = {.name = "verify part",
                                .parameters = parameters,
                                .parameter_count = 2,
                                .columns = columns,
                                .column_count = VERIFY_SUMS,
                                .rows_max = 1};
    struct store_rows rows = {.row = keep_sums, .context = walk};
    struct text text = {0};
    for (size_t i = 0; i < VERIFY_SUMS; i++) {
        columns[i] = STORE_INT64;
    }
    add_part(&text, walk->table);
    return read_text(walk->store, &text, &query, &rows);
}

static enum status keep_id(void *context, const struct store_value values[])
{
    struct store_flawed *flawed = context;
    flawed->ids[flawed->id_count++] = values[0].number;
    return STATUS_OK;
}

static enum status read_flawed(struct walk *walk, enum store_flaw flaw)
{
    static const enum store_type columns[] = {STORE_INT64};
    struct store_flawed *flawed = &walk->found->flaws[flaw];
    const struct store_value parameters[] = {store_int64(walk->first),
                                             store_int64(walk->sums[VERIFY_LAST_ID])};
    struct store_query query = {.name = "verify ids",
                                .parameters = parameters,
                                .parameter_count = 2,
                                .columns = columns,
                                .column_count = 1,
                                .rows_max = STORE_FLAW_IDS_MAX - flawed->id_count};
    struct store_rows rows = {.row = keep_id, .context = flawed};
    struct text text = {0};
    add_flawed(&text, walk->table, flaw);
    return read_text(walk->store, &text, &query, &rows);
}

/* The first few ids with each of the flaws that the part has. */
static enum status name_flawed(struct walk *walk)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < STORE_FLAWS && status == STATUS_OK; i++) {
        struct store_flawed *flawed = &walk->found->flaws[i];
        int64_t count = walk->sums[VERIFY_FLAWS + i];
        if (count > 0 && flawed->id_count < STORE_FLAW_IDS_MAX) {
            status = read_flawed(walk, (enum store_flaw)i);
        }
        flawed->count += count;
    }
    return status;
}

static void add_sums(struct order_counts *recounted, const int64_t sums[VERIFY_SUMS])
{
    recounted->created += sums[VERIFY_ROWS];
    recounted->started += sums[VERIFY_STARTED];
    recounted->completed += sums[VERIFY_COMPLETED];
    recounted->duration_us += sums[VERIFY_DURATION_US];
}

static uint32_t next_rows(uint32_t rows, uint64_t took_ms)
{
    if (took_ms < PART_SHORT_MS && rows <= PART_ROWS_MAX / 2) {
        return rows * 2;
    }
    return took_ms > PART_LONG_MS && rows / 2 >= PART_ROWS_MIN ? rows / 2 : rows;
}

static bool is_wanted(const struct store_progress *progress, const struct store_verification *found)
{
    return progress == NULL ||
           progress->go_on(progress->context, found->recounted.created, found->counted.created);
}

/* Each row is in exactly one part. */
static void check_part(const struct walk *walk)
{
    assert(walk->sums[VERIFY_ROWS] >= 0 && walk->sums[VERIFY_ROWS] <= walk->rows);
    assert(walk->sums[VERIFY_ROWS] == 0 || walk->sums[VERIFY_LAST_ID] >= walk->first);
}

static enum status verify_table(struct walk *walk)
{
    walk->first = -INT64_MAX;
    walk->rows = PART_ROWS_FIRST;
    for (;;) {
        if (!is_wanted(walk->progress, walk->found)) {
            return STATUS_TIMEOUT;
        }
        uint64_t start_ms = clock_monotonic_ms();
        enum status status = read_part(walk);
        if (status != STATUS_OK) {
            return status;
        }
        check_part(walk);
        if (walk->sums[VERIFY_ROWS] == 0) {
            return STATUS_OK;
        }
        add_sums(&walk->found->recounted, walk->sums);
        status = name_flawed(walk);
        if (status != STATUS_OK || walk->sums[VERIFY_ROWS] < walk->rows ||
            walk->sums[VERIFY_LAST_ID] == INT64_MAX) {
            return status;
        }
        walk->first = walk->sums[VERIFY_LAST_ID] + 1;
        walk->rows = next_rows(walk->rows, clock_monotonic_ms() - start_ms);
    }
}

static enum status keep_repaired(void *context, const struct store_value values[])
{
    *(struct order_counts *)context = (struct order_counts){.created = values[0].number,
                                                            .started = values[1].number,
                                                            .completed = values[2].number,
                                                            .duration_us = values[3].number};
    return STATUS_OK;
}

/* The counters as they are in the snapshot, all and those of the repairs, if there were any. */
static enum status read_counters(struct store *store, struct store_verification *found)
{
    static const enum store_type columns[] = {STORE_INT64, STORE_INT64, STORE_INT64, STORE_INT64};
    struct store_query query = {.name = "read repaired",
                                .columns = columns,
                                .column_count = 4,
                                .rows_max = 1};
    struct store_rows rows = {.row = keep_repaired, .context = &found->repaired};
    struct text text = {0};
    enum status status = store->ops->counts(store, &found->counted);
    if (status != STATUS_OK) {
        return status;
    }
    text_add(&text, "SELECT created, started, completed, duration_us FROM counters "
                    "WHERE slot = " STORE_REPAIR_SLOT_TEXT);
    return read_text(store, &text, &query, &rows);
}

enum status store_verify_connected(struct store *store, const struct store_progress *progress,
                                   struct store_verification *found)
{
    *found = (struct store_verification){0};
    enum status status = store->ops->snapshot_begin(store);
    if (status != STATUS_OK) {
        return status;
    }
    status = read_counters(store, found);
    for (enum table table = TABLE_ORDERS; table < TABLES && status == STATUS_OK; table++) {
        struct walk walk = {.store = store, .table = table, .progress = progress, .found = found};
        status = verify_table(&walk);
    }
    return store->ops->snapshot_end(store, status);
}
