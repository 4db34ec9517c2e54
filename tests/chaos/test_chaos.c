/* SPDX-License-Identifier: MIT */
/*
 * The pair under load while everything fails around it, and what must be true afterwards. These
 * environment variables configure a run; tests/chaos/chaos sets them:
 *
 *   ORDERS_CHAOS_DATABASE  sqlite, mysql or postgres
 *   ORDERS_CHAOS_SEED      decides the faults and the load; if not set, from the clock
 *   ORDERS_CHAOS_SECONDS   how long faults come
 *   ORDERS_CHAOS_FAULTS    how many; it fails if they do not fit into the time
 *   ORDERS_CHAOS_RATE      orders a second
 *   ORDERS_CHAOS_PROFILE   all; kills: kill -9 only; alone: the same, with one API on SQLite
 *   ORDERS_CHAOS_ONLY      only faults with this in their name
 *   ORDERS_CHAOS_DISK_MB   the database on a tmpfs of this size, which is also filled up; needs
 * root ORDERS_TEST_BUILD      use the programs of this build folder instead
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/chaos/audit.h"
#include "tests/chaos/checker.h"
#include "tests/chaos/clients.h"
#include "tests/chaos/plan.h"
#include "tests/chaos/tally.h"
#include "tests/support/wait_until.h"

enum {
    SECONDS = 25,
    SECONDS_MAX = 24 * 3600,
    FAULTS_MAX = 1000000,
    RATE_PER_S = 250,
    RATE_MAX = 10000,
    PAUSE_MAX_MS = 600,
    SPARE_S = 600, /* the ledger has room for so much time after the faults */
    DRAIN_LIMIT_MS = 60000,
    WITHOUT_HINTS = 100, /* orders */
    VITALS_MS = 300,
    DISK_MB_MAX = 100000,
};

struct run {
    const char *kind;
    uint64_t seed;
    uint32_t seconds;
    uint32_t faults_max;
    uint32_t rate_per_s;
    struct plan plan;
    struct victims victims;
    struct ledger ledger;
    struct clients *clients;
    struct checker checker;
    struct checker_queue since_empty;
    uint64_t start_ms;
    struct tally tally;
};

static struct run run;

static uint64_t number_setting(const char *name, uint64_t value, uint64_t max)
{
    const char *text = getenv(name);
    if (text != NULL && text[0] != '\0') {
        char *end;
        value = strtoull(text, &end, 10);
        cr_assert(*end == '\0' && value >= 1 && value <= max, "%s is %s", name, text);
    }
    return value;
}

static bool profile_is(const char *name)
{
    const char *profile = getenv("ORDERS_CHAOS_PROFILE");
    return profile != NULL && strcmp(profile, name) == 0;
}

static void read_settings(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    run.kind = getenv("ORDERS_CHAOS_DATABASE");
    cr_assert_not_null(run.kind, "ORDERS_CHAOS_DATABASE is not set: sqlite, mysql or postgres");
    run.seed = number_setting("ORDERS_CHAOS_SEED", (uint64_t)now.tv_nsec + 1, UINT64_MAX);
    run.seconds = (uint32_t)number_setting("ORDERS_CHAOS_SECONDS", SECONDS, SECONDS_MAX);
    run.faults_max = (uint32_t)number_setting("ORDERS_CHAOS_FAULTS", FAULTS_MAX, FAULTS_MAX);
    run.rate_per_s = (uint32_t)number_setting("ORDERS_CHAOS_RATE", RATE_PER_S, RATE_MAX);
    run.victims.topology.is_alone = profile_is("alone");
    run.victims.topology.disk_mb = (uint32_t)number_setting("ORDERS_CHAOS_DISK_MB", 0, DISK_MB_MAX);
    run.ledger.seed = run.seed;
    run.ledger.capacity = (size_t)run.rate_per_s * (run.seconds + SPARE_S);
    run.victims.ledger = &run.ledger;
    run.plan = (struct plan){.seeded.state = run.seed,
                             .topology = &run.victims.topology,
                             .place = fault_place_of(run.kind, profile_is("alone")),
                             .only_deadly = profile_is("kills") || profile_is("alone"),
                             .pause_max_ms = PAUSE_MAX_MS,
                             .only = getenv("ORDERS_CHAOS_ONLY")};
    run.checker =
        (struct checker){.victims = &run.victims, .ledger = &run.ledger, .kind = run.kind};
    fprintf(stderr, "chaos on %s%s, seed %" PRIu64 ": %" PRIu32 " s, %" PRIu32 " orders/s\n",
            run.kind, profile_is("alone") ? ", alone" : "", run.seed, run.seconds, run.rate_per_s);
}

