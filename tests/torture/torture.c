/* SPDX-License-Identifier: MIT */
#include "tests/torture/torture.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"

enum {
    COMMAND_SIZE = 256,
    ATTEMPTS = 3,
    RECORDINGS = 3,
    ABORTED = 128 + SIGABRT,
    MISSED_MAX = 10, /* so many more calls may be missed than have failed */
};

/*
 * What libraries do to the process when there is no memory, and the program cannot prevent it. Only
 * this is excused, and only if a call of this name has failed within the library, in that function
 * or called by it, and the exit code or the output shows it. Lost and doubled orders and
 * assertions of the program are never excused: those are its fault.
 */
static const struct excuse {
    const char *call;
    const char *module; /* how its name begins */
    const char *function;
    int code;             /* the exit code of the process; 0: any */
    const char *evidence; /* in the service's output */
    const char *reason;
} excuses[] = {
    {"strdup", "libhiredis", "hi_strdup", ABORTED, "", "hiredis 0.14 ends the process"},
    {"malloc", "libhiredis", "hi_malloc", ABORTED, "", "hiredis 0.14 ends the process"},
    {"malloc", "libmariadb", "mysql_real_connect", 0, "libmariadb.so.3+", "libmariadb 3.3 crashes"},
    {"strdup", "libmariadb", "mysql_real_connect", 0, "libmariadb.so.3+", "libmariadb 3.3 crashes"},
    {"malloc", "libc.so", "mysql_server_init", 0, "nss_database", "glibc's getservbyname crashes"},
    {"malloc", "libmariadb", "mysql_real_query", 0, "libmariadb.so.3+",
     "libmariadb 3.3 leaks the column descriptions"},
};

struct tally {
    size_t sites;
    size_t failed; /* runs in which the call failed */
    size_t refused;
    size_t missed; /* runs in which the call was not made */
    size_t excused;
    size_t findings;
};

static struct stage stage;
static struct run run;
static struct torture_site *sites; /* a copy, because later runs overwrite the recorded sites */

static uint64_t number_of(const char *name, int base)
{
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, base) : 0;
}

static void start_run(const struct scenario *scenario)
{
    free(run.output);
    memset(&run, 0, sizeof run);
    run.stage = &stage;
    run.scenario = scenario;
    run.code = -1;
}

static uint64_t shuffled(uint64_t key)
{
    key ^= number_of("ORDERS_TORTURE_SEED", 10);
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9; /* splitmix64's finalizer */
    key = (key ^ (key >> 27)) * 0x94d049bb133111eb;
    return key ^ (key >> 31);
}

static int compare_sites(const void *left, const void *right)
{
    uint64_t a = shuffled(((const struct torture_site *)left)->key);
    uint64_t b = shuffled(((const struct torture_site *)right)->key);
    return a < b ? -1 : a > b;
}

/* Twice, because runs differ; after a first run that creates what later runs find. */
static size_t record_sites(const struct scenario *scenario, size_t *descriptors)
{
    struct torture_control *control = stage.control;
    for (int i = 0; i < RECORDINGS; i++) {
        start_run(scenario);
        run_once(&run, i == 0 ? TORTURE_OFF : TORTURE_RECORD, 0, 0);
        cr_assert(run.finding[0] == '\0', "%s, without a failure: %s\n%s", scenario->name,
                  run.finding, run.output);
        *descriptors = run.descriptors > *descriptors ? run.descriptors : *descriptors;
    }
    cr_assert_eq(control->lost, 0, "more calls than there is room for");
    sites = calloc(control->site_count + 1, sizeof *sites);
    cr_assert_not_null(sites);
    memcpy(sites, control->sites, control->site_count * sizeof *sites);
    qsort(sites, control->site_count, sizeof *sites, compare_sites);
    return control->site_count;
}

static void print_frame(const struct torture_frame *frame)
{
    char command[COMMAND_SIZE];
    char line[COMMAND_SIZE] = "?";
    if (frame->module[0] != '\0') {
        fprintf(stderr, "    %s+0x%" PRIx64 " %s\n", frame->module, frame->offset, frame->symbol);
        return;
    }
    const char *program =
        run.scenario->target == TARGET_WORKER ? ORDER_WORKER_PATH : ORDER_API_PATH;
    /* The return address may belong to the next line. */
    snprintf(command, sizeof command, "addr2line -fps -e '%s' 0x%" PRIx64, program,
             frame->offset - 1);
    FILE *found = popen(command, "r"); /* NOLINT(*-command-processor): the command is ours */
    if (found != NULL) {
        if (fgets(line, sizeof line, found) != NULL) {
            line[strcspn(line, "\n")] = '\0';
        }
        pclose(found);
    }
    fprintf(stderr, "    %s\n", line);
}

static void report(const struct torture_site *site)
{
    const char *kind = stage.kind;
    fprintf(stderr, "%s", run.output != NULL ? run.output : "");
    fprintf(stderr, "torture: %s on %s: %s\n  when %s failed, called from\n", run.scenario->name,
            kind, run.finding, site->call);
    for (uint32_t i = 0; i < site->frame_count; i++) {
        print_frame(&site->frames[i]);
    }
    fprintf(stderr,
            "  again: ORDERS_TORTURE_DATABASE=%s ORDERS_TORTURE_KEY=%" PRIx64
            " %s --filter torture/%s\n",
            kind, site->key, TORTURE_PATH, run.scenario->name);
}

