/* SPDX-License-Identifier: MIT */
/*
 * The store: orders, ids and counters in a database, at the level of what the services do with
 * them.
 *
 * Blocks: every call but store_create and store_destroy waits for the database, each bounded by the
 * connection's timeouts (at most a few seconds).
 * Threads: a store is one connection, used by one thread at a time. Open one per thread.
 * Owns: its connection. Borrows every argument for the time of the call only.
 *
 * A store connects on first use and again after a failure, with backoff; meanwhile its calls answer
 * STATUS_UNAVAILABLE at once. STATUS_REFUSED: the database answers, and does not do this whatever
 * the data (a privilege is missing, its disk is full); nothing was changed, and store_refusal says
 * why. It may work later without the program doing anything. STATUS_CONFLICT is a transaction lost
 * against a concurrent one: nothing was changed, try again. All times are the database's own, so
 * the hosts' clocks do not matter. Counters move in the same transaction as the rows they count.
 */
#ifndef COMMON_STORE_STORE_H
#define COMMON_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/heartbeat.h"
#include "common/base/status.h"
#include "common/order/order.h"
#include "common/store/durability.h"
#include "common/url/database_url.h"

enum {
    STORE_BATCH_MAX = 1000,  /* orders in one call, and so in one transaction */
    STORE_FLAW_IDS_MAX = 5,  /* orders that are named for each flaw */
    STORE_REFUSED_MS = 1000, /* between two attempts at what was answered STATUS_REFUSED */
};

struct store;

/* One order to insert, and what became of it. */
struct store_insert {
    const struct order *order; /* its id is assigned */
    bool repeated;      /* this very row may have been sent before, and its answer been lost */
    order_id stored_id; /* out: the order's own id, or, when its idempotency key was used before
                           by the same client with the same fingerprint, the first one's */
    bool key_reused;    /* out: the key was used before with another fingerprint; not stored */
    bool id_in_use;     /* out, with STATUS_ALREADY_EXISTS: it needs a new id, see store_insert */
};

struct store_lookup {
    order_id id;
    const char *client_id;    /* NUL-terminated */
    bool found;               /* out: the order exists and is this client's */
    enum order_status status; /* out, when found */
};

/* Totals since the first order, archived ones included. Pending is created - started, Processing is
 * started - completed. */
struct order_counts {
    int64_t created;
    int64_t started;
    int64_t completed;
    int64_t duration_us; /* sum over Completed orders of the time from created to completed */
};

/*
 * What is wrong with a row that no move could have made. Nothing repairs that: which of its columns
 * is right, only a person can say.
 */
enum store_flaw {
    STORE_FLAW_ID,
    STORE_FLAW_STATUS,
    STORE_FLAW_EARLY_TIMES,
    STORE_FLAW_EARLY_DUE,
    STORE_FLAW_NO_START,
    STORE_FLAW_EARLY_END,
    STORE_FLAW_NO_END,
    STORE_FLAW_START_BEFORE_CREATION,
    STORE_FLAW_DUE_BEFORE_START,
    STORE_FLAW_END_BEFORE_DUE,
    STORE_FLAW_OPEN_IN_ARCHIVE,
    STORE_FLAW_IN_BOTH_TABLES,
    STORE_FLAWS,
};

/* A step of the schema that the database has. */
struct store_version {
    int version;
    int64_t applied_at_s; /* since the epoch */
};

/* Never NULL: no memory ends the process. Does not connect. */
struct store *store_create(const struct database_url *url);

/* Closes the connection. Takes NULL. */
void store_destroy(struct store *store);

/*
 * From now on each answer of the database, whatever it says, is a beat of `heartbeat`, which is
 * borrowed; NULL: no more beats.
 */
void store_watch(struct store *store, struct heartbeat *heartbeat);

/*
 * From now on connecting makes nothing that is not there. An SQLite file that is not there:
 * STATUS_NOT_FOUND. For looking at a database.
 */
void store_open_existing(struct store *store);

