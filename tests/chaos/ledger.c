/* SPDX-License-Identifier: MIT */
#include "tests/chaos/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/chaos/seeded.h"

/* Percent. Twins and repeated orders together are the deliberate retries, a tenth of all. */
enum {
    PERCENT = 100,
    WITHOUT_KEY = 4,
    TWINS = 4,
    REPEATED = 7,
    HUNG_UP = 2,
    SHORT_TIMEOUT = 25,
    READ = 10,
    CENTS_MAX = 10000000,
};

void ledger_create(struct ledger *ledger)
{
    ledger->entries = calloc(ledger->capacity + 1, sizeof ledger->entries[0]);
    cr_assert_not_null(ledger->entries);
}

void ledger_destroy(struct ledger *ledger)
{
    free(ledger->entries);
    ledger->entries = NULL;
}

/* True in so many percent of all numbers. Each call uses other bits of the hash. */
static bool is_chosen(uint64_t *bits, uint32_t percent)
{
    bool chosen = *bits % PERCENT < percent;
    *bits /= PERCENT;
    return chosen;
}

struct ledger_order ledger_order(const struct ledger *ledger, uint64_t number)
{
    uint64_t bits = seeded_hash(ledger->seed, 2 * number);
    struct ledger_order order = {
        .cents = (int64_t)(seeded_hash(ledger->seed, 2 * number + 1) % CENTS_MAX)};
    order.has_key = !is_chosen(&bits, WITHOUT_KEY);
    order.is_twin = is_chosen(&bits, TWINS) && order.has_key;
    order.is_hung_up = is_chosen(&bits, HUNG_UP) && !order.is_twin;
    order.has_short_timeout = is_chosen(&bits, SHORT_TIMEOUT);
    order.is_repeated = is_chosen(&bits, REPEATED) && order.has_key;
    order.is_read = is_chosen(&bits, READ);
    return order;
}

void ledger_write_body(const struct ledger *ledger, uint64_t number, char body[LEDGER_BODY_SIZE])
{
    int64_t cents = ledger_order(ledger, number).cents;
    snprintf(body, LEDGER_BODY_SIZE,
             "{\"user_id\":\"%" PRIu64 "\",\"item_ids\":[%" PRIu64 ",\"chaos-%" PRId64
             "\"],\"total_amount\":%" PRId64 ".%02" PRId64 "}",
             number, number, cents, cents / 100, cents % 100);
}

void ledger_write_key(const struct ledger *ledger, uint64_t number, char key[LEDGER_KEY_SIZE])
{
    snprintf(key, LEDGER_KEY_SIZE, "chaos-%" PRIx64 "-%" PRIu64, ledger->seed, number);
}

void ledger_fail(struct ledger *ledger, const char *format, ...)
{
    if (atomic_fetch_add(&ledger->failures, 1) == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(ledger->failure, sizeof ledger->failure, format, arguments);
        va_end(arguments);
    }
}

void ledger_acknowledge(struct ledger *ledger, uint64_t number, uint64_t id, uint64_t due_ms,
                        uint64_t now_ms)
{
    struct ledger_entry *entry = &ledger->entries[number];
    if (entry->id != 0) {
        if (entry->id != id) {
            ledger_fail(ledger,
                        "order %" PRIu64 " was answered with ORD%" PRIu64 " and ORD%" PRIu64,
                        number, entry->id, id);
        }
        return;
    }
    entry->id = id;
    atomic_store(&ledger->last_id, id);
    atomic_fetch_add(&ledger->acknowledged, 1);
    uint64_t took_ms = now_ms > due_ms ? now_ms - due_ms : 0;
    ledger->latencies[took_ms < LEDGER_LATENCY_MAX_MS ? took_ms : LEDGER_LATENCY_MAX_MS]++;
    if (ledger->last_ms != 0 && now_ms - ledger->last_ms > ledger->longest_gap_ms) {
        ledger->longest_gap_ms = now_ms - ledger->last_ms;
    }
    ledger->last_ms = now_ms;
}

void ledger_note_status(struct ledger *ledger, uint64_t number, const char *status)
{
    static const char *const names[] = {"Pending", "Processing", "Completed"};
    struct ledger_entry *entry = &ledger->entries[number];
    for (uint8_t i = 0; i < 3; i++) {
        if (strcmp(status, names[i]) == 0) {
            if (i < entry->status_seen) {
                ledger_fail(ledger, "ORD%" PRIu64 " was %s, and is %s later", entry->id,
                            names[entry->status_seen], status);
            }
            entry->status_seen = i;
            return;
        }
    }
    ledger_fail(ledger, "ORD%" PRIu64 " is %s", entry->id, status);
}

uint32_t ledger_latency_ms(const struct ledger *ledger, double share)
{
    double wanted = share * (double)atomic_load(&ledger->acknowledged);
    double seen = 0;
    uint32_t ms = 0;
    while (ms < LEDGER_LATENCY_MAX_MS && (seen += ledger->latencies[ms]) < wanted) {
        ms++;
    }
    return ms;
}