static void start(void)
{
    read_settings();
    ledger_create(&run.ledger);
    topology_start(&run.victims.topology, run.kind);
    struct sql *sql = database_open_sql(&run.victims.topology.database);
    audit_install(sql, run.kind);
    sql_close(sql);
}

static void finish(void)
{
    clients_finish(run.clients);
    sql_close(run.checker.sql);
    topology_discard(&run.victims.topology);
    ledger_destroy(&run.ledger);
}

static double seconds_since_start(void)
{
    return (double)(wait_now_ms() - run.start_ms) / 1000;
}

static void start_clients(void)
{
    size_t apis = run.victims.topology.is_alone ? 1 : TOPOLOGY_APIS;
    run.clients = clients_start(&run.ledger, run.victims.topology.ports, apis, run.rate_per_s);
}

static bool nothing_is_outstanding(void *arg)
{
    (void)arg;
    return clients_outstanding(run.clients) == 0;
}

/* Sends no new orders, and waits until all that were sent have their answers. */
static void drain_clients(void)
{
    clients_stop_sending(run.clients);
    if (!wait_until(nothing_is_outstanding, NULL, DRAIN_LIMIT_MS)) {
        checker_fail(&run.checker, "answered", "%zu requests still have no answer",
                     clients_outstanding(run.clients));
    }
    clients_finish(run.clients);
    run.clients = NULL;
}

/* `arg`: so many orders. */
static bool enough_orders_have_come(void *arg)
{
    const size_t *count = arg;
    return atomic_load(&run.ledger.begun) >= *count;
}

static void load(size_t orders)
{
    size_t count = atomic_load(&run.ledger.begun) + orders;
    start_clients();
    cr_assert(wait_until(enough_orders_have_come, &count, DRAIN_LIMIT_MS));
    drain_clients();
}

/* A load without faults, so that everything has been used once. */
static void load_without_faults(void)
{
    load(CHECKER_PEACEFUL);
    checker_await_completed(&run.checker, "late", "orders came without faults");
}

static void pause_workers(void)
{
    for (size_t i = TOPOLOGY_APIS; i < TOPOLOGY_SERVICES; i++) {
        siginfo_t info;
        struct process *process = &run.victims.topology.services[i].process;
        process_signal(process, SIGSTOP);
        /* WNOWAIT: if it has ended, topology_discard still has to reap it. */
        cr_assert_eq(waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WEXITED | WNOWAIT), 0,
                     "%m");
        cr_assert_eq(info.si_code, CLD_STOPPED, "the worker has ended by itself");
    }
}

static void resume_workers(void)
{
    for (size_t i = TOPOLOGY_APIS; i < TOPOLOGY_SERVICES; i++) {
        process_signal(&run.victims.topology.services[i].process, SIGCONT);
    }
}

/*
 * A worker that is stopped within its sweep keeps SQLite's only write lock, and no order can be
 * stored until the worker continues. (In MySQL and PostgreSQL it keeps only the rows of its
 * statement.)
 */
static bool workers_pause_without_lock(void *arg)
{
    pause_workers();
    bool is_free = strcmp(run.kind, "sqlite") != 0 || sql_try(arg, "BEGIN IMMEDIATE; ROLLBACK");
    if (!is_free) {
        resume_workers();
    }
    return is_free;
}

/*
 * Orders whose hints are lost are found by the workers' sweeps. This comes before the faults: the
 * workers are new and have swept just now, so if they sweep too rarely, these orders are late.
 */
