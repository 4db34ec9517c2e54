/* SPDX-License-Identifier: MIT */
/* The store's contract: the cold read, its types, its limits and its failures. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/store/store_read.h"
#include "tests/contract/store_fixture.h"
#include "tests/support/wait_until.h"

enum { ROWS_MAX = 16, COLUMNS_MAX = 4, BYTES_MAX = 200 };

/* What was read, copied. */
static struct cell {
    bool is_null;
    int64_t number;
    size_t len;
    char bytes[BYTES_MAX];
} cells[ROWS_MAX][COLUMNS_MAX];
static size_t row_count;
static size_t column_count;

static void setup(void)
{
    start();
    row_count = 0;
}

TestSuite(store_read, .init = setup, .fini = finish, .timeout = 120);

static enum status keep_row(void *context, const struct store_value values[])
{
    (void)context;
    for (size_t i = 0; i < column_count; i++) {
        struct cell *cell = &cells[row_count][i];
        *cell = (struct cell){.is_null = values[i].is_null, .number = values[i].number};
        cell->len = values[i].len;
        if (cell->len > 0) {
            cr_assert_leq(cell->len, BYTES_MAX);
            memcpy(cell->bytes, values[i].bytes, cell->len);
        }
    }
    row_count++;
    return STATUS_OK;
}

static struct store_rows rows = {.row = keep_row};

static enum status read_rows(struct store_query query)
{
    row_count = 0;
    column_count = query.column_count;
    query.name = "test";
    query.rows_max = query.rows_max != 0 ? query.rows_max : ROWS_MAX;
    return store_read(store, &query, &rows);
}

/* One parameter there and back, without a table. */
static const struct cell *echo(struct store_value value)
{
    static const char *const casts[][3] = {
        [DATABASE_SQLITE] = {"SELECT ?", "SELECT ?", "SELECT ?"},
        [DATABASE_MYSQL] = {"SELECT ?", "SELECT ?", "SELECT ?"},
        [DATABASE_POSTGRES] = {"SELECT ?::bigint", "SELECT ?::text", "SELECT ?::bytea"},
    };
    cr_assert_eq(read_rows((struct store_query){.sql = casts[url.kind][value.type],
                                                .parameters = &value,
                                                .parameter_count = 1,
                                                .columns = &value.type,
                                                .column_count = 1}),
                 STATUS_OK);
    cr_assert_eq(row_count, 1);
    cr_assert_eq(rows.count, 1);
    cr_assert_not(rows.more);
    return &cells[0][0];
}

Test(store_read, numbers_come_back_as_they_were_sent)
{
    static const int64_t numbers[] = {0,
                                      1,
                                      -1,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT32_MAX,
                                      INT32_MIN,
                                      INT64_MAX - 1,
                                      INT64_MIN + 1,
                                      4294967296,
                                      -4294967297};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct cell *cell = echo(store_int64(numbers[i]));
        cr_expect(!cell->is_null && cell->number == numbers[i], "%" PRId64 " instead of %" PRId64,
                  cell->number, numbers[i]);
    }
}

static void expect_bytes(const struct cell *cell, const void *bytes, size_t len)
{
    cr_expect_not(cell->is_null);
    cr_expect_eq(cell->len, len, "%zu bytes instead of %zu", cell->len, len);
    cr_expect_eq(memcmp(cell->bytes, bytes, len), 0, "%.*s", (int)cell->len, cell->bytes);
}

Test(store_read, text_comes_back_whatever_is_in_it)
{
    static const char *const texts[] = {
        "",
        "plain",
        "'",
        "''; DROP TABLE orders; --",
        "\"`\\",
        "\\'",
        "a\nb\r\tc\x1a",
        "50 % of {now} ? $1 :name @x",
        "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", /* of 2, 3 and 4 bytes */
        "\xef\xbf\xbf",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_bytes(echo(store_string(texts[i])), texts[i], strlen(texts[i]));
    }
}

Test(store_read, bytes_come_back_whatever_is_in_them)
{
    unsigned char all[BYTES_MAX];
    for (size_t i = 0; i < sizeof all; i++) {
        all[i] = (unsigned char)(i * 37); /* 0 and over 127 among them */
    }
    expect_bytes(echo(store_bytes(all, sizeof all)), all, sizeof all);
    expect_bytes(echo(store_bytes("\\x41", 4)), "\\x41", 4);
    expect_bytes(echo(store_bytes("", 0)), "", 0);
    expect_bytes(echo(store_bytes(NULL, 0)), "", 0);
}

