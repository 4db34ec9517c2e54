/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

#include <string.h>

#include "tests/support/redis_faults.h"

#define DOES(name) .begin = fault_begin_##name, .end = fault_end_##name
#define REFUSES(error) DOES(redis_refuses), .refusal = REDIS_##error

/*
 * Most faults are short, so that many fit in. The longest exceed the limits of the services: 4 s
 * for a statement, 5 s for a request. With SQLite the services' clock is the database's clock too,
 * so it cannot be wrong.
 */
/* clang-format off */
const struct fault_kind fault_kinds[] = {
    /* name, part, aim, places, weight, ms from, to, what it does, and what else it has */
    {"kill -9 of", PART_API, AT_API, EVERYWHERE, 10, 0, 400, DOES(kill), .is_deadly = true},
    {"kill -9 of", PART_WORKER, AT_WORKER, ON_PAIRS, 10, 0, 800, DOES(kill), .is_deadly = true},
    {"kill -9 of both workers", PART_WORKER, AT_NONE, ON_PAIRS, 2, 200, 1500, DOES(kill_workers), .is_deadly = true},
    {"kill -9 of both workers, long", PART_ALL, AT_NONE, ON_PAIRS, 1, 4000, 6500, DOES(backlog), .is_deadly = true},
    {"kill -9 of everything", PART_ALL, AT_NONE, EVERYWHERE, 2, 0, 200, DOES(kill_all), .is_deadly = true},
    {"SIGSTOP to", PART_API, AT_API, EVERYWHERE, 4, 50, 1500, DOES(pause)},
    {"SIGSTOP to", PART_WORKER, AT_WORKER, ON_PAIRS, 4, 50, 2500, DOES(pause)},
    {"SIGTERM to", PART_API, AT_API, EVERYWHERE, 6, 0, 300, DOES(stop)},
    {"SIGTERM to", PART_WORKER, AT_WORKER, ON_PAIRS, 4, 0, 300, DOES(stop)},
    {"rolling restart", PART_ALL, AT_NONE, EVERYWHERE, 1, 0, 1, DOES(roll)},
    {"another clock, an hour off or right, at", PART_API, AT_API, ON_SERVERS, 3, 0, 1, DOES(skew)},
    {"another clock, an hour off or right, at", PART_WORKER, AT_WORKER, ON_SERVERS, 3, 0, 1, DOES(skew)},

    {"redis: kill -9", PART_REDIS, AT_NONE, ON_PAIRS, 4, 0, 800, DOES(redis_kill), .is_deadly = true},
    {"redis: SIGSTOP", PART_REDIS, AT_NONE, ON_PAIRS, 4, 50, 4000, DOES(redis_pause)},
    {"redis: SIGTERM", PART_REDIS, AT_NONE, ON_PAIRS, 2, 0, 800, DOES(redis_stop)},
    {"redis: -LOADING", PART_REDIS, AT_NONE, ON_PAIRS, 2, 0, 100, DOES(redis_loading)},
    {"redis: FLUSHALL", PART_REDIS, AT_NONE, ON_PAIRS, 4, 0, 1, DOES(redis_flush)},
    {"redis: DEL of the list", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_delete)},
    {"redis: list of a wrong type", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, REFUSES(WRONGTYPE)},
    {"redis: garbage in the list", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_garbage)},
    {"redis: duplicate hints", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_duplicates)},
    {"redis: -OOM", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, REFUSES(OOM)},
    {"redis: -READONLY", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, REFUSES(READONLY)},
    {"redis: -NOREPLICAS", PART_REDIS, AT_NONE, ON_PAIRS, 2, 50, 1500, REFUSES(NOREPLICAS)},
    {"redis: clients cut off", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_clients)},

    {"database: kill -9", PART_DATABASE, AT_NONE, ON_SERVERS, 5, 0, 500, DOES(database_kill), .is_deadly = true},
    {"database: SIGSTOP", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(database_pause)},
    {"database: SIGSTOP, long", PART_DATABASE, AT_NONE, ON_SERVERS, 1, 4500, 6500, DOES(database_pause)},
    {"database: SIGTERM", PART_DATABASE, AT_NONE, ON_SERVERS, 2, 0, 500, DOES(database_stop)},
    {"database: clients cut off", PART_DATABASE, AT_NONE, ON_SERVERS, 4, 0, 1, DOES(database_disconnect)},
    {"database: table locked", PART_DATABASE, AT_NONE, EVERYWHERE, 3, 50, 2500, DOES(lock_table)},
    {"database: table locked, long", PART_DATABASE, AT_NONE, EVERYWHERE, 1, 4500, 6500, DOES(lock_table)},
    {"database: open orders locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_rows)},
    {"database: counters locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_counters)},
    {"database: id blocks locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_ids)},
    {"database: three connections a user", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(few_connections)},
    {"database: no connections left", PART_DATABASE, AT_NONE, ON_MYSQL, 3, 50, 1500, DOES(no_connections)},
    {"database: read-only", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(read_only)},
    {"disk full", PART_DATABASE, AT_NONE, EVERYWHERE | NEEDS_SMALL_DISK, 6, 200, 3000, DOES(disk_full)},

    {"COMMIT done, its OK dropped, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 8, 50, 800, DOES(eat_ok)},
    {"COMMIT dropped at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 6, 50, 800, DOES(eat_commit)},
    {"COMMIT 1 s late, its client cut, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 50, 800, DOES(late_commit)},
    {"COMMIT 3 s late, its client cut, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 800, DOES(lost_commit)},
    {"database silent for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 50, 2000, DOES(silent)},
    {"database silent, long, for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 1, 4500, 6500, DOES(silent)},
    {"database slow for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 2, 50, 1500, DOES(slow)},
    {"database: connections reset of", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 0, 1, DOES(reset)},
    {"database refuses", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 1500, DOES(refused)},
    {"database: half closed for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 2, 50, 1000, DOES(half_closed)},
    {"database: cut in an answer to", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 800, DOES(cut)},
    {"redis silent for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 4, 50, 4000, DOES(silent), .link = LINK_REDIS},
    {"redis slow for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 2, 50, 1500, DOES(slow), .link = LINK_REDIS},
    {"redis: connections reset of", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 0, 1, DOES(reset), .link = LINK_REDIS},
    {"redis refuses", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 50, 1500, DOES(refused), .link = LINK_REDIS},
    {"redis: half closed for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 2, 50, 1000, DOES(half_closed), .link = LINK_REDIS},
    {"redis: cut in an answer to", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 50, 800, DOES(cut), .link = LINK_REDIS},
};
/* clang-format on */
const size_t fault_kind_count = sizeof fault_kinds / sizeof fault_kinds[0];

void fault_begin(struct victims *victims, struct fault *fault)
{
    fault->took_effect = true;
    fault->kind->begin(victims, fault);
}

void fault_end(struct victims *victims, struct fault *fault)
{
    fault->kind->end(victims, fault);
}

void fault_count_from(struct fault *fault, uint64_t count)
{
    fault->count_before = count;
}

void fault_count_to(struct fault *fault, uint64_t count)
{
    fault->took_effect = count > fault->count_before;
}

void fault_targets(const struct fault_kind *kind, const struct topology *topology, size_t *first,
                   size_t *count)
{
    if (topology->is_alone) {
        *first = 0;
        *count = 1;
        return;
    }
    *first = kind->aim == AT_WORKER ? TOPOLOGY_APIS : 0;
    *count = kind->aim == AT_SERVICE  ? TOPOLOGY_SERVICES
             : kind->aim == AT_WORKER ? TOPOLOGY_WORKERS
                                      : TOPOLOGY_APIS;
}

unsigned fault_place_of(const char *database, bool is_alone)
{
    if (is_alone) {
        return ALONE;
    }
    if (strcmp(database, "mysql") == 0) {
        return ON_MYSQL;
    }
    return strcmp(database, "postgres") == 0 ? ON_POSTGRES : ON_SQLITE;
}