static void load_without_hints(void)
{
    struct topology *topology = &run.victims.topology;
    cr_assert(wait_until(workers_pause_without_lock, run.checker.sql, DRAIN_LIMIT_MS));
    load(WITHOUT_HINTS);
    int64_t hints = redis_server_command(&topology->redis, "LLEN orders:pending");
    redis_server_command(&topology->redis, "FLUSHALL");
    resume_workers();
    cr_assert_gt(hints, 0, "the list was empty: no hint was lost");
    checker_await_completed(&run.checker, "late", "their hints were lost");
}

static bool time_has_come(void *arg)
{
    const uint64_t *at_ms = arg;
    return wait_now_ms() >= *at_ms;
}

static void wait_for(uint64_t at_ms)
{
    wait_until(time_has_come, &at_ms, UINT32_MAX);
}

static void announce_round(const struct plan_round *round)
{
    char texts[PLAN_ROUND_MAX][PLAN_TEXT_SIZE];
    for (size_t i = 0; i < round->count; i++) {
        plan_describe(&round->faults[i], texts[i]);
    }
    fprintf(stderr, "[%7.1f s, %zu acknowledged] fault %" PRIu32 ": %s", seconds_since_start(),
            atomic_load(&run.ledger.acknowledged), run.tally.tried + 1, texts[0]);
    if (round->count > 1) {
        fprintf(stderr, "; and after %" PRIu32 " ms: %s", round->begins_ms[1], texts[1]);
    }
    fputc('\n', stderr);
}

static void end_fault(struct fault *fault)
{
    char text[PLAN_TEXT_SIZE];
    fault_end(&run.victims, fault);
    tally_note(&run.tally, fault);
    if (!fault->took_effect) {
        plan_describe(fault, text);
        fprintf(stderr, "           had no effect: %s\n", text);
    }
}

static void play_round(struct plan_round *round)
{
    struct fault *faults = round->faults;
    wait_for(wait_now_ms() + round->pause_ms);
    announce_round(round);
    uint64_t start_ms = wait_now_ms();
    uint64_t first_end_ms = start_ms + faults[0].duration_ms;
    fault_begin(&run.victims, &faults[0]);
    if (round->count == 1) {
        wait_for(first_end_ms);
        end_fault(&faults[0]);
    } else {
        uint64_t second_ms = start_ms + round->begins_ms[1];
        uint64_t second_end_ms = second_ms + faults[1].duration_ms;
        wait_for(second_ms);
        fault_begin(&run.victims, &faults[1]);
        size_t first = first_end_ms <= second_end_ms ? 0 : 1;
        wait_for(first == 0 ? first_end_ms : second_end_ms);
        end_fault(&faults[first]);
        wait_for(first == 0 ? second_end_ms : first_end_ms);
        end_fault(&faults[1 - first]);
    }
    topology_settle(&run.victims.topology);
    if (!run.victims.topology.is_alone) {
        checker_check_queue(&run.checker, &run.since_empty);
    }
}

static void play_faults(void)
{
    uint64_t until_ms = run.start_ms + (uint64_t)run.seconds * 1000;
    while (wait_now_ms() < until_ms && run.tally.took_effect < run.faults_max) {
        struct plan_round round;
        plan_next(&run.plan, &round);
        play_round(&round);
    }
}

/* The clients' connections have just been closed, and the API may not have noticed yet. */
static bool api_has_few_descriptors(void *arg)
{
    struct vitals *least = arg;
    struct vitals now = vitals_read(&run.victims.topology.services[0].process);
    if (least->descriptors == 0 || now.descriptors < least->descriptors) {
        *least = now;
    }
    return false;
}

static void remember_vitals(void)
{
    const struct topology *topology = &run.victims.topology;
    wait_until(api_has_few_descriptors, &run.checker.usual[0], VITALS_MS);
    if (!topology->is_alone) {
        run.checker.usual[1] = vitals_read(&topology->services[TOPOLOGY_APIS].process);
    }
}