static bool is_on_behalf(const struct torture_site *site, const char *function)
{
    for (uint32_t i = 0; i < site->frame_count; i++) {
        if (strcmp(site->frames[i].symbol, function) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL: there is none. */
static const struct excuse *find_excuse(const struct torture_site *site)
{
    for (size_t i = 0; i < sizeof excuses / sizeof excuses[0]; i++) {
        const struct excuse *excuse = &excuses[i];
        if (strcmp(site->call, excuse->call) == 0 &&
            strncmp(site->frames[0].module, excuse->module, strlen(excuse->module)) == 0 &&
            is_on_behalf(site, excuse->function)) {
            return excuse;
        }
    }
    return NULL;
}

/* True too: there is no assertion. The evidence stands before it in its line: "nss_database.c:291:"
 */
static bool is_assertion_excused(const struct excuse *excuse)
{
    const char *assertion = strstr(run.output, "Assertion");
    if (assertion == NULL) {
        return true;
    }
    const char *line = assertion;
    while (line > run.output && line[-1] != '\n') {
        line--;
    }
    const char *evidence = strstr(line, excuse->evidence);
    return excuse->evidence[0] != '\0' && evidence != NULL && evidence < assertion;
}

static bool is_excused(const struct excuse *excuse)
{
    return excuse != NULL && !run.loses && (excuse->code == 0 || excuse->code == run.code) &&
           strstr(run.output, excuse->evidence) != NULL && is_assertion_excused(excuse);
}

/* Counts and reports the finding, and clears it. */
static void settle(const struct torture_site *site, bool fired, struct tally *tally)
{
    const struct excuse *excuse = fired ? find_excuse(site) : NULL;
    if (run.finding[0] == '\0') {
        return;
    }
    if (is_excused(excuse)) {
        tally->excused++;
        fprintf(stderr, "torture: excused: %s: %s\n", excuse->reason, run.finding);
    } else {
        tally->findings++;
        report(site);
    }
    run.finding[0] = '\0';
}

static void fail_once(const struct scenario *scenario, const struct torture_site *site,
                      size_t descriptors, struct tally *tally)
{
    int fired = 0;
    for (int i = 0; i < ATTEMPTS && !fired && run.finding[0] == '\0'; i++) {
        start_run(scenario);
        run_once(&run, TORTURE_FAIL, site->key, descriptors);
        fired = atomic_load(&stage.control->fired);
    }
    tally->failed += fired != 0;
    tally->missed += fired == 0;
    tally->refused += run.refused;
    settle(site, fired != 0, tally);
    if (fired == 0 && getenv("ORDERS_TORTURE_VERBOSE") != NULL) {
        snprintf(run.finding, sizeof run.finding, "the call was not made again");
        report(site);
        run.finding[0] = '\0';
    }
}

static bool misses_too_many(const struct tally *tally)
{
    return tally->missed > tally->failed + MISSED_MAX;
}

/* When only a few calls are asked for, excused ones do not count among them. */
static bool is_chosen(const struct torture_site *site, const struct tally *tally)
{
    uint64_t only = number_of("ORDERS_TORTURE_KEY", 16);
    uint64_t limit = number_of("ORDERS_TORTURE_CALLS", 10);
    return only != 0
               ? site->key == only
               : (limit == 0 || tally->failed - tally->excused < limit) && !misses_too_many(tally);
}

static void expect_well(const struct tally *tally)
{
    cr_assert_eq(tally->findings, 0, "%zu findings, see above", tally->findings);
    cr_assert_not(misses_too_many(tally),
                  "most calls were not made again: the runs differ too much");
    cr_assert_gt(tally->failed, 0, "no call failed");
    cr_assert(tally->failed > tally->excused || getenv("ORDERS_TORTURE_KEY") != NULL,
              "all calls that failed were excused");
}

void torture(const struct scenario *scenario)
{
    struct tally tally = {.sites = 0};
    size_t descriptors = 0;
    uint64_t start_ms = wait_now_ms();
    stage_start(&stage, scenario);
    tally.sites = record_sites(scenario, &descriptors);
    cr_assert_gt(tally.sites, 0, "no call was seen: is the interposer in the service?");
    for (size_t i = 0; i < tally.sites; i++) {
        if (is_chosen(&sites[i], &tally)) {
            fail_once(scenario, &sites[i], descriptors, &tally);
        }
    }
    fprintf(stderr,
            "torture: %s on %s: %zu calls, %zu failed once (%zu times it would not start), "
            "%zu were missed, %zu excused, %zu findings, %" PRIu64 " ms\n",
            scenario->name, stage.kind, tally.sites, tally.failed, tally.refused, tally.missed,
            tally.excused, tally.findings, wait_now_ms() - start_ms);
    expect_well(&tally);
}

void torture_finish(void)
{
    free(sites);
    free(run.output);
    stage_discard(&stage);
}