/* "sqlite", "mysql", "postgresql": for logs. */
const char *store_name(const struct store *store);

/* The last failure, in the words of the database's library; empty: there was none. */
const char *store_last_failure(const struct store *store);

/* The server, or SQLite's library, is too old: no connection will do until it is another one. */
bool store_is_too_old(const struct store *store);

/*
 * Why the database refuses changes, as any client may read it: "its user lacks a privilege". NULL:
 * the last change was not refused, or there was none.
 */
const char *store_refusal(const struct store *store);

/* Whether that is a right or a table that is missing. Others may be stored then: it may be what a
 * trigger needs for some orders only. */
bool store_refusal_is_of_rights(const struct store *store);

/*
 * Connects if it must, and asks the database for a sign of life.
 * STATUS_UNAVAILABLE: there is none.
 */
MUST_CHECK enum status store_ping(struct store *store);

/*
 * Reads what decides which failures stored orders survive, and says so. STATUS_OK also when the
 * database answers but does not show its settings: the report says that nothing is known.
 */
MUST_CHECK enum status store_durability(struct store *store, struct durability_report *report);

/*
 * Brings the schema to this program's version, step by step, under a lock in the database, so any
 * number of processes may do it at once. Where nothing is to be done it only reads. A step may take
 * as long as it takes, except that it waits a few seconds at most for a table that others hold:
 * STATUS_CONFLICT, try again. A schema newer than the program: STATUS_INVALID.
 */
MUST_CHECK enum status store_migrate(struct store *store);

/* The version this program's schema has. */
int store_program_version(const struct store *store);

/* Whether store_migrate has applied the step of that version by this store. */
bool store_has_applied(const struct store *store, int version);

/* Reads which steps the database has, the newest first, at most `max`. None: it is empty. */
MUST_CHECK enum status store_versions(struct store *store, struct store_version versions[],
                                      size_t max, size_t *count);

/*
 * Reserves `count` (>= 1) consecutive ids that are given to no other caller, ever; the first is
 * `*first`. Ids that are not used are lost; that is allowed. Never one at or below the id of an
 * order that is stored or archived: a server that was restored, or took over with less than the
 * lost one knew, may have forgotten a block whose ids have been sent to it again.
 */
MUST_CHECK enum status store_reserve_ids(struct store *store, uint32_t count, order_id *first);

/*
 * Stores `count` (1 to STORE_BATCH_MAX) orders as Pending in one transaction, durably before it
 * returns. The same rows may be sent again after any failure, as `repeated` if their answer was
 * lost: one that is there already, with the same client, user, items and total, stays as it is and
 * is counted once. Ids within one call are distinct. STATUS_INVALID: the database refuses the
 * content of at least one row; nothing was stored. STATUS_TOO_LARGE: one row, or all together, are
 * more than it takes at once; nothing was stored. STATUS_CONFLICT: nothing was stored.
 * STATUS_UNAVAILABLE: all were stored or none; it is unknown.
 *
 * STATUS_ALREADY_EXISTS: nothing was stored, neither orders nor keys, because an id is another
 * order's: a row of it exists, and the entry is not `repeated` or differs from the row. Such
 * entries are `id_in_use`, and possibly others that are not `repeated`, whose ids may be free; a
 * `repeated` one is so only for its own id. Entries whose key leads to another order need no id and
 * cause none of this. What the entries' other outs say is then unspecified.
 */
MUST_CHECK enum status store_insert(struct store *store, struct store_insert entries[],
                                    size_t count);

/*
 * Does what store_reserve_ids and store_insert do, with an order of its own, and undoes it: whether
 * orders can be stored. STATUS_REFUSED: they cannot. It costs the database as much as an order, so
 * not often.
 */
MUST_CHECK enum status store_try_insert(struct store *store);

