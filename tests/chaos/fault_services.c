/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include <criterion/criterion.h>

#include "tests/chaos/faults.h"
#include "tests/chaos/vitals.h"

enum { STOP_LIMIT_MS = 15000, HOUR_S = 3600 };

static struct process *process_of(struct victims *victims, size_t service)
{
    return &victims->topology.services[service].process;
}

/* SIGTERM; fails the test unless it exits with 0. If it hangs, prints what its threads wait for. */
static void stop(struct victims *victims, size_t service)
{
    struct process *process = process_of(victims, service);
    process_signal(process, SIGTERM);
    int code = process_wait_exit(process, STOP_LIMIT_MS);
    if (process->pid != 0) {
        vitals_print_threads(process);
    }
    if (code != 0) {
        process_print_log(process);
    }
    cr_assert_eq(code, 0, "%s ended with %d after SIGTERM (-1: not within %d ms)",
                 topology_service_name(service), code, (int)STOP_LIMIT_MS);
}

void fault_begin_kill(struct victims *victims, struct fault *fault)
{
    process_kill(process_of(victims, fault->target));
}

void fault_end_kill(struct victims *victims, struct fault *fault)
{
    topology_launch(&victims->topology, fault->target);
}

void fault_begin_pause(struct victims *victims, struct fault *fault)
{
    process_signal(process_of(victims, fault->target), SIGSTOP);
}

void fault_end_pause(struct victims *victims, struct fault *fault)
{
    process_signal(process_of(victims, fault->target), SIGCONT);
}

void fault_begin_stop(struct victims *victims, struct fault *fault)
{
    stop(victims, fault->target);
}

void fault_end_stop(struct victims *victims, struct fault *fault)
{
    topology_launch(&victims->topology, fault->target);
}

/* From now on the clock is an hour fast, an hour slow, or right; always a change. */
void fault_begin_skew(struct victims *victims, struct fault *fault)
{
    static const int skews_s[] = {HOUR_S, -HOUR_S, 0};
    int *skew_s = &victims->topology.skew_s[fault->target];
    size_t which = fault->dice % 3;
    stop(victims, fault->target);
    *skew_s = skews_s[which] != *skew_s ? skews_s[which] : skews_s[(which + 1) % 3];
    topology_launch(&victims->topology, fault->target);
}

void fault_end_skew(struct victims *victims, struct fault *fault)
{
    (void)victims;
    (void)fault;
}

void fault_begin_kill_workers(struct victims *victims, struct fault *fault)
{
    (void)fault;
    for (size_t i = TOPOLOGY_APIS; i < TOPOLOGY_SERVICES; i++) {
        process_kill(process_of(victims, i));
    }
}

void fault_end_kill_workers(struct victims *victims, struct fault *fault)
{
    (void)fault;
    for (size_t i = TOPOLOGY_APIS; i < TOPOLOGY_SERVICES; i++) {
        topology_launch(&victims->topology, i);
    }
}

/* No other fault runs at the same time, so each hint that the APIs have sent is still there. */
void fault_begin_backlog(struct victims *victims, struct fault *fault)
{
    fault_begin_kill_workers(victims, fault);
}

void fault_end_backlog(struct victims *victims, struct fault *fault)
{
    victims->backlog = redis_server_command(&victims->topology.redis, "LLEN orders:pending");
    fault->took_effect = victims->backlog > 0;
    fault_end_kill_workers(victims, fault);
}

/* Like a power cut, but the kernel still writes its buffers to the disk. */
void fault_begin_kill_all(struct victims *victims, struct fault *fault)
{
    struct topology *topology = &victims->topology;
    (void)fault;
    if (topology->database.mariadb.process.pid != 0 ||
        topology->database.postgres.process.pid != 0) {
        database_kill(&topology->database);
    }
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(topology, i)) {
            process_kill(process_of(victims, i));
        }
    }
    if (!topology->is_alone) {
        redis_server_kill(&topology->redis);
    }
}

/* The services start first, so that they must wait for their servers. */
void fault_end_kill_all(struct victims *victims, struct fault *fault)
{
    struct topology *topology = &victims->topology;
    (void)fault;
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(topology, i)) {
            topology_launch(topology, i);
        }
    }
    if (!topology->is_alone) {
        redis_server_restart(&topology->redis);
    }
    if (topology->database.mariadb.port != 0 || topology->database.postgres.port != 0) {
        database_restart(&topology->database);
    }
}

/* One after the other; each stops when the one before is ready again. */
void fault_begin_roll(struct victims *victims, struct fault *fault)
{
    (void)fault;
    for (size_t i = 0; i < TOPOLOGY_SERVICES; i++) {
        if (topology_has(&victims->topology, i)) {
            stop(victims, i);
            topology_launch(&victims->topology, i);
            topology_settle(&victims->topology);
        }
    }
}

void fault_end_roll(struct victims *victims, struct fault *fault)
{
    (void)victims;
    (void)fault;
}
