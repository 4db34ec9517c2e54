/* SPDX-License-Identifier: MIT */
/*
 * The faults that the pair must survive: one table, a line each. A fault begins, lasts, and ends.
 * At its end everything works again; services may still be starting.
 *
 * Two faults at once hit two different parts, so that neither needs what the other has broken.
 * Blocks. Threads: the test's main thread. A fault that cannot be made fails the test. Where it
 * depends on others, such as a lock that they hold, it is only counted as without effect.
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
    NEEDS_SMALL_DISK = 16, /* possible only there */
    ON_SERVERS = ON_MYSQL | ON_POSTGRES,
    ON_PAIRS = ON_SERVERS | ON_SQLITE,
    EVERYWHERE = ON_PAIRS | ALONE,
};

/* The services a kind of fault is aimed at; each fault hits one of them. */
enum fault_aim { AT_NONE, AT_API, AT_WORKER, AT_SERVICE };

/* The server that a fault of the network cuts a service off from. */
enum fault_link_end { LINK_DATABASE, LINK_REDIS };

enum { FAULT_SESSIONS_MAX = 8 };

struct fault_kind;

/* What the faults act on, and what they leave for the checks. */
struct victims {
    struct topology topology;
    const struct ledger *ledger;
    int64_t foreign_hints; /* put into the list by faults */
    int64_t backlog;       /* hints in the list at the end of a fault in which no worker ran */
};

struct fault {
    const struct fault_kind *kind;
    size_t target; /* a service, where the kind has one */
    uint32_t duration_ms;
    uint64_t dice;                            /* a random number, for the kind's own choices */
    struct sql *sessions[FAULT_SESSIONS_MAX]; /* while it lasts */
    uint64_t count_before; /* the counter that shows the effect, before the fault */
    bool took_effect; /* out, after its end; false: it could not be made, or the counter shows no
                         effect */
};

struct fault_kind {
    const char *name;
    enum fault_part part;
    enum fault_aim aim;
    unsigned places;
    uint32_t weight;
    uint32_t min_ms;
    uint32_t max_ms;
    void (*begin)(struct victims *victims,
                  struct fault *fault); /* these two may clear took_effect */
    void (*end)(struct victims *victims, struct fault *fault);
    bool is_deadly;           /* a kill -9: the only ones in the profile "kills" */
    enum fault_link_end link; /* for faults of the network */
    size_t refusal;           /* one of redis_faults, when Redis refuses commands */
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;

/* The fault lasts from one call to the other. */
void fault_begin(struct victims *victims, struct fault *fault);
void fault_end(struct victims *victims, struct fault *fault);

/* For `begin` and `end`: sets took_effect if the count has risen between these two calls. */
void fault_count_from(struct fault *fault, uint64_t count);
void fault_count_to(struct fault *fault, uint64_t count);

/* The services that the kind may hit: `*count` from `*first` on. Not for AT_NONE. */
void fault_targets(const struct fault_kind *kind, const struct topology *topology, size_t *first,
                   size_t *count);

/* The enum fault_place of a topology. */
unsigned fault_place_of(const char *database, bool is_alone);

/* The functions of the table, by the file that has them. */
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