/*
 * Moves every order of `ids` that is Pending to Processing, due `delay_ms` from the database's now.
 * Others are left alone: another worker has them, or they are done.
 * `*count` (1 to STORE_BATCH_MAX, distinct ids, any order) becomes the number moved, and those ids
 * stand first in `ids`; the rest of `ids` is then unspecified. `age_ms`, unless NULL, gets how long
 * ago the first of the moved was created, 0 when none moved. Any other status: nothing was changed,
 * or it is unknown (then the sweep finds them).
 */
MUST_CHECK enum status store_claim(struct store *store, order_id ids[], size_t *count,
                                   uint32_t delay_ms, uint64_t *age_ms);

/*
 * Claims an order that is not there: whether orders can be moved. STATUS_REFUSED: they cannot.
 */
MUST_CHECK enum status store_try_move(struct store *store);

/* A claim of orders that have been Pending for at least `min_age_ms`, without hints. */
struct store_claim_waiting {
    uint32_t min_age_ms;
    uint32_t delay_ms; /* as of store_claim */
    size_t max;        /* 1 to STORE_BATCH_MAX */
    order_id *ids;     /* room for `max` */
    size_t count;      /* out: how many were moved; they stand first in `ids` */
};

/*
 * Moves such orders as store_claim does, the oldest first. Concurrent callers get different orders
 * and do not wait for each other. STATUS_OK with a count of 0: there are none.
 */
MUST_CHECK enum status store_claim_waiting(struct store *store,
                                           struct store_claim_waiting *waiting);

/*
 * Moves every order of `ids` that is Processing and due to Completed. Others are left alone.
 * `*count` (1 to STORE_BATCH_MAX, distinct ids) becomes the number moved. `ids` is sorted on the
 * way.
 */
MUST_CHECK enum status store_complete(struct store *store, order_id ids[], size_t *count);

/* A search for orders that are still Processing `grace_ms` or more after they were due. */
struct store_overdue {
    uint32_t grace_ms;
    size_t max;          /* 1 to STORE_BATCH_MAX */
    order_id *ids;       /* room for `max` */
    size_t count;        /* out: how many stand in `ids`, the longest overdue first */
    bool any_processing; /* out: some order is Processing, overdue or not */
};

MUST_CHECK enum status store_overdue(struct store *store, struct store_overdue *overdue);

/* Answers all `count` (1 to STORE_BATCH_MAX) lookups in one round trip. */
MUST_CHECK enum status store_lookup(struct store *store, struct store_lookup lookups[],
                                    size_t count);

/* The database's clock, microseconds since the epoch. */
MUST_CHECK enum status store_now(struct store *store, int64_t *now_us);

/* One step of a walk over all orders in use, in the order of their ids. */
struct store_archive {
    int64_t before_us;
    size_t max;        /* orders to look at, 1 to STORE_BATCH_MAX */
    order_id position; /* in, out: the last order that was looked at; 0: none */
    size_t moved;      /* out; on SQLite it may be some more than `max` */
    bool more;         /* out: there are orders after `position` */
};

/*
 * Looks at the next orders after `position` and moves those Completed before `before_us` to the
 * archive, all in one short transaction. An archived order is still found by store_lookup, still
 * counted, and its id never given again; that is all. Not STATUS_OK: nothing was moved or it is
 * unknown; `position` is as it was and doing it again is harmless. STATUS_INVALID: an order is
 * already in the archive, which only a change by hand can bring about.
 * Orders that were stored moments ago may be sent again (store_insert), and would then be stored
 * twice: `before_us` must be some minutes ago.
 */
MUST_CHECK enum status store_archive(struct store *store, struct store_archive *archive);

/* The last idempotency key that was looked at; all zero: none. */
struct store_key_position {
    char client_id[ORDER_CLIENT_ID_SIZE];
    char key[ORDER_IDEMPOTENCY_KEY_SIZE];
};

/* One step of a walk over all idempotency keys. */
struct store_forget_keys {
    int64_t before_us;
    size_t max;                         /* keys to look at, 1 to STORE_BATCH_MAX */
    struct store_key_position position; /* in, out */
    size_t deleted;                     /* out */
    bool more;                          /* out: there are keys after `position` */
};

