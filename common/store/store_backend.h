/* SPDX-License-Identifier: MIT */
/*
 * What a kind of database supplies to store.c. Each operation mirrors the public function of the
 * same name in store.h; store.c has checked the arguments, connected, and takes care of
 * reconnecting: after STATUS_UNAVAILABLE it calls disconnect.
 *
 * A backend leaves no transaction open when an operation returns, whatever it returns.
 */
#ifndef COMMON_STORE_STORE_BACKEND_H
#define COMMON_STORE_STORE_BACKEND_H

#include "common/base/backoff.h"
#include "common/base/outage.h"
#include "common/order/order_moves.h"
#include "common/store/schema/schema.h"
#include "common/store/sql_text.h"
#include "common/store/store.h"
#include "common/store/store_read.h"

struct store_ops {
    const char *name;
    const struct sql_fragment *fragments; /* the names of store_read.h, in this kind's SQL */
    struct store *(*create)(void); /* allocates the backend's own struct, `struct store` first */
    enum status (*connect)(struct store *store);
    void (*disconnect)(struct store *store); /* also when not, or half, connected */
    enum status (*ping)(struct store *store);
    enum status (*durability)(struct store *store, struct durability_report *report);

    /* Takes the lock of migrations and reads the version reached so far, 0 on an empty database. */
    enum status (*migrate_begin)(struct store *store, int *version);
    /* Applies one step and records it. May have been cut off half way before: repeats are harmless.
     */
    enum status (*migrate_step)(struct store *store, const struct schema_step *step);
    /* Ends what migrate_begin began; keeps the step if `outcome` is STATUS_OK. */
    enum status (*migrate_end)(struct store *store, enum status outcome);

    enum status (*reserve_ids)(struct store *store, uint32_t count, order_id *first);
    enum status (*insert)(struct store *store, struct store_insert entries[], size_t count);
    /* As insert of one order with a key, after reserve_ids; all is rolled back. */
    enum status (*try_insert)(struct store *store);
    enum status (*claim)(struct store *store, order_id ids[], size_t *count, uint32_t delay_ms,
                         uint64_t *age_ms);
    enum status (*claim_waiting)(struct store *store, struct store_claim_waiting *waiting);
    enum status (*complete)(struct store *store, const order_id ids[], size_t *count);
    /* The status as order_status_of reads it. */
    enum status (*lookup)(struct store *store, struct store_lookup lookups[], size_t count);
    enum status (*counts)(struct store *store, struct order_counts *counts);

    /*
     * As store_read, within the transaction that is open, if one is. `query` has been checked; its
     * statement has its fragments and its LIMIT, but still a `?` for each parameter, and its
     * `limit_ms` is not 0. Each row goes to store_rows_add.
     */
    enum status (*read)(struct store *store, const struct store_query *query,
                        struct store_rows *rows);

    /* These two change the outs, and `position`, only with STATUS_OK. */
    enum status (*archive)(struct store *store, struct store_archive *archive);
    enum status (*forget_keys)(struct store *store, struct store_forget_keys *keys);

    /* Begins a transaction that sees everything as it is at its first read, and only reads. */
    enum status (*snapshot_begin)(struct store *store);
    /* Ends it, and returns `status` or why that failed. */
    enum status (*snapshot_end)(struct store *store, enum status status);
    /*
     * Adds to STORE_REPAIR_SLOT, if it still holds what was `seen` in the snapshot, else
     * STATUS_NOT_FOUND. It may not be there yet, which counts as zero.
     */
    enum status (*repair)(struct store *store, const struct order_counts *seen,
                          const struct order_counts *addition);
    /* NULL: this kind has programs of its own for that. */
    enum status (*backup)(struct store *store, struct store_backup *backup);
    /* NULL: likewise. */
    bool (*is_backup)(const char *path);
};

