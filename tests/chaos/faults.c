/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

#include <string.h>

#define BOTH(name) fault_begin_##name, fault_end_##name

/*
 * Shorter ones more often, so that there are many; the longest pass the limits that the services
 * have: 4 s for a statement, 5 s for a request.
 */
const struct fault_kind fault_kinds[] = {
    {"kill -9 of", PART_API, EVERYWHERE, 10, 0, 400, BOTH(kill), true},
    {"kill -9 of", PART_WORKER, ON_PAIRS, 10, 0, 800, BOTH(kill), true},
    {"kill -9 of both workers", PART_WORKER, ON_PAIRS, 2, 200, 1500, BOTH(kill_workers), true},
    {"kill -9 of everything", PART_ALL, EVERYWHERE, 2, 0, 200, BOTH(kill_all), true},
    {"SIGSTOP to", PART_API, EVERYWHERE, 4, 50, 1500, BOTH(pause), false},
    {"SIGSTOP to", PART_WORKER, ON_PAIRS, 4, 50, 2500, BOTH(pause), false},
    {"SIGTERM to", PART_API, EVERYWHERE, 6, 0, 300, BOTH(stop), false},
    {"SIGTERM to", PART_WORKER, ON_PAIRS, 4, 0, 300, BOTH(stop), false},
    {"rolling restart", PART_ALL, EVERYWHERE, 1, 0, 1, BOTH(roll), false},
    {"a clock an hour off at", PART_API, ON_PAIRS, 3, 100, 2000, BOTH(skew), false},
    {"a clock an hour off at", PART_WORKER, ON_PAIRS, 3, 100, 2000, BOTH(skew), false},

    {"redis: kill -9", PART_REDIS, ON_PAIRS, 4, 0, 800, BOTH(redis_kill), true},
    {"redis: SIGSTOP", PART_REDIS, ON_PAIRS, 4, 50, 4000, BOTH(redis_pause), false},
    {"redis: SIGTERM", PART_REDIS, ON_PAIRS, 2, 0, 800, BOTH(redis_stop), false},
    {"redis: -LOADING", PART_REDIS, ON_PAIRS, 2, 0, 100, BOTH(redis_loading), false},
    {"redis: FLUSHALL", PART_REDIS, ON_PAIRS, 4, 0, 1, BOTH(redis_flush), false},
    {"redis: DEL of the list", PART_REDIS, ON_PAIRS, 3, 0, 1, BOTH(redis_delete), false},
    {"redis: list of a wrong type", PART_REDIS, ON_PAIRS, 3, 50, 1500, BOTH(redis_wrong_type),
     false},
    {"redis: garbage in the list", PART_REDIS, ON_PAIRS, 3, 0, 1, BOTH(redis_garbage), false},
    {"redis: duplicate hints", PART_REDIS, ON_PAIRS, 3, 0, 1, BOTH(redis_duplicates), false},
    {"redis: -OOM", PART_REDIS, ON_PAIRS, 3, 50, 1500, BOTH(redis_oom), false},
    {"redis: -READONLY", PART_REDIS, ON_PAIRS, 3, 50, 1500, BOTH(redis_readonly), false},
    {"redis: -NOREPLICAS", PART_REDIS, ON_PAIRS, 2, 50, 1500, BOTH(redis_noreplicas), false},
    {"redis: clients cut off", PART_REDIS, ON_PAIRS, 3, 0, 1, BOTH(redis_clients), false},

    {"database: kill -9", PART_DATABASE, ON_SERVERS, 5, 0, 500, BOTH(database_kill), true},
    {"database: SIGSTOP", PART_DATABASE, ON_SERVERS, 3, 50, 1500, BOTH(database_pause), false},
    {"database: SIGSTOP, long", PART_DATABASE, ON_SERVERS, 1, 4500, 6500, BOTH(database_pause),
     false},
    {"database: SIGTERM", PART_DATABASE, ON_SERVERS, 2, 0, 500, BOTH(database_stop), false},
    {"database: clients cut off", PART_DATABASE, ON_SERVERS, 4, 0, 1, BOTH(database_disconnect),
     false},
    {"database: table locked", PART_DATABASE, ON_PAIRS | ALONE, 3, 50, 2500, BOTH(lock_table),
     false},
    {"database: table locked, long", PART_DATABASE, ON_PAIRS | ALONE, 1, 4500, 6500,
     BOTH(lock_table), false},
    {"database: open orders locked", PART_DATABASE, ON_SERVERS, 3, 50, 2500, BOTH(lock_rows),
     false},
    {"database: counters locked", PART_DATABASE, ON_SERVERS, 3, 50, 2500, BOTH(lock_counters),
     false},
    {"database: id blocks locked", PART_DATABASE, ON_SERVERS, 3, 50, 2500, BOTH(lock_ids), false},
    {"database: three connections a user", PART_DATABASE, ON_SERVERS, 3, 50, 1500,
     BOTH(few_connections), false},
    {"database: no connections left", PART_DATABASE, ON_MYSQL, 3, 50, 1500, BOTH(no_connections),
     false},
    {"database: read-only", PART_DATABASE, ON_SERVERS, 3, 50, 1500, BOTH(read_only), false},
};
const size_t fault_kind_count = sizeof fault_kinds / sizeof fault_kinds[0];

bool fault_has_target(const struct fault_kind *kind)
{
    return kind->begin == fault_begin_kill || kind->begin == fault_begin_pause ||
           kind->begin == fault_begin_stop || kind->begin == fault_begin_skew;
}

void fault_targets(const struct fault_kind *kind, const struct topology *topology, size_t *first,
                   size_t *count)
{
    *first = kind->part == PART_WORKER ? TOPOLOGY_APIS : 0;
    *count = kind->part == PART_WORKER ? TOPOLOGY_WORKERS : TOPOLOGY_APIS;
    if (topology->is_alone) {
        *count = 1;
    }
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