/*
 * Looks at the next keys after `position` and deletes those that are older than `before_us` and
 * whose orders are in the archive, or gone. So a key is honoured as long as its order is in use.
 * Failures are those of store_archive.
 */
MUST_CHECK enum status store_forget_keys(struct store *store, struct store_forget_keys *keys);

/* The counters, exact at one instant. Costs the same at ten orders and at ten million. */
MUST_CHECK enum status store_counts(struct store *store, struct order_counts *counts);

/* The counters, and what every row adds up to, both of one snapshot. */
struct store_verification {
    struct order_counts counted;   /* what the counters say */
    struct order_counts recounted; /* what the rows say */
    struct order_counts repaired;  /* the part of `counted` that store_repair has made so far */
    struct store_flawed {
        int64_t count;
        size_t id_count; /* at most STORE_FLAW_IDS_MAX */
        int64_t ids[STORE_FLAW_IDS_MAX];
    } flaws[STORE_FLAWS];
};

/* For the caller of a long verification or backup: how far it is, and whether to go on. */
struct store_progress {
    /* `done` of about `expected` rows, or pages, are done. False: stop. Called often, from the
     * store's thread; must not block. */
    bool (*go_on)(void *context, int64_t done, int64_t expected);
    void *context;
};

/*
 * Compares the counters with the rows, archived ones too, and looks at each. Reads all, part by
 * part in one snapshot: traffic is not held up, and the limits of store.h hold for each part only.
 * `progress` may be NULL. STATUS_TIMEOUT: `progress` said stop.
 */
MUST_CHECK enum status store_verify(struct store *store, const struct store_progress *progress,
                                    struct store_verification *found);

/* Counters less rows; all zero while the counters are right. */
struct order_counts store_drift(const struct store_verification *found);
bool store_has_drift(const struct store_verification *found);

/* How many flaws were found in all, and what one of them is: "completed before it was due". */
int64_t store_flaw_count(const struct store_verification *found);
const char *store_flaw_text(enum store_flaw flaw);

/*
 * Takes the drift that was found out of the counters, in one transaction. The services may go on
 * meanwhile: each of their transactions moves rows and counters alike, so the drift does not change
 * from the snapshot to now, and it is taken from a slot that only this function writes.
 * STATUS_NOT_FOUND: since the snapshot another process has repaired; verify again. STATUS_CONFLICT:
 * nothing was changed, try again. STATUS_UNAVAILABLE: unknown; trying again is safe.
 */
MUST_CHECK enum status store_repair(struct store *store, const struct store_verification *found);

enum { STORE_BACKUP_REASON_SIZE = 256 };

/* A copy of an SQLite database. */
struct store_backup {
    const char *path;                      /* in: an empty file, which nobody else uses */
    const struct store_progress *progress; /* in: NULL: nobody asks */
    int64_t orders;                        /* out: how many are in it, archived ones included */
    char reason[STORE_BACKUP_REASON_SIZE]; /* out, unless STATUS_OK: why there is no copy */
};

/*
 * Copies the whole database, as it is at one instant of the call, and checks the copy. Only for
 * SQLite: a server has its own programs for that. Blocks as long as it takes; the others read and
 * write meanwhile, and the write-ahead file grows by what they write. Whatever comes of it, the
 * caller removes the file or flushes it. STATUS_INVALID: the copy is damaged, as the database must
 * be. STATUS_TIMEOUT: `progress` said stop. STATUS_UNAVAILABLE: one of them cannot be read or
 * written.
 */
MUST_CHECK enum status store_backup(struct store *store, struct store_backup *backup);

/*
 * Whether the file is an SQLite database of orders, as store_backup makes it; of any version. One
 * that cannot be read is none. Takes no lock and writes nothing: for a file that nobody writes.
 * Only for SQLite. Blocks for the disk.
 */
MUST_CHECK bool store_is_backup(const struct store *store, const char *path);

#endif