Test(store_read, null_comes_back_as_null)
{
    static const enum store_type types[] = {STORE_INT64, STORE_TEXT, STORE_BYTES};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct cell *cell = echo(store_null(types[i]));
        cr_expect(cell->is_null && cell->number == 0 && cell->len == 0);
    }
}

Test(store_read, a_text_that_not_every_database_can_hold_is_refused_by_all)
{
    static const struct {
        const char *bytes;
        size_t len;
    } texts[] = {{"a\0b", 3}, {"\xff", 1}, {"\xc3", 1}, {"\xed\xa0\x80", 3}};
    static const enum store_type column = STORE_TEXT;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct store_value value = store_text(texts[i].bytes, texts[i].len);
        cr_expect_eq(read_rows((struct store_query){.sql = "SELECT client_id FROM orders "
                                                           "WHERE client_id = ?",
                                                    .parameters = &value,
                                                    .parameter_count = 1,
                                                    .columns = &column,
                                                    .column_count = 1}),
                     STATUS_INVALID, "text %zu", i);
    }
}

/* As a list with a filter and a cursor does it. */
static enum status list_orders(const char *client, int64_t before, size_t max)
{
    static const enum store_type columns[] = {STORE_INT64, STORE_TEXT, STORE_INT64, STORE_INT64};
    const struct store_value parameters[] = {store_string(client), store_int64(before)};
    return read_rows((struct store_query){
        .sql = "SELECT id, user_id, {us:created_at}, {us:started_at} FROM orders "
               "WHERE client_id = ? AND id < ? ORDER BY id DESC",
        .parameters = parameters,
        .parameter_count = 2,
        .columns = columns,
        .column_count = 4,
        .rows_max = max,
    });
}

Test(store_read, rows_are_found_by_parameters_and_in_order)
{
    order_id first = insert_new(5);
    int64_t now_us = 0;
    cr_assert_eq(store_now(store, &now_us), STATUS_OK);
    claim((order_id[]){first + 2}, 1, LONG_DELAY_MS);
    cr_assert_eq(list_orders("acme", (int64_t)first + 4, ROWS_MAX), STATUS_OK);
    cr_assert_eq(row_count, 4);
    for (size_t i = 0; i < row_count; i++) {
        cr_expect_eq(cells[i][0].number, (int64_t)(first + 3 - i));
        expect_bytes(&cells[i][1], "user123", 7);
        cr_expect_leq(cells[i][2].number, now_us);
        cr_expect_gt(cells[i][2].number, now_us - 60000000);
        cr_expect_eq(cells[i][3].is_null, i != 1, "only one order was started");
    }
    cr_assert_eq(list_orders("acme ", INT64_MAX, ROWS_MAX), STATUS_OK);
    cr_assert_eq(row_count, 0);
}

Test(store_read, rows_beyond_the_limit_are_noticed_but_not_returned)
{
    insert_new(5);
    cr_assert_eq(list_orders("acme", INT64_MAX, 4), STATUS_OK);
    cr_assert(row_count == 4 && rows.count == 4 && rows.more);
    cr_assert_eq(list_orders("acme", INT64_MAX, 5), STATUS_OK);
    cr_assert(row_count == 5 && rows.count == 5 && !rows.more);
    cr_assert_eq(list_orders("nobody", INT64_MAX, 1), STATUS_OK);
    cr_assert(row_count == 0 && rows.count == 0 && !rows.more);
}

/* All have their own SQL for time; the difference is what they must agree on. */
Test(store_read, times_are_microseconds_in_every_dialect)
{
    static const enum store_type columns[] = {STORE_INT64, STORE_INT64, STORE_INT64};
    static const int64_t us = 1751328000123456;
    const struct store_value parameters[] = {store_int64(us), store_int64(2500001)};
    cr_assert_eq(read_rows(
                     (struct store_query){.sql = "SELECT {us:t.sent}, {us:t.here}, 1 FROM (SELECT "
                                                 "{time:?} AS sent, {now} AS here) AS t",
                                          .parameters = parameters,
                                          .parameter_count = 1,
                                          .columns = columns,
                                          .column_count = 3}),
                 STATUS_OK);
    cr_assert_eq(cells[0][0].number, us);
    cr_assert_gt(cells[0][1].number, us - INT64_C(1000000) * 86400 * 3650);
    cr_assert_eq(read_rows((struct store_query){.sql =
                                                    "SELECT {us:t.here} - {us:t.past}, 1, 1 FROM "
                                                    "(SELECT {ago:?} AS past, {now} AS here) AS t",
                                                .parameters = &parameters[1],
                                                .parameter_count = 1,
                                                .columns = columns,
                                                .column_count = 3}),
                 STATUS_OK);
    cr_assert_geq(cells[0][0].number, 2500001 - 1000000);
    cr_assert_leq(cells[0][0].number, 2500001 + 1000000);
}

