/* SPDX-License-Identifier: MIT */
/*
 * What can befall the pair: one table, a line each. A fault begins, lasts, and ends; at its end
 * everything is as it should be but for services that are still starting.
 *
 * Of two faults at once each befalls another part, so that neither needs what the other has taken
 * away. Blocks. Threads: the test's main thread. What cannot be done fails the test, but for what
 * depends on others, such as a lock that they hold: then the fault did not come about.
 */
#ifndef TESTS_CHAOS_FAULTS_H
#define TESTS_CHAOS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/chaos/ledger.h"
#include "tests/chaos/topology.h"

enum fault_part { PART_API, PART_WORKER, PART_DATABASE, PART_REDIS, PART_NETWORK, PART_ALL };

/* Where a kind of fault is possible; bits. */
enum fault_place {
    ON_MYSQL = 1,
    ON_POSTGRES = 2,
    ON_SQLITE = 4,
    ALONE = 8,             /* one API with SQLite */
    NEEDS_SMALL_DISK = 16, /* and only there */
    ON_SERVERS = ON_MYSQL | ON_POSTGRES,
    ON_PAIRS = ON_SERVERS | ON_SQLITE,
    EVERYWHERE = ON_PAIRS | ALONE,
};

/* Which services a kind of fault is aimed at, one of them each time. */
enum fault_aim { AT_NONE, AT_API, AT_WORKER, AT_SERVICE };

/* Whom a service is cut off from, in faults of the network. */
enum fault_link_end { LINK_DATABASE, LINK_REDIS };

enum { FAULT_SESSIONS_MAX = 8 };

struct fault_kind;

/* What the faults are done to, and what they leave for the checks. */
struct victims {
    struct topology topology;
    const struct ledger *ledger;
    int64_t foreign_hints; /* put into the list by faults */
    int64_t backlog;       /* hints that a fault has found where nobody took any */
};

struct fault {
    const struct fault_kind *kind;
    size_t target; /* a service, where the kind has one */
    uint32_t duration_ms;
    uint64_t dice;                            /* for what the kind leaves open */
    struct sql *sessions[FAULT_SESSIONS_MAX]; /* while it lasts */
    uint64_t count_before; /* of what it does to others, where somebody counts that */
    bool came_about;       /* out, after its end: else what it needed was refused or not there, or
                              nobody noticed it where that is counted */
};

struct fault_kind {
    const char *name;
    enum fault_part part;
    enum fault_aim aim;
    unsigned places;
    uint32_t weight;
    uint32_t min_ms;
    uint32_t max_ms;
    void (*begin)(struct victims *victims, struct fault *fault); /* these two clear came_about */
    void (*end)(struct victims *victims, struct fault *fault);
    bool is_deadly;           /* a kill -9, for the profile of nothing else */
    enum fault_link_end link; /* of a service's, for the network */
    size_t refusal;           /* one of redis_faults, for a Redis that refuses */
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;

/* Begins it, and ends it; in between it lasts. */
void fault_begin(struct victims *victims, struct fault *fault);
void fault_end(struct victims *victims, struct fault *fault);

/* For begins and ends: whether it came about is told by a count that has risen since the first. */
void fault_count_from(struct fault *fault, uint64_t count);
void fault_count_to(struct fault *fault, uint64_t count);

/* The services that the kind may be aimed at: `*count` from `*first` on. Not for AT_NONE. */
void fault_targets(const struct fault_kind *kind, const struct topology *topology, size_t *first,
                   size_t *count);

/* The place that a topology on a kind of database is. */
unsigned fault_place_of(const char *database, bool is_alone);

/* Begins and ends of the table, by the file they stand in. */
#define FAULT(name)                                                                                \
    void fault_begin_##name(struct victims *victims, struct fault *fault);                         \
    void fault_end_##name(struct victims *victims, struct fault *fault)

FAULT(kill); /* fault_services.c */
FAULT(pause);
FAULT(stop);
FAULT(skew);
FAULT(kill_workers);
FAULT(backlog);
FAULT(kill_all);
FAULT(roll);

FAULT(redis_kill); /* fault_redis.c */
FAULT(redis_pause);
FAULT(redis_stop);
FAULT(redis_loading);
FAULT(redis_flush);
FAULT(redis_delete);
FAULT(redis_garbage);
FAULT(redis_duplicates);
FAULT(redis_refuses);
FAULT(redis_clients);

FAULT(database_kill); /* fault_database.c */
FAULT(database_pause);
FAULT(database_stop);
FAULT(database_disconnect);
FAULT(lock_table);
FAULT(lock_rows);
FAULT(lock_counters);
FAULT(lock_ids);
FAULT(few_connections);
FAULT(no_connections);
FAULT(read_only);
FAULT(disk_full);

FAULT(silent); /* fault_network.c */
FAULT(slow);
FAULT(reset);
FAULT(refused);
FAULT(half_closed);
FAULT(cut);
FAULT(eat_ok);
FAULT(eat_commit);
FAULT(late_commit);
FAULT(lost_commit);

#undef FAULT

#endif
