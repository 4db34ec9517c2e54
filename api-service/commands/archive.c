/* SPDX-License-Identifier: MIT */
#include "api-service/commands/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api-service/commands/database_command.h"
#include "common/base/clock.h"
#include "common/base/date.h"

enum {
    BATCH_DEFAULT = STORE_BATCH_MAX,
    DAYS_MAX = 36500,
    PROGRESS_MS = 200,
    AWAY_MS = 60 * 1000,  /* how long to wait for a database that is away */
    RETRY_MS = 50,        /* after a batch that failed */
    PAUSE_MAX_MS = 1000,  /* between two batches */
    BATCH_LONG_MS = 200,  /* after a batch that took longer, the next is half as large */
    BATCH_SHORT_MS = 50,  /* after a shorter one it is twice as large, up to what was asked for */
    YOUNGEST_S = 60 * 60, /* no order younger than that is moved */
};

static const char *check_date(const char *text)
{
    int64_t us;
    return date_parse(text, &us) ? NULL
                                 : "must be a date, such as 2026-01-31, or a time, such as "
                                   "2026-01-31T12:00:00Z";
}

/* 0: it is not a number from 1 to `max`. */
static size_t read_number(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len) {
        return 0;
    }
    size_t number = strtoul(text, NULL, 10);
    return number <= max ? number : 0;
}

static const char *check_days(const char *text)
{
    return read_number(text, DAYS_MAX) > 0 ? NULL : "must be a number of days from 1 to 36500";
}

static const char *check_batch(const char *text)
{
    return read_number(text, STORE_BATCH_MAX) > 0 ? NULL : "must be a number from 1 to 1000";
}

const struct command_option archive_options[] = {
    {.name = "--before",
     .value = "DATE",
     .summary = "moves what was completed before that day or RFC 3339 time, in UTC",
     .check = check_date},
    {.name = "--older-than",
     .value = "DAYS",
     .summary = "moves what was completed so many days ago, by the database's clock",
     .check = check_days},
    {.name = "--batch",
     .value = "N",
     .summary = "orders in one transaction, 1000 at most, which is the default",
     .check = check_batch},
    {.name = NULL},
};

/* One run of the command. */
struct archiving {
    struct store *store;
    int64_t before_us;
    size_t batch_max;
    size_t batch;                  /* what the next one looks at */
    order_id order;                /* where it is: the last order, */
    struct store_key_position key; /* and the last key */
    uint64_t orders_moved;
    uint64_t keys_deleted;
    uint64_t next_progress_ms; /* when to write the next line; UINT64_MAX: there is no terminal */
};

static enum status archive_orders(struct archiving *archiving, size_t *done, bool *more)
{
    struct store_archive archive = {.before_us = archiving->before_us,
                                    .max = archiving->batch,
                                    .position = archiving->order};
    enum status status = store_archive(archiving->store, &archive);
    archiving->order = archive.position;
    archiving->orders_moved += archive.moved;
    *done = archive.moved;
    *more = archive.more;
    return status;
}

static enum status forget_keys(struct archiving *archiving, size_t *done, bool *more)
{
    struct store_forget_keys keys = {.before_us = archiving->before_us,
                                     .max = archiving->batch,
                                     .position = archiving->key};
    enum status status = store_forget_keys(archiving->store, &keys);
    archiving->key = keys.position;
    archiving->keys_deleted += keys.deleted;
    *done = keys.deleted;
    *more = keys.more;
    return status;
}

/* One line of a terminal, overwritten each time. */
static void show_progress(struct archiving *archiving)
{
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= archiving->next_progress_ms) {
        archiving->next_progress_ms = now_ms + PROGRESS_MS;
        fprintf(stderr,
                "\rarchiving: %" PRIu64 " orders moved, ORD%" PRIu64 " reached, %" PRIu64
                " keys deleted",
                archiving->orders_moved, archiving->order, archiving->keys_deleted);
    }
}

/*
 * A thousand large orders may take longer than the limit of a statement, and one order that another
 * session has locked would stop its whole batch.
 */
static void choose_batch(struct archiving *archiving, enum status status, uint64_t took_ms)
{
    size_t batch = archiving->batch;
    if (status != STATUS_OK || took_ms > BATCH_LONG_MS) {
        batch = (batch + 1) / 2;
    } else if (took_ms < BATCH_SHORT_MS) {
        batch = batch * 2 < archiving->batch_max ? batch * 2 : archiving->batch_max;
    }
    archiving->batch = batch;
}

static void pause_ms(uint64_t ms)
{
    clock_sleep_ms((uint32_t)(ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS));
}

