/* SPDX-License-Identifier: MIT */
#include "tests/chaos/checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/chaos/audit.h"
#include "tests/support/http_client.h"
#include "tests/support/wait_until.h"

enum {
    PART_ROWS = 10000,
    COLUMNS = 6,
    QUERY_SIZE = 512,
    REST_LIMIT_MS = 10000,
    REDIS_SAID_MIN = 500, /* bytes in a load without faults: each of some 250 hints has 8 or more */
    REDIS_HEARD_MIN = 50, /* with one answer for many of them */
    HINTS_UNDER_WAY = 1000, /* an announcer sends that many at once */
    DESCRIPTORS_MORE = 2,   /* a connection to the database that is opened only after a fault */
    DESCRIPTORS_OF_FAKETIME = 3,
    RESIDENT_MORE_KB = 32768, /* the allocator keeps what a backlog took */
    USUAL_WAIT_MAX_US = 400000,
    SANITIZED_TIMES = 16, /* and AddressSanitizer up to 256 MB of what was freed */
};

void checker_fail(struct checker *checker, const char *check, const char *format, ...)
{
    va_list arguments;
    checker->failed++;
    fprintf(stderr, "CHECK FAILED: %s: ", check);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

/* What is counted in the rows. */
struct row_sums {
    uint8_t *found; /* by number: how many rows there are */
    int64_t foreign;
    int64_t other_id;
    int64_t unexpected;
    int64_t other_cents;
    int64_t other_items;
    int64_t other_client;
    int64_t open;
    int64_t cents;
    uint64_t example; /* a number with something wrong */
};

/* A row: id, number, cents, status, 1 if the items are wrong, 1 if the client is wrong. */
static void take_row(const struct ledger *ledger, const int64_t row[COLUMNS], struct row_sums *sums)
{
    uint64_t number = (uint64_t)row[1];
    if (number < 1 || number > atomic_load(&ledger->begun)) {
        sums->foreign++;
        return;
    }
    const struct ledger_entry *entry = &ledger->entries[number];
    bool other_id = entry->id != 0 && entry->id != (uint64_t)row[0];
    bool unexpected = entry->id == 0 && !entry->is_uncertain;
    bool other_cents = ledger_order(ledger, number).cents != row[2];
    if (sums->found[number] < UINT8_MAX) {
        sums->found[number]++;
    }
    sums->other_id += other_id;
    sums->unexpected += unexpected;
    sums->other_cents += other_cents;
    sums->other_items += row[4];
    sums->other_client += row[5];
    sums->open += row[3] != 2;
    sums->cents += row[2];
    if (other_id || unexpected || other_cents || row[3] != 2 || row[4] != 0 || row[5] != 0) {
        sums->example = number;
    }
}

static int64_t read_rows(const struct checker *checker, struct row_sums *sums)
{
    char query[QUERY_SIZE];
    /* In MySQL || is an OR, and SQLite has no concat(). */
    const char *items = strcmp(checker->kind, "mysql") == 0
                            ? "concat('[', user_id, ',\"chaos-', total_cents, '\"]')"
                            : "'[' || user_id || ',\"chaos-' || total_cents || '\"]'";
    int64_t(*rows)[COLUMNS] = calloc(PART_ROWS, sizeof *rows);
    cr_assert_not_null(rows);
    int64_t last = 0;
    int64_t total = 0;
    size_t count;
    do {
        snprintf(query, sizeof query,
                 "SELECT id, user_id, total_cents, status, CASE WHEN item_ids = %s THEN 0 ELSE 1 "
                 "END, CASE WHEN client_id = '" SERVICE_CLIENT_ID "' THEN 0 ELSE 1 END "
                 "FROM orders WHERE id > %" PRId64 " ORDER BY id LIMIT %d",
                 items, last, PART_ROWS);
        count = sql_rows(checker->sql, query, &rows[0][0], COLUMNS, PART_ROWS);
        for (size_t i = 0; i < count; i++) {
            take_row(checker->ledger, rows[i], sums);
            last = rows[i][0];
        }
        total += (int64_t)count;
    } while (count == PART_ROWS);
    free(rows);
    return total;
}

static void expect_none(struct checker *checker, const char *check, int64_t count, const char *what,
                        uint64_t example)
{
    if (count != 0) {
        checker_fail(checker, check, "%" PRId64 " %s, such as number %" PRIu64 " (ORD%" PRIu64 ")",
                     count, what, example, checker->ledger->entries[example].id);
    }
}

/* Compares what the clients know with the rows: is any order lost or doubled? */
static void compare_numbers(struct checker *checker, const struct row_sums *sums)
{
    const struct ledger *ledger = checker->ledger;
    int64_t unanswered = 0;
    int64_t cents = 0;
    uint64_t lost = 0;
    uint64_t doubled = 0;
    for (uint64_t i = 1; i <= atomic_load(&ledger->begun); i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (entry->id != 0 && sums->found[i] == 0) {
            checker->lost++;
            lost = i;
        }
        if (sums->found[i] > 1) {
            checker->doubled++;
            doubled = i;
        }
        bool has_key = ledger_order(ledger, i).has_key;
        unanswered += has_key && entry->id == 0 && !entry->is_refused;
        checker->unknown += entry->id == 0 && sums->found[i] > 0;
        if (entry->id != 0 || sums->found[i] > 0) {
            cents += ledger_order(ledger, i).cents;
        }
    }
    expect_none(checker, "lost", checker->lost, "acknowledged orders have no row", lost);
    expect_none(checker, "doubled", checker->doubled, "orders have more than one row", doubled);
    expect_none(checker, "answered", unanswered, "orders with a key were never answered", 0);
    if (cents != sums->cents) {
        checker_fail(checker, "cents", "%" PRId64 " in the database, %" PRId64 " with the clients",
                     sums->cents, cents);
    }
}

static void check_rows(struct checker *checker)
{
    struct row_sums sums = {.found = calloc(checker->ledger->capacity + 1, 1)};
    cr_assert_not_null(sums.found);
    checker->rows = read_rows(checker, &sums);
    expect_none(checker, "completed", sums.open, "orders are not Completed", sums.example);
    expect_none(checker, "foreign", sums.foreign, "rows are of orders that nobody sent", 0);
    expect_none(checker, "same id", sums.other_id, "orders have another id than the client got",
                sums.example);
    expect_none(checker, "unexpected", sums.unexpected,
                "rows are of orders that clients saw neither acknowledged nor fail", sums.example);
    expect_none(checker, "amounts", sums.other_cents, "orders have a wrong amount", sums.example);
    expect_none(checker, "items", sums.other_items, "orders have wrong items", sums.example);
    expect_none(checker, "client", sums.other_client, "orders have a wrong client", sums.example);
    compare_numbers(checker, &sums);
    free(sums.found);
}

/* Each key leads to the order that was sent with it, and no order has lost its key. */
static void check_keys(struct checker *checker)
{
    char query[QUERY_SIZE];
    char key[LEDGER_KEY_SIZE];
    size_t max = (size_t)checker->rows + 1;
    int64_t(*keys)[2] = calloc(max, sizeof *keys);
    cr_assert_not_null(keys);
    ledger_write_key(checker->ledger, 1, key);
    snprintf(query, sizeof query,
             "SELECT substr(k.idempotency_key, %zu), o.user_id FROM idempotency_keys k "
             "LEFT JOIN orders o ON o.id = k.order_id",
             strlen(key)); /* from where the number begins in the key */
    size_t count = sql_rows(checker->sql, query, &keys[0][0], 2, max);
    int64_t wrong = 0;
    int64_t with_key = 0;
    for (size_t i = 0; i < count; i++) {
        wrong += keys[i][0] < 1 || keys[i][0] != keys[i][1];
        with_key += keys[i][1] >= 1;
    }
    for (uint64_t i = 1; i <= atomic_load(&checker->ledger->begun); i++) {
        with_key -= ledger_order(checker->ledger, i).has_key && checker->ledger->entries[i].id != 0;
    }
    free(keys);
    if (wrong != 0 || with_key != 0) {
        checker_fail(checker, "keys",
                     "%" PRId64 " keys lead to no order or a wrong one; %" PRId64
                     " more keys than orders with a key",
                     wrong, with_key);
    }
}

static void check_paths(struct checker *checker)
{
    struct audit_report report;
    audit_read(checker->sql, TOPOLOGY_DELAY_MS, &report);
    if (report.odd != 0) {
        checker_fail(checker, "paths",
                     "%" PRId64 " orders did not go Pending, Processing, Completed, or went "
                     "too fast, such as ORD%" PRId64 ": %s",
                     report.odd, report.odd_ids[0], report.odd_moves);
    }
    if (report.orders != checker->rows) {
        checker_fail(checker, "paths", "%" PRId64 " orders have moves, %" PRId64 " have rows",
                     report.orders, checker->rows);
    }
}

/* Without faults hints arrive. An order without a hint waits half a second for a sweep. */
static void check_wait(struct checker *checker)
{
    int64_t wait_us = audit_usual_wait_us(checker->sql, CHECKER_PEACEFUL);
    if (wait_us > USUAL_WAIT_MAX_US) {
        checker_fail(checker, "hints used",
                     "half of the last %d orders waited for %" PRId64 " us or longer",
                     (int)CHECKER_PEACEFUL, wait_us);
    }
}

/* Measured by the database's clock. */
static void check_late(struct checker *checker)
{
    int64_t slowest_us = audit_slowest_us(checker->sql, CHECKER_PEACEFUL);
    if (slowest_us > (TOPOLOGY_DELAY_MS + CHECKER_LATE_MS) * (int64_t)1000) {
        checker_fail(checker, "late",
                     "one of the last %d orders was Completed after %" PRId64 " us",
                     (int)CHECKER_PEACEFUL, slowest_us);
    }
}

static void check_counters(struct checker *checker)
{
    int64_t both[8];
    database_recount(&checker->victims->topology.database, checker->sql, both);
    for (size_t i = 0; i < 4; i++) {
        checker->drift += llabs(both[i] - both[i + 4]);
    }
    if (checker->drift != 0) {
        checker_fail(checker, "counters",
                     "%" PRId64 " created, %" PRId64 " started, %" PRId64 " completed, %" PRId64
                     " us; the rows say %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64,
                     both[0], both[1], both[2], both[3], both[4], both[5], both[6], both[7]);
    }
}

/* `order-api verify`, as an operator runs it. */
static void check_verify(struct checker *checker)
{
    char setting[256];
    struct service verify = {.port = 0};
    const struct database *database = &checker->victims->topology.database;
    snprintf(setting, sizeof setting, "DATABASE_URL=%s", database->url);
    int code = service_run_command(&verify, (const char *const[]){"verify", NULL},
                                   (const char *const[]){setting, NULL}, database->folder);
    if (code != 0) {
        process_print_log(&verify.process);
        checker_fail(checker, "verify", "order-api verify ended with %d", code);
    }
    process_discard(&verify.process);
}

static void check_metrics(struct checker *checker, size_t api)
{
    int64_t shown[4] = {-1, -1, -1, -1};
    struct http_client *client = http_client_create(checker->victims->topology.ports[api],
                                                    SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    const struct http_response *response = http_get(client, "/metrics");
    int matched = sscanf(response->body,
                         "{\"total_orders\":%" SCNd64 ",\"average_processing_time\":%*f,"
                         "\"pending_orders\":%" SCNd64 ",\"processing_orders\":%" SCNd64
                         ",\"completed_orders\":%" SCNd64 "}",
                         &shown[0], &shown[1], &shown[2], &shown[3]);
    if (matched != 4 || shown[0] != checker->rows || shown[1] != 0 || shown[2] != 0 ||
        shown[3] != checker->rows) {
        checker_fail(checker, "metrics", "%s: %ld %s, but there are %" PRId64 " orders",
                     topology_service_name(api), response->status, response->body, checker->rows);
    }
    http_client_destroy(client);
}

static bool queue_is_empty(void *arg)
{
    const struct checker *checker = arg;
    return redis_server_command(&checker->victims->topology.redis, "LLEN orders:pending") == 0;
}

struct rest {
    const struct checker *checker;
    size_t service;
    struct vitals vitals;
};

static bool is_at_rest(void *arg)
{
    struct rest *rest = arg;
    const struct vitals *usual = &rest->checker->usual[topology_is_api(rest->service) ? 0 : 1];
    size_t more_kb = RESIDENT_MORE_KB * (size_t)(service_is_sanitized() ? SANITIZED_TIMES : 1);
    const struct topology *topology = &rest->checker->victims->topology;
    size_t more = DESCRIPTORS_MORE;
    more += topology->skew_s[rest->service] != 0 ? DESCRIPTORS_OF_FAKETIME : 0;
    rest->vitals = vitals_read(&topology->services[rest->service].process);
    return rest->vitals.threads <= usual->threads &&
           rest->vitals.descriptors <= usual->descriptors + more &&
           rest->vitals.resident_kb <= usual->resident_kb + more_kb;
}

static void check_vitals(struct checker *checker, size_t service)
{
    struct rest rest = {.checker = checker, .service = service};
    const struct vitals *usual = &checker->usual[topology_is_api(service) ? 0 : 1];
    bool is_normal = wait_until(is_at_rest, &rest, REST_LIMIT_MS);
    fprintf(stderr, "  %s: %zu threads, %zu descriptors, %zu kB; usually %zu, %zu, %zu\n",
            topology_service_name(service), rest.vitals.threads, rest.vitals.descriptors,
            rest.vitals.resident_kb, usual->threads, usual->descriptors, usual->resident_kb);
    if (!is_normal) {
        checker_fail(checker, "vitals", "%s uses more than after the first load",
                     topology_service_name(service));
    }
}

void checker_note_redis(struct checker *checker)
{
    const struct topology *topology = &checker->victims->topology;
    for (size_t i = 0; i < TOPOLOGY_SERVICES && !topology->is_alone; i++) {
        struct fault_counts counts = fault_proxy_counts(topology->redis_links[i]);
        memcpy(checker->redis_bytes[i], counts.bytes, sizeof counts.bytes);
    }
}

void checker_expect_redis(struct checker *checker)
{
    const struct topology *topology = &checker->victims->topology;
    for (size_t i = 0; i < TOPOLOGY_SERVICES && !topology->is_alone; i++) {
        struct fault_counts counts = fault_proxy_counts(topology->redis_links[i]);
        uint64_t said = counts.bytes[FAULT_TO_SERVER] - checker->redis_bytes[i][FAULT_TO_SERVER];
        uint64_t heard = counts.bytes[FAULT_TO_CLIENT] - checker->redis_bytes[i][FAULT_TO_CLIENT];
        fprintf(stderr, "  %s: %" PRIu64 " bytes to Redis, %" PRIu64 " from it, without faults\n",
                topology_service_name(i), said, heard);
        if (said < REDIS_SAID_MIN || heard < REDIS_HEARD_MIN) {
            checker_fail(checker, "redis", "%s does not use Redis again", topology_service_name(i));
        }
    }
}

static bool no_order_is_open(void *arg)
{
    const struct checker *checker = arg;
    return sql_integer(checker->sql, "SELECT count(*) FROM orders WHERE status < 2") == 0;
}

void checker_await_completed(struct checker *checker, const char *check, const char *since)
{
    if (!wait_until(no_order_is_open, checker, TOPOLOGY_DELAY_MS + CHECKER_LATE_MS)) {
        checker_fail(checker, check, "%" PRId64 " orders are open %d ms after %s",
                     sql_integer(checker->sql, "SELECT count(*) FROM orders WHERE status < 2"),
                     TOPOLOGY_DELAY_MS + CHECKER_LATE_MS, since);
    }
}

void checker_run(struct checker *checker)
{
    const struct topology *topology = &checker->victims->topology;
    if (atomic_load(&checker->ledger->failures) != 0) {
        checker_fail(checker, "answers", "%zu wrong answers, the first: %s",
                     atomic_load(&checker->ledger->failures), checker->ledger->failure);
    }
    check_rows(checker);
    check_keys(checker);
    check_paths(checker);
    check_wait(checker);
    check_late(checker);
    check_counters(checker);
    check_verify(checker);
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(topology, i) && topology_is_api(i)) {
            check_metrics(checker, i);
        }
    }
    if (!topology->is_alone && !wait_until(queue_is_empty, checker, REST_LIMIT_MS)) {
        checker_fail(checker, "queue", "hints are left");
    }
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(topology, i)) {
            check_vitals(checker, i);
        }
    }
}

void checker_check_queue(struct checker *checker, struct checker_queue *since_empty)
{
    const struct ledger *ledger = checker->ledger;
    int64_t acknowledged = (int64_t)atomic_load(&ledger->acknowledged);
    int64_t now = redis_server_command(&checker->victims->topology.redis, "LLEN orders:pending");
    int64_t hints = now > checker->victims->backlog ? now : checker->victims->backlog;
    int64_t most = (int64_t)atomic_load(&ledger->begun) - since_empty->acknowledged +
                   checker->victims->foreign_hints - since_empty->foreign + HINTS_UNDER_WAY;
    if (hints > most) {
        checker_fail(checker, "hints", "%" PRId64 " in the list, for %" PRId64 " orders", hints,
                     most);
    }
    checker->victims->backlog = 0;
    if (now == 0 || hints > most) {
        *since_empty = (struct checker_queue){acknowledged, checker->victims->foreign_hints};
    }
}
