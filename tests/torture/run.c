/* SPDX-License-Identifier: MIT */
#include "tests/torture/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/torture/look.h"

enum {
    DELAY_MS = 20,
    READY_MS = 20000,
    QUIET_MS = 5000,
    SETTINGS_MAX = 16,
    SETTING_SIZE = 256,
    CODE_MAX = 2, /* highest exit code of a start that is refused */
};

static void map_control(struct stage *stage)
{
    temp_dir_create(&stage->dir);
    snprintf(stage->control_path, sizeof stage->control_path, "%s/control", stage->dir.path);
    int fd = open(stage->control_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    cr_assert(fd >= 0 && ftruncate(fd, sizeof *stage->control) == 0, "%m");
    stage->control = mmap(NULL, sizeof *stage->control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(stage->control, MAP_FAILED, "%m");
    close(fd);
}

static struct service_settings plain_settings(const struct stage *stage, bool redis)
{
    return (struct service_settings){.folder = stage->database.folder,
                                     .database_url = stage->database.url,
                                     .redis_url = redis ? stage->redis.url : NULL,
                                     .delay_ms = DELAY_MS};
}

void stage_start(struct stage *stage, const struct scenario *scenario)
{
    /* The interposer must come before the sanitizer's library, which expects to be the first. */
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=1", 1);
    map_control(stage);
    stage->kind = getenv("ORDERS_TORTURE_DATABASE");
    database_start(&stage->database, stage->kind);
    if (!scenario->redis) {
        return;
    }
    redis_server_start(&stage->redis);
    struct service_settings settings = plain_settings(stage, true);
    if (scenario->target == TARGET_WORKER) {
        service_start_api(&stage->helper, &settings);
    } else {
        service_start_worker(&stage->helper, &settings);
    }
}

void stage_discard(struct stage *stage)
{
    process_discard(&stage->helper.process);
    redis_server_discard(&stage->redis);
    database_discard(&stage->database);
    temp_dir_remove(&stage->dir);
}

static void arm(const struct run *run, enum torture_mode mode)
{
    atomic_store(&run->stage->control->mode, mode);
}

/* The settings of the target, with the interposer; the texts live in `texts`. */
static void make_settings(const struct run *run, char texts[SETTINGS_MAX][SETTING_SIZE],
                          const char *settings[SETTINGS_MAX])
{
    const struct stage *stage = run->stage;
    size_t count = 0;
    snprintf(texts[count++], SETTING_SIZE, "LD_PRELOAD=%s", INTERPOSER_PATH);
    snprintf(texts[count++], SETTING_SIZE, "%s=%s", TORTURE_CONTROL_VARIABLE, stage->control_path);
    snprintf(texts[count++], SETTING_SIZE, "DATABASE_URL=%s", stage->database.url);
    snprintf(texts[count++], SETTING_SIZE, "API_CLIENT_ID=%s", SERVICE_CLIENT_ID);
    snprintf(texts[count++], SETTING_SIZE, "API_CLIENT_SECRET=%s", SERVICE_CLIENT_SECRET);
    snprintf(texts[count++], SETTING_SIZE, "PROCESSING_DELAY_MS=%d", DELAY_MS);
    snprintf(texts[count++], SETTING_SIZE, "PORT=%u",
             run->scenario->target == TARGET_COMMAND ? stage->helper.port : 0);
    if (run->scenario->redis) {
        snprintf(texts[count++], SETTING_SIZE, "REDIS_URL=%s", stage->redis.url);
    }
    for (size_t i = 0; i < count; i++) {
        settings[i] = texts[i];
    }
    for (size_t i = 0; run->scenario->settings != NULL && run->scenario->settings[i] != NULL; i++) {
        settings[count++] = run->scenario->settings[i];
    }
    cr_assert_lt(count, SETTINGS_MAX);
    settings[count] = NULL;
}

/*
 * The service may end by itself only while it starts, and then it prints the reason: to standard
 * error while there is no log yet, otherwise in the log.
 */
static void look_at_refusal(struct run *run)
{
    int code = process_wait_exit(&run->target.process, QUIET_MS);
    run->code = code;
    look_for_sanitizers(run);
    if (code < 0) {
        run_finds(run, "it hangs before it is ready");
    } else if (code == 0 || code > CODE_MAX) {
        run_finds(run, "it did not start, and exited with %d", code);
    } else if (!process_log_contains(&run->target.process, "level=error") &&
               process_log_contains(&run->target.process, "level=")) {
        run_finds(run, "it did not start and gave no reason");
    }
    run->refused = true;
}

static bool launch(struct run *run)
{
    char texts[SETTINGS_MAX][SETTING_SIZE];
    const char *settings[SETTINGS_MAX];
    bool is_worker = run->scenario->target == TARGET_WORKER;
    make_settings(run, texts, settings);
    service_launch_bare(&run->target, is_worker, NULL, settings, run->stage->database.folder);
    const char *line = is_worker ? "msg=ready" : "msg=ready port=";
    if (!process_wait_line(&run->target.process, line, READY_MS)) {
        look_at_refusal(run);
        return false;
    }
    long port = is_worker ? run->stage->helper.port
                          : process_wait_number(&run->target.process, line, READY_MS);
    run->target.port = (uint16_t)port;
    run->client = http_client_create((uint16_t)port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    http_client_set_patience(run->client, RUN_PATIENCE_MS);
    return true;
}

static void stop(struct run *run)
{
    process_signal(&run->target.process, SIGTERM);
    int code = process_wait_exit(&run->target.process, SERVICE_STOP_MS);
    run->code = code;
    look_for_sanitizers(run);
    if (code < 0) {
        run_finds(run, "it still runs %d ms after SIGTERM", SERVICE_STOP_MS);
    } else if (code != 0) {
        run_finds(run, "it ended with %d after SIGTERM", code);
    }
}

static void drop_client(struct run *run)
{
    http_client_destroy(run->client);
    run->client = NULL;
}

static void run_service(struct run *run, enum torture_mode mode, size_t descriptors_max)
{
    const struct scenario *scenario = run->scenario;
    if (scenario->from_start) {
        arm(run, mode);
    }
    if (!launch(run)) {
        return;
    }
    if (scenario->before != NULL) {
        scenario->before(run);
    }
    run->rows_before = look_ask(run, "SELECT count(*) FROM orders");
    arm(run, mode);
    if (scenario->act != NULL) {
        scenario->act(run);
    }
    if (scenario->until_stopped) {
        stop(run);
        look_at_rows(run);
        look_at_counters(run);
    }
    arm(run, TORTURE_OFF);
    if (!scenario->until_stopped) {
        look_at_recovery(run);
        look_at_rows(run);
        look_at_completion(run);
        look_at_counters(run);
        drop_client(run);
        look_at_descriptors(run, descriptors_max);
        stop(run);
    }
}

/* A command that failed prints a reason; one that reports success has done its work. */
static void run_command(struct run *run, enum torture_mode mode)
{
    char texts[SETTINGS_MAX][SETTING_SIZE];
    const char *settings[SETTINGS_MAX];
    const char *folder = run->stage->database.folder;
    if (run->scenario->before != NULL) {
        run->scenario->before(run);
    }
    make_settings(run, texts, settings);
    arm(run, mode);
    int code = service_run_command(&run->target, run->scenario->arguments, settings, folder);
    arm(run, TORTURE_OFF);
    run->code = code;
    look_for_sanitizers(run);
    run->refused = code != 0;
    if (code < 0 || code > CODE_MAX) {
        run_finds(run, "the command ended with %d", code);
    } else if (code != 0 && mode == TORTURE_RECORD) {
        run_finds(run, "the command fails without an injected failure, with %d", code);
    }
    if (code != 0 && lseek(run->target.process.log_fd, 0, SEEK_END) == 0) {
        run_finds(run, "the command failed and gave no reason");
    }
    if (run->scenario->act != NULL && run_is_well(run)) {
        run->scenario->act(run);
    }
}

static void end_target(struct run *run)
{
    drop_client(run);
    if (!run_is_well(run)) {
        run->output = process_log_read(&run->target.process);
    }
    if (run->target.process.pid != 0 && !process_is_running(&run->target.process)) {
        run->code = process_wait_exit(&run->target.process, QUIET_MS);
    }
    if (run->target.process.pid != 0) { /* here, so that nothing is printed */
        process_signal(&run->target.process, SIGKILL);
        process_wait_exit(&run->target.process, QUIET_MS);
    }
    process_discard(&run->target.process);
}

/* As the superuser: drops everything. A SQLite database is its files. */
static void empty_database(const struct stage *stage)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    const char *kind = stage->kind;
    char path[160];
    for (size_t i = 0; i < 3 && strcmp(kind, "sqlite") == 0; i++) {
        snprintf(path, sizeof path, "%s%s", stage->database.file, endings[i]);
        unlink(path);
    }
    if (strcmp(kind, "sqlite") == 0) {
        return;
    }
    struct sql *sql = database_open_admin(&stage->database);
    bool is_postgres = strcmp(kind, "postgres") == 0;
    sql_execute(sql, is_postgres ? "DROP SCHEMA public CASCADE" : "DROP DATABASE orders");
    sql_execute(sql, is_postgres ? "CREATE SCHEMA public AUTHORIZATION " POSTGRES_USER
                                 : "CREATE DATABASE orders");
    sql_close(sql);
}

void run_once(struct run *run, enum torture_mode mode, uint64_t key, size_t descriptors_max)
{
    struct torture_control *control = run->stage->control;
    atomic_store(&control->mode, TORTURE_OFF);
    atomic_flag_clear(&control->lock);
    atomic_store(&control->fired, 0);
    control->key = key;
    if (run->scenario->empty_database) {
        empty_database(run->stage);
    }
    if (run->scenario->target == TARGET_COMMAND) {
        run_command(run, mode);
    } else {
        run_service(run, mode, descriptors_max);
    }
    atomic_store(&control->mode, TORTURE_OFF);
    end_target(run);
}
