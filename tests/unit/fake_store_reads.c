/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "common/store/store_verify.h"
#include "tests/unit/fake_store_state.h"

/* Parameters are in the order that common/store gives them. */
static int64_t parameter(const struct store_query *query, size_t i)
{
    assert(i < query->parameter_count && query->parameters[i].type == STORE_INT64);
    return query->parameters[i].number;
}

static enum status add_row(struct store_rows *rows, const struct store_query *query,
                           const int64_t numbers[])
{
    struct store_value values[STORE_READ_COLUMNS_MAX];
    for (size_t i = 0; i < query->column_count; i++) {
        values[i] = store_int64(numbers[i]);
    }
    return store_rows_add(rows, query, values);
}

static enum status add_number(struct store_rows *rows, const struct store_query *query,
                              int64_t number)
{
    assert(query->column_count == 1);
    return add_row(rows, query, &number);
}

static enum status look_for_versions(struct fake_store *fake, const struct store_query *query,
                                     struct store_rows *rows)
{
    (void)fake;
    return add_number(rows, query, 1);
}

static enum status read_versions(struct fake_store *fake, const struct store_query *query,
                                 struct store_rows *rows)
{
    enum status status = STATUS_OK;
    for (int version = fake->schema_version; version > 0 && status == STATUS_OK; version--) {
        status = add_row(rows, query, (const int64_t[]){version, 0});
    }
    return status;
}

static enum status read_now(struct fake_store *fake, const struct store_query *query,
                            struct store_rows *rows)
{
    return add_number(rows, query, (int64_t)fake_store_now_ms(fake) * 1000);
}

static enum status read_overdue(struct fake_store *fake, const struct store_query *query,
                                struct store_rows *rows)
{
    uint64_t grace_ms = (uint64_t)parameter(query, 0) / 1000;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < fake->order_count && status == STATUS_OK; i++) {
        const struct fake_order *order = &fake->orders[i];
        if (order->status == ORDER_PROCESSING &&
            order->due_ms + grace_ms <= fake_store_now_ms(fake)) {
            status = add_number(rows, query, (int64_t)order->id);
        }
    }
    return status;
}

static enum status read_processing(struct fake_store *fake, const struct store_query *query,
                                   struct store_rows *rows)
{
    return add_number(rows, query, fake_store_count_locked(fake, ORDER_PROCESSING) > 0);
}

static enum status read_repaired(struct fake_store *fake, const struct store_query *query,
                                 struct store_rows *rows)
{
    const struct order_counts *repaired = &fake->repaired;
    return add_row(rows, query,
                   (const int64_t[]){repaired->created, repaired->started, repaired->completed,
                                     repaired->duration_us});
}

/* Completed without a completion time: the only flaw the fake knows. */
static bool is_flawed(const struct fake_order *order)
{
    return order->status == ORDER_COMPLETED && order->completed_ms == 0;
}

/* The fake's orders are sorted by id, and its archive is empty. */
static bool is_of_archive(const struct store_query *query)
{
    return strstr(query->sql, "orders_archive") != NULL;
}

static enum status read_part(struct fake_store *fake, const struct store_query *query,
                             struct store_rows *rows)
{
    struct order_counts counts = {0};
    int64_t sums[VERIFY_SUMS] = {0};
    for (size_t i = 0;
         i < fake->order_count && counts.created < parameter(query, 1) && !is_of_archive(query);
         i++) {
        const struct fake_order *order = &fake->orders[i];
        if ((int64_t)order->id >= parameter(query, 0)) {
            fake_store_add_up(order, &counts);
            sums[VERIFY_LAST_ID] = (int64_t)order->id;
            sums[VERIFY_FLAWS + STORE_FLAW_NO_END] += is_flawed(order);
        }
    }
    sums[VERIFY_ROWS] = counts.created;
    sums[VERIFY_STARTED] = counts.started;
    sums[VERIFY_COMPLETED] = counts.completed;
    sums[VERIFY_DURATION_US] = counts.duration_us;
    return add_row(rows, query, sums);
}

static enum status read_flawed(struct fake_store *fake, const struct store_query *query,
                               struct store_rows *rows)
{
    enum status status = STATUS_OK;
    assert(!is_of_archive(query));
    for (size_t i = 0; i < fake->order_count && status == STATUS_OK; i++) {
        const struct fake_order *order = &fake->orders[i];
        if ((int64_t)order->id >= parameter(query, 0) &&
            (int64_t)order->id <= parameter(query, 1) && is_flawed(order)) {
            status = add_number(rows, query, (int64_t)order->id);
        }
    }
    return status;
}

/* The fake understands no SQL: it knows the cold reads by their names. */
static const struct reader {
    const char *name;
    enum fake_kind kind;
    enum status (*read)(struct fake_store *fake, const struct store_query *query,
                        struct store_rows *rows);
} readers[] = {
    {"look for versions", FAKE_LOOK_FOR_VERSIONS, look_for_versions},
    {"read versions", FAKE_VERSIONS, read_versions},
    {"read clock", FAKE_NOW, read_now},
    {"find overdue", FAKE_OVERDUE, read_overdue},
    {"find processing", FAKE_PROCESSING, read_processing},
    {"read repaired", FAKE_READ_REPAIRED, read_repaired},
    {"verify part", FAKE_VERIFY_PART, read_part},
    {"verify ids", FAKE_VERIFY_IDS, read_flawed},
};

static const struct reader *find_reader(const char *name)
{
    size_t i = 0;
    while (strcmp(readers[i].name, name) != 0) {
        i++;
        assert(i < sizeof readers / sizeof readers[0]);
    }
    return &readers[i];
}

static struct fake_call call_of(const struct store_query *query, enum fake_kind kind)
{
    struct fake_call call = {.count = query->rows_max};
    if (kind == FAKE_OVERDUE) {
        call.ms = (uint32_t)(parameter(query, 0) / 1000);
    } else if (kind == FAKE_VERIFY_PART) {
        call.count = (size_t)parameter(query, 1);
    }
    return call;
}

enum status fake_store_read(struct store *store, const struct store_query *query,
                            struct store_rows *rows)
{
    struct fake_store *fake = fake_store_of(store);
    const struct reader *reader = find_reader(query->name);
    enum status status = fake_store_enter(fake, reader->kind, call_of(query, reader->kind));
    if (status == STATUS_OK) {
        status = reader->read(fake, query, rows);
    }
    return fake_store_leave(fake, reader->kind, status);
}