/* A fault without effect has tested nothing. */
static void check_faults(void)
{
    const struct fault_kind *vain = tally_find_ineffective(&run.tally);
    if (vain != NULL) {
        checker_fail(&run.checker, "faults", "tried %d times or more, \"%s\" never took effect",
                     (int)TALLY_TRIES, vain->name);
    }
    if (run.faults_max < FAULTS_MAX && run.tally.took_effect < run.faults_max) {
        checker_fail(&run.checker, "faults",
                     "%" PRIu32 " of %" PRIu32 " took effect before the time ran out",
                     run.tally.took_effect, run.faults_max);
    }
}

static void print_faults(void)
{
    struct fault_counts counts = topology_link_counts(&run.victims.topology);
    tally_print(&run.tally);
    fprintf(stderr,
            "of %zu COMMITs %zu were done but their OK dropped, %zu dropped, %zu late (%zu of them "
            "answered, %zu lost); connections: %zu, %zu reset, %zu half closed, %zu cut\n",
            counts.commits, counts.eaten_oks, counts.eaten_commits, counts.late_commits,
            counts.late_answered, counts.late_lost, counts.accepted, counts.resets,
            counts.half_closes, counts.cuts);
}

static void print_availability(void)
{
    const struct ledger *ledger = &run.ledger;
    size_t attempts = atomic_load(&ledger->attempts);
    size_t unanswered = atomic_load(&ledger->unanswered);
    size_t refused = atomic_load(&ledger->refused);
    fprintf(stderr,
            "availability: %zu requests, %zu answered 503 (%.2f %%), %zu not answered (%.2f %%); "
            "orders, from due to acknowledged: 50 %% in %" PRIu32 " ms, 95 %% in %" PRIu32
            " ms, 99 %% in %" PRIu32 " ms; longest time without an acknowledgement %" PRIu64
            " ms\n",
            attempts, refused, 100.0 * (double)refused / (double)attempts, unanswered,
            100.0 * (double)unanswered / (double)attempts, ledger_latency_ms(ledger, 0.5),
            ledger_latency_ms(ledger, 0.95), ledger_latency_ms(ledger, 0.99),
            ledger->longest_gap_ms);
}

static void print_result(void)
{
    size_t acknowledged = atomic_load(&run.ledger.acknowledged);
    print_faults();
    print_availability();
    fprintf(stderr,
            "result on %s, seed %" PRIu64 ": %" PRIu32
            " faults, %zu orders acknowledged and %" PRId64 " more stored, %" PRId64
            " lost, %" PRId64 " doubled, drift %" PRId64 ", %zu checks failed, %.0f s in all",
            run.kind, run.seed, run.tally.took_effect, acknowledged, run.checker.unknown,
            run.checker.lost, run.checker.doubled, run.checker.drift, run.checker.failed,
            seconds_since_start());
    if (run.checker.lost == 0 && acknowledged > 0) {
        fprintf(stderr, "; with 95 %% confidence fewer than 1 of %zu is lost (3/n = %.1e)",
                acknowledged / 3, 3.0 / (double)acknowledged);
    }
    fputc('\n', stderr);
}

/* Longer than any run can be. ctest has its own limits. */
TestSuite(chaos, .init = start, .fini = finish, .timeout = 2 * SECONDS_MAX);

Test(chaos, nothing_acknowledged_is_lost)
{
    struct database *database = &run.victims.topology.database;
    run.checker.sql = database_open_sql(database);
    if (!run.victims.topology.is_alone) {
        load_without_hints();
    }
    load_without_faults();
    remember_vitals();
    sql_close(run.checker.sql);
    run.checker.sql = NULL;
    run.start_ms = wait_now_ms();
    start_clients();
    play_faults();
    drain_clients();
    run.checker.sql = database_open_sql(database);
    checker_await_completed(&run.checker, "completed", "the last fault");
    checker_note_redis(&run.checker);
    load_without_faults();
    checker_expect_redis(&run.checker);
    checker_run(&run.checker);
    check_faults();
    print_result();
    topology_stop_services(&run.victims.topology);
    cr_assert_eq(run.checker.failed, 0, "seed %" PRIu64 ": %zu checks failed", run.seed,
                 run.checker.failed);
}