/* The row before the bad one is handed out; the connection stays. */
Test(store_read, a_value_of_another_type_is_an_error_and_no_crash)
{
    static const char *const statements[] = {
        "SELECT user_id FROM orders ORDER BY id",
        "SELECT 1.5 FROM orders ORDER BY id",
        "SELECT 9223372036854775807 + total_cents * 1.0 FROM orders ORDER BY id",
    };
    static const enum store_type column = STORE_INT64;
    insert_new(1);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        cr_expect_eq(read_rows((struct store_query){.sql = statements[i],
                                                    .columns = &column,
                                                    .column_count = 1}),
                     STATUS_INVALID, "%s", statements[i]);
        cr_expect_eq(row_count, 0);
    }
    cr_assert_eq(list_orders("acme", INT64_MAX, 1), STATUS_OK);
}

static enum status refuse_row(void *context, const struct store_value values[])
{
    (void)values;
    (*(int *)context)++;
    return STATUS_INVALID;
}

Test(store_read, a_row_that_is_refused_ends_the_reading)
{
    static const enum store_type column = STORE_INT64;
    const struct store_query query = {.name = "test",
                                      .sql = "SELECT id FROM orders",
                                      .columns = &column,
                                      .column_count = 1,
                                      .rows_max = 10};
    int calls = 0;
    struct store_rows refused = {.row = refuse_row, .context = &calls};
    insert_new(3);
    cr_assert_eq(store_read(store, &query, &refused), STATUS_INVALID);
    cr_assert_eq(calls, 1);
    cr_assert_eq(list_orders("acme", INT64_MAX, 1), STATUS_OK);
}

/* A million million rows. */
static enum status read_for_ever(uint32_t limit_ms)
{
    static const enum store_type column = STORE_INT64;
    return read_rows((struct store_query){
        .sql = "SELECT sum(a.id % 7 + b.id % 7 + c.id % 7 + d.id % 7) "
               "FROM orders AS a, orders AS b, orders AS c, orders AS d",
        .columns = &column,
        .column_count = 1,
        .limit_ms = limit_ms,
    });
}

static void expect_timeout(uint32_t limit_ms, uint64_t at_least_ms)
{
    uint64_t start_ms = wait_now_ms();
    cr_assert_eq(read_for_ever(limit_ms), STATUS_TIMEOUT);
    cr_assert_geq(wait_now_ms() - start_ms, at_least_ms);
    cr_assert_eq(row_count, 0);
}

/* A limit is the read's own: the statements after it have the session's again. */
Test(store_read, what_takes_too_long_is_ended_and_the_connection_is_good)
{
    insert_new(STORE_BATCH_MAX);
    expect_timeout(50, 50);
    cr_assert_eq(list_orders("acme", INT64_MAX, 1), STATUS_OK);
    expect_timeout(500, 500);
    expect_timeout(0, STORE_READ_LIMIT_MS);
    cr_assert_eq(list_orders("acme", INT64_MAX, 1), STATUS_OK);
}

static bool reads_again(void *arg)
{
    (void)arg;
    return list_orders("acme", INT64_MAX, 1) == STATUS_OK;
}

Test(store_read, a_wrong_statement_is_refused_and_the_store_goes_on)
{
    static const char *const statements[] = {"SELECT no_such_column FROM orders",
                                             "SELECT id FROM no_such_table",
                                             "SELECT id FRM orders"};
    static const enum store_type column = STORE_INT64;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        cr_assert(wait_until(reads_again, NULL, LIMIT_MS));
        enum status status = read_rows(
            (struct store_query){.sql = statements[i], .columns = &column, .column_count = 1});
        cr_expect(status == STATUS_REFUSED || status == STATUS_UNAVAILABLE, "%s", statements[i]);
    }
    cr_assert(wait_until(reads_again, NULL, LIMIT_MS));
}