/* A row of `counters` that no connection counts in: theirs are below. */
enum { STORE_REPAIR_SLOT = 64 };
#define STORE_REPAIR_SLOT_TEXT "64"

enum { STORE_FAILURE_SIZE = 640 };

struct store {
    const struct store_ops *ops;
    struct database_url url;
    bool connected;
    unsigned era;              /* of the connection; see store_primary_has_changed */
    bool open_existing;        /* connecting makes nothing that is not there, and says so */
    bool may_create;           /* connecting makes a file that is not there, unless open_existing */
    bool no_statement_timeout; /* the connection has no limits on how long a statement may take */
    uint32_t idle_max_ms;      /* set by connect: unused for longer, it is made anew; 0: never */
    uint64_t used_at_ms;       /* the connection, last; clock_monotonic_ms */
    bool is_too_old;           /* what was connected to last; see store_version.h */
    char failure[STORE_FAILURE_SIZE]; /* what store_failed said last */
    const char *refusal;              /* why the last change was refused; NULL: it was not */
    struct outage outage;
    struct outage data_errors;   /* it is never over, for the data is gone */
    struct backoff backoff;      /* between attempts to connect */
    uint64_t retry_at_ms;        /* no attempt before this; clock_monotonic_ms */
    uint64_t steps_applied;      /* by this store; bit 0 is the step of version 1 */
    struct heartbeat *heartbeat; /* NULL: it is not watched */
};

extern const struct store_ops store_sqlite_ops;
extern const struct store_ops store_mysql_ops;
extern const struct store_ops store_postgres_ops;

/* store_read on a store that is connected. */
MUST_CHECK enum status store_read_connected(struct store *store, const struct store_query *query,
                                            struct store_rows *rows);

/* For `read`: takes a row in. Anything but STATUS_OK ends the reading. */
MUST_CHECK enum status store_rows_add(struct store_rows *rows, const struct store_query *query,
                                      const struct store_value values[]);

/*
 * For `read`: makes a value of what the database has sent as text, NULL for NULL. Borrows `text`.
 * False: it is not of that type.
 */
MUST_CHECK bool store_value_read(struct store_value *value, enum store_type type, const char *text,
                                 size_t len);

/* Logs that and returns STATUS_INVALID. */
enum status store_value_is_bad(struct store *store, const struct store_query *query, size_t column);

/*
 * The server of a connection that has worked refuses a write: it was demoted. Every connection of
 * the process that is older than this is made anew before its next use, because a demoted server
 * goes on to answer reads, and what it answers gets old. Any thread.
 */
void store_primary_has_changed(const struct store *store);

/*
 * From then on a new connection is used only if its server takes writes. Before, nobody asks: a
 * proxy may answer the question with a replica. Commands that only look may use a replica.
 */
bool store_primary_is_in_doubt(const struct store *store);

/*
 * Logs, once, what the database's library said, and passes `status` on:
 * `return store_failed(store, STATUS_UNAVAILABLE, "insert", code, message)`.
 */
enum status store_failed(struct store *store, enum status status, const char *operation, int code,
                         const char *message);

/* The same with STATUS_REFUSED. `reason` is a constant that any client may read. */
enum status store_refused(struct store *store, const char *reason, const char *operation, int code,
                          const char *message);

/* The reasons that there are. */
#define STORE_NO_PRIVILEGE "its user lacks a privilege"
#define STORE_NO_ROOM "there is no room left on its disk"
#define STORE_NOT_WRITABLE "its file cannot be written to"
#define STORE_NO_TABLE "a table or column is not there"

/* What try_insert stores under the id that it has reserved: of no client, with a key. */
struct order store_trial_order(order_id id);

/* Said behind a library's words where the server lets no more connections in. */
#define STORE_CONNECTIONS_HINT                                                                     \
    "; the server has no connection left: an order-api takes up to 4, an order-worker 1, a "       \
    "command 1; raise the server's or the user's limit, or end other programs"

#endif