/*
 * Batch by batch to the end. After a batch that changed something it pauses as long as the batch
 * took, so a slow database gets more rest. What fails is tried again, since nothing is lost by
 * that, until the database has been away for too long, or refuses a single row, or all of it.
 */
static enum status run_batches(struct archiving *archiving,
                               enum status (*run)(struct archiving *archiving, size_t *done,
                                                  bool *more))
{
    uint64_t answered_ms = clock_monotonic_ms();
    bool more = true;
    while (more) {
        size_t done = 0;
        uint64_t start_ms = clock_monotonic_ms();
        enum status status = run(archiving, &done, &more);
        uint64_t now_ms = clock_monotonic_ms();
        bool last_try = archiving->batch == 1;
        choose_batch(archiving, status, now_ms - start_ms);
        if (status == STATUS_OK) {
            answered_ms = now_ms;
            pause_ms(done > 0 ? now_ms - start_ms : 0);
        } else if ((status == STATUS_INVALID && last_try) || status == STATUS_REFUSED ||
                   now_ms - answered_ms > AWAY_MS) {
            return status;
        } else {
            more = true;
            pause_ms(RETRY_MS);
        }
        show_progress(archiving);
    }
    return STATUS_OK;
}

static int archive(struct archiving *archiving, const struct config *config)
{
    uint64_t start_ms = clock_monotonic_ms();
    bool on_terminal = isatty(STDERR_FILENO) == 1;
    archiving->next_progress_ms = on_terminal ? start_ms + PROGRESS_MS : UINT64_MAX;
    enum status status = run_batches(archiving, archive_orders);
    bool in_both = status == STATUS_INVALID;
    if (status == STATUS_OK) {
        status = run_batches(archiving, forget_keys);
    }
    if (on_terminal) {
        fputs("\r\033[K", stderr);
    }
    printf("%sarchived %" PRIu64 " orders and deleted %" PRIu64 " idempotency keys in %.1f s\n",
           status == STATUS_OK ? "" : "not finished: ", archiving->orders_moved,
           archiving->keys_deleted, (double)(clock_monotonic_ms() - start_ms) / 1000);
    if (in_both) {
        fprintf(stderr,
                "%s archive: the next order behind ORD%" PRIu64 " is in orders_archive too, which "
                "only a hand in the database can bring about\n",
                config_program_name(CONFIG_API), archiving->order);
        return EXIT_FAILURE;
    }
    return status == STATUS_OK ? EXIT_SUCCESS : database_command_failed("archive", config, status);
}

static int refuse(const char *why)
{
    fprintf(stderr, "%s archive: %s\n", config_program_name(CONFIG_API), why);
    return EXIT_USAGE;
}

/* From the options, of which there is one, and the database's clock. */
static int64_t read_before(const char *before, const char *older_than, int64_t now_us)
{
    int64_t us = now_us;
    if (before != NULL) {
        bool good = date_parse(before, &us);
        (void)good; /* the option was checked */
        return us;
    }
    return us - (int64_t)read_number(older_than, DAYS_MAX) * 24 * 60 * 60 * 1000000;
}

static int run(struct config *config, const struct command_call *call, struct store *store)
{
    const char *batch_option = command_line_option(call, "--batch");
    size_t batch =
        batch_option != NULL ? read_number(batch_option, STORE_BATCH_MAX) : BATCH_DEFAULT;
    int64_t now_us;
    if (!database_command_is_current("archive", config, store)) {
        return EXIT_FAILURE;
    }
    enum status status = store_now(store, &now_us);
    if (status != STATUS_OK) {
        return database_command_failed("archive", config, status);
    }
    struct archiving archiving = {
        .store = store,
        .before_us = read_before(command_line_option(call, "--before"),
                                 command_line_option(call, "--older-than"), now_us),
        .batch_max = batch,
        .batch = batch,
    };
    /* A repeated request looks for its order in the table in use: recent ones must stay there. */
    if (archiving.before_us > now_us - (int64_t)YOUNGEST_S * 1000000) {
        return refuse("--before must be an hour ago or more, by the database's clock");
    }
    return archive(&archiving, config);
}

int archive_run(struct config *config, const struct command_call *call)
{
    bool before = command_line_option(call, "--before") != NULL;
    bool older_than = command_line_option(call, "--older-than") != NULL;
    if (before == older_than) {
        return refuse(before ? "give --before or --older-than, not both"
                             : "say what to move: --before DATE or --older-than DAYS");
    }
    struct store *store = database_command_open(config);
    int code = run(config, call, store);
    store_destroy(store);
    return code;
}
