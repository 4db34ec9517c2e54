/* SPDX-License-Identifier: MIT */
#include "tests/chaos/faults.h"

#include <string.h>

#define DOES(name) fault_begin_##name, fault_end_##name

/*
 * Shorter ones more often, so that there are many; the longest pass the limits that the services
 * have: 4 s for a statement, 5 s for a request. With SQLite the services' clock is the database's
 * too, so it cannot be another one.
 */
/* clang-format off */
const struct fault_kind fault_kinds[] = {
    /* name, part, aim, places, weight, ms from, to, what it does, deadly */
    {"kill -9 of", PART_API, AT_API, EVERYWHERE, 10, 0, 400, DOES(kill), true},
    {"kill -9 of", PART_WORKER, AT_WORKER, ON_PAIRS, 10, 0, 800, DOES(kill), true},
    {"kill -9 of both workers", PART_WORKER, AT_NONE, ON_PAIRS, 2, 200, 1500, DOES(kill_workers), true},
    {"kill -9 of both workers, long", PART_ALL, AT_NONE, ON_PAIRS, 1, 4000, 6500, DOES(backlog), true},
    {"kill -9 of everything", PART_ALL, AT_NONE, EVERYWHERE, 2, 0, 200, DOES(kill_all), true},
    {"SIGSTOP to", PART_API, AT_API, EVERYWHERE, 4, 50, 1500, DOES(pause), false},
    {"SIGSTOP to", PART_WORKER, AT_WORKER, ON_PAIRS, 4, 50, 2500, DOES(pause), false},
    {"SIGTERM to", PART_API, AT_API, EVERYWHERE, 6, 0, 300, DOES(stop), false},
    {"SIGTERM to", PART_WORKER, AT_WORKER, ON_PAIRS, 4, 0, 300, DOES(stop), false},
    {"rolling restart", PART_ALL, AT_NONE, EVERYWHERE, 1, 0, 1, DOES(roll), false},
    {"another clock, an hour off or right, at", PART_API, AT_API, ON_SERVERS, 3, 0, 1, DOES(skew), false},
    {"another clock, an hour off or right, at", PART_WORKER, AT_WORKER, ON_SERVERS, 3, 0, 1, DOES(skew), false},

    {"redis: kill -9", PART_REDIS, AT_NONE, ON_PAIRS, 4, 0, 800, DOES(redis_kill), true},
    {"redis: SIGSTOP", PART_REDIS, AT_NONE, ON_PAIRS, 4, 50, 4000, DOES(redis_pause), false},
    {"redis: SIGTERM", PART_REDIS, AT_NONE, ON_PAIRS, 2, 0, 800, DOES(redis_stop), false},
    {"redis: -LOADING", PART_REDIS, AT_NONE, ON_PAIRS, 2, 0, 100, DOES(redis_loading), false},
    {"redis: FLUSHALL", PART_REDIS, AT_NONE, ON_PAIRS, 4, 0, 1, DOES(redis_flush), false},
    {"redis: DEL of the list", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_delete), false},
    {"redis: list of a wrong type", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, DOES(redis_wrong_type), false},
    {"redis: garbage in the list", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_garbage), false},
    {"redis: duplicate hints", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_duplicates), false},
    {"redis: -OOM", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, DOES(redis_oom), false},
    {"redis: -READONLY", PART_REDIS, AT_NONE, ON_PAIRS, 3, 50, 1500, DOES(redis_readonly), false},
    {"redis: -NOREPLICAS", PART_REDIS, AT_NONE, ON_PAIRS, 2, 50, 1500, DOES(redis_noreplicas), false},
    {"redis: clients cut off", PART_REDIS, AT_NONE, ON_PAIRS, 3, 0, 1, DOES(redis_clients), false},

    {"database: kill -9", PART_DATABASE, AT_NONE, ON_SERVERS, 5, 0, 500, DOES(database_kill), true},
    {"database: SIGSTOP", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(database_pause), false},
    {"database: SIGSTOP, long", PART_DATABASE, AT_NONE, ON_SERVERS, 1, 4500, 6500, DOES(database_pause), false},
    {"database: SIGTERM", PART_DATABASE, AT_NONE, ON_SERVERS, 2, 0, 500, DOES(database_stop), false},
    {"database: clients cut off", PART_DATABASE, AT_NONE, ON_SERVERS, 4, 0, 1, DOES(database_disconnect), false},
    {"database: table locked", PART_DATABASE, AT_NONE, EVERYWHERE, 3, 50, 2500, DOES(lock_table), false},
    {"database: table locked, long", PART_DATABASE, AT_NONE, EVERYWHERE, 1, 4500, 6500, DOES(lock_table), false},
    {"database: open orders locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_rows), false},
    {"database: counters locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_counters), false},
    {"database: id blocks locked", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 2500, DOES(lock_ids), false},
    {"database: three connections a user", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(few_connections), false},
    {"database: no connections left", PART_DATABASE, AT_NONE, ON_MYSQL, 3, 50, 1500, DOES(no_connections), false},
    {"database: read-only", PART_DATABASE, AT_NONE, ON_SERVERS, 3, 50, 1500, DOES(read_only), false},
    {"disk full", PART_DATABASE, AT_NONE, EVERYWHERE | NEEDS_SMALL_DISK, 6, 200, 3000, DOES(disk_full), false},

    {"COMMIT done, its OK eaten, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 8, 50, 800, DOES(eat_ok), false},
    {"COMMIT eaten at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 6, 50, 800, DOES(eat_commit), false},
    {"COMMIT 1 s late, its client cut, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 50, 800, DOES(late_commit), false},
    {"COMMIT 3 s late, its client cut, at", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 800, DOES(lost_commit), false},
    {"database silent for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 50, 2000, DOES(database_silent), false},
    {"database silent, long, for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 1, 4500, 6500, DOES(database_silent), false},
    {"database slow for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 2, 50, 1500, DOES(database_slow), false},
    {"database: connections reset of", PART_NETWORK, AT_SERVICE, ON_SERVERS, 4, 0, 1, DOES(database_reset), false},
    {"database refuses", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 1500, DOES(database_refused), false},
    {"database: half closed for", PART_NETWORK, AT_SERVICE, ON_SERVERS, 2, 50, 1000, DOES(database_half_closed), false},
    {"database: cut in an answer to", PART_NETWORK, AT_SERVICE, ON_SERVERS, 3, 50, 800, DOES(database_cut), false},
    {"redis silent for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 4, 50, 4000, DOES(redis_silent), false},
    {"redis slow for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 2, 50, 1500, DOES(redis_slow), false},
    {"redis: connections reset of", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 0, 1, DOES(redis_reset), false},
    {"redis refuses", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 50, 1500, DOES(redis_refused), false},
    {"redis: half closed for", PART_NETWORK, AT_SERVICE, ON_PAIRS, 2, 50, 1000, DOES(redis_half_closed), false},
    {"redis: cut in an answer to", PART_NETWORK, AT_SERVICE, ON_PAIRS, 3, 50, 800, DOES(redis_cut), false},
};
/* clang-format on */
const size_t fault_kind_count = sizeof fault_kinds / sizeof fault_kinds[0];

void fault_begin(struct victims *victims, struct fault *fault)
{
    fault->came_about = true;
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
    fault->came_about = count > fault->count_before;
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
