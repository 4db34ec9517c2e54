/* SPDX-License-Identifier: MIT */
/* The configuration contract: where settings come from, and what is said when they are wrong. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/expect.h"
#include "tests/support/http_client.h"
#include "tests/support/service.h"
#include "tests/support/sql.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { LIMIT_MS = 20000 };

static struct temp_dir dir;
static struct service service;
static struct service second;
static struct http_client *client;

static void start(void)
{
    temp_dir_create(&dir);
}

static void finish(void)
{
    http_client_destroy(client);
    process_discard(&service.process);
    process_discard(&second.process);
    temp_dir_remove(&dir);
}

TestSuite(config, .init = start, .fini = finish, .timeout = 60);

/* The start ends with exit code 2 and one line that names `variable`. */
static void refuse(bool worker, const char *const settings[], const char *variable)
{
    char named[64];
    int code = service_run(&service, worker, NULL, settings, dir.path);
    char *log = process_log_read(&service.process);
    snprintf(named, sizeof named, "%s: %s: ", worker ? "order-worker" : "order-api", variable);
    cr_expect_eq(code, 2, "%s ended with %d", settings != NULL ? settings[0] : variable, code);
    cr_expect_eq(strncmp(log, named, strlen(named)), 0, "%s: %s", named, log);
    cr_expect_eq(process_log_count(&service.process, "\n"), 1, "not one line: %s", log);
    free(log);
}

static const struct {
    const char *setting;
    const char *variable;
} wrong_for_both[] = {
    {"DATABASE_URL=orders.db", "DATABASE_URL"},
    {"DATABASE_URL=oracle://host/orders", "DATABASE_URL"},
    {"DATABASE_URL=sqlite://orders.db", "DATABASE_URL"},
    {"DATABASE_URL=sqlite:///:memory:", "DATABASE_URL"},
    {"DATABASE_URL=mysql://host", "DATABASE_URL"},
    {"DATABASE_URL=mysql://host:99999/orders", "DATABASE_URL"},
    {"DATABASE_URL=mysql://us er@host/orders", "DATABASE_URL"},
    {"DATABASE_URL=mysql://host/orders?ssl=maybe", "DATABASE_URL"},
    {"DATABASE_URL=mysql://host/orders?ssl_ca=/nonexistent/ca.pem", "DATABASE_URL"},
    {"DATABASE_URL=postgresql://host/orders?sslmode=verify-full&sslrootcert=ca.pem",
     "DATABASE_URL"},
    {"DATABASE_URL=postgresql://host/orders?options=-c%20fsync%3Doff", "DATABASE_URL"},
    {"REQUIRE_DURABILITY=always", "REQUIRE_DURABILITY"},
    {"REDIS_URL=127.0.0.1:6379", "REDIS_URL"},
    {"REDIS_URL=http://127.0.0.1", "REDIS_URL"},
    {"REDIS_URL=rediss://127.0.0.1", "REDIS_URL"},
    {"REDIS_URL=redis://127.0.0.1/queue", "REDIS_URL"},
    {"PROCESSING_DELAY_MS=-1", "PROCESSING_DELAY_MS"},
    {"PROCESSING_DELAY_MS=2s", "PROCESSING_DELAY_MS"},
    {"PROCESSING_DELAY_MS=1.5", "PROCESSING_DELAY_MS"},
    {"PROCESSING_DELAY_MS=99999999999999999999", "PROCESSING_DELAY_MS"},
    {"WORKER_CAPACITY=0", "WORKER_CAPACITY"},
    {"WORKER_CAPACITY=many", "WORKER_CAPACITY"},
    {"LOG_LEVEL=loud", "LOG_LEVEL"},
    {"LOG_FORMAT=xml", "LOG_FORMAT"},
    {"LOG_LEVEL_FILE=/nonexistent/file", "LOG_LEVEL_FILE"},
};

Test(config, a_wrong_value_ends_the_start_of_the_api_naming_the_variable)
{
    for (size_t i = 0; i < COUNT_OF(wrong_for_both); i++) {
        const char *const settings[] = {wrong_for_both[i].setting, "PORT=0", NULL};
        refuse(false, settings, wrong_for_both[i].variable);
    }
}

Test(config, a_wrong_value_ends_the_start_of_the_worker_naming_the_variable)
{
    for (size_t i = 0; i < COUNT_OF(wrong_for_both); i++) {
        const char *const settings[] = {wrong_for_both[i].setting, NULL};
        refuse(true, settings, wrong_for_both[i].variable);
    }
}

Test(config, what_only_the_api_reads_is_checked_by_it)
{
    static const char *const cases[][3] = {
        {"PORT=65536", NULL, "PORT"},
        {"PORT=-1", NULL, "PORT"},
        {"PORT=http", NULL, "PORT"},
        {"PORT=80 ", NULL, "PORT"},
        {"API_CLIENT_ID=a:b", "API_CLIENT_SECRET=s", "API_CLIENT_ID"},
        {"API_CLIENT_ID=a\nb", "API_CLIENT_SECRET=s", "API_CLIENT_ID"},
        {"API_CLIENT_ID=\xff", "API_CLIENT_SECRET=s", "API_CLIENT_ID"},
        {"API_CLIENT_ID=0123456789012345678901234567890123456789012345678901234567890123456789",
         "API_CLIENT_SECRET=s", "API_CLIENT_ID"},
        {"API_CLIENT_ID=a", NULL, "API_CLIENT_SECRET"},
        {"API_CLIENT_SECRET=s", NULL, "API_CLIENT_ID"},
        {"API_CLIENT_SECRET=s", "API_CLIENT_SECRET_FILE=/dev/null", "API_CLIENT_SECRET_FILE"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const settings[] = {cases[i][0], cases[i][1], NULL};
        refuse(false, settings, cases[i][2]);
    }
}

Test(config, an_address_may_stand_in_brackets_but_with_nothing_else)
{
    static const char *const wrong[] = {"HOST=http://127.0.0.1", "HOST=127.0.0.1:8000",
                                        "HOST=[::1]:8000", "HOST=localhost:", "HOST=a b"};
    static const char *const settings[] = {"HOST=[::1]", "PORT=0", NULL};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        refuse(false, (const char *const[]){wrong[i], NULL}, "HOST");
        cr_assert(process_log_contains(&service.process, "PORT"), "%s", wrong[i]);
    }
    service_launch_bare(&service, false, NULL, settings, dir.path);
    service_wait_api(&service);
    cr_assert(process_log_contains(&service.process, "host=::1"));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(config, parameters_of_other_programs_are_named_in_the_log)
{
    static const char *const settings[] = {"DATABASE_URL=sqlite:///orders.db?connection_limit=1",
                                           "REDIS_URL=redis://127.0.0.1:1?protocol=3", "PORT=0",
                                           NULL};
    for (int worker = 0; worker < 2; worker++) {
        service_launch_bare(&service, worker, NULL, settings, dir.path);
        cr_assert(process_wait_line(&service.process, "msg=ready", LIMIT_MS));
        cr_assert_eq(process_log_count(&service.process, "parameters=connection_limit"), 1);
        cr_assert_eq(process_log_count(&service.process, "parameters=protocol"), 1);
        process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    }
}

Test(config, a_worker_is_not_stopped_by_what_only_the_api_reads)
{
    static const char *const settings[] = {"PORT=http", "API_CLIENT_ID=a:b", NULL};
    service_launch_bare(&service, true, NULL, settings, dir.path);
    cr_assert(process_wait_line(&service.process, "msg=ready", LIMIT_MS));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(config, a_complaint_does_not_repeat_a_password)
{
    static const char *const settings[] = {"DATABASE_URL=mysql://user:hunter2@host:99999/orders",
                                           NULL};
    refuse(false, settings, "DATABASE_URL");
    cr_assert_not(process_log_contains(&service.process, "hunter2"));
}

Test(config, an_address_that_is_not_ours_ends_the_start_naming_the_variable)
{
    static const char *const settings[] = {"HOST=192.0.2.1", "PORT=0", NULL};
    cr_assert_eq(service_run(&service, false, NULL, settings, dir.path), 1);
    cr_assert(process_log_contains(&service.process, "HOST"));
}

Test(config, a_port_that_is_taken_ends_the_start_naming_the_variable)
{
    char port[16];
    service_start_api(&second, &(struct service_settings){.folder = dir.path});
    snprintf(port, sizeof port, "PORT=%u", second.port);
    const char *const settings[] = {port, NULL};
    cr_assert_eq(service_run(&service, false, NULL, settings, dir.path), 1);
    cr_assert(process_log_contains(&service.process, "PORT"));
    process_stop_cleanly(&second.process, SERVICE_STOP_MS);
}

Test(config, without_settings_orders_go_into_a_file_in_the_working_folder)
{
    static const char *const settings[] = {"PORT=0", NULL};
    char path[128];
    service_launch_bare(&service, false, NULL, settings, dir.path);
    service_wait_api(&service);
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    struct sql *sql = sql_open_sqlite(path);
    cr_assert_eq(sql_integer(sql, "SELECT count(*) FROM orders"), 0);
    sql_close(sql);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(config, without_a_client_nobody_may_call)
{
    static const char *const settings[] = {"PORT=0", NULL};
    service_launch_bare(&service, false, NULL, settings, dir.path);
    service_wait_api(&service);
    client = http_client_create(service.port, "", "");
    expect_problem(http_get(client, "/metrics"), 401, "/metrics");
    http_client_destroy(client);
    client = http_client_create(service.port, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET);
    expect_problem(http_get(client, "/metrics"), 401, "/metrics");
    http_client_destroy(client);
    client = NULL;
    cr_assert(process_log_contains(&service.process, "API_CLIENT_ID"), "the log says why");
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

/* Starts the API, and asserts who may call it. */
static void expect_client(const char *const settings[], const char *id, const char *secret)
{
    service_launch_bare(&service, false, NULL, settings, dir.path);
    service_wait_api(&service);
    client = http_client_create(service.port, id, secret);
    expect_status(http_get(client, "/metrics"), 200);
    http_client_destroy(client);
    client = NULL;
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(config, a_value_may_come_from_a_file)
{
    static const char *const settings[] = {"PORT=0", "API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET_FILE=secret.txt", NULL};
    temp_dir_write(&dir, "secret.txt", "from a file\n");
    expect_client(settings, "demo", "from a file");
}

/* As where a composition hands on a variable that is not set. */
Test(config, of_a_value_and_a_file_an_empty_one_does_not_count)
{
    static const char *const by_file[] = {"PORT=0", "API_CLIENT_ID=demo",
                                          "API_CLIENT_SECRET=", "API_CLIENT_SECRET_FILE=secret.txt",
                                          NULL};
    static const char *const by_value[] = {"PORT=0", "API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET=direct",
                                           "API_CLIENT_SECRET_FILE=", NULL};
    temp_dir_write(&dir, "secret.txt", "from a file\n");
    expect_client(by_file, "demo", "from a file");
    expect_client(by_value, "demo", "direct");
}

Test(config, a_file_that_is_too_long_for_a_value_ends_the_start)
{
    static const char *const settings[] = {"API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET_FILE=secret.txt", NULL};
    char text[4096 + 1];
    memset(text, 's', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    temp_dir_write(&dir, "secret.txt", text);
    refuse(false, settings, "API_CLIENT_SECRET_FILE");
    cr_assert(process_log_contains(&service.process, "less than 4096 bytes"));
}

Test(config, what_an_editor_adds_to_a_file_ends_the_start)
{
    static const char *const contents[] = {"\xef\xbb\xbfsecret\n", "secret \n", " secret",
                                           "secret\n\n", "secret\t"};
    static const char *const settings[] = {"API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET_FILE=secret.txt", NULL};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        temp_dir_write(&dir, "secret.txt", contents[i]);
        refuse(false, settings, "API_CLIENT_SECRET_FILE");
    }
}

Test(config, a_file_may_end_as_windows_ends_lines)
{
    static const char *const settings[] = {"PORT=0", "API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET_FILE=secret.txt", NULL};
    temp_dir_write(&dir, "secret.txt", "secret\r\n");
    expect_client(settings, "demo", "secret");
}

Test(config, a_misspelt_setting_of_dotenv_is_pointed_out)
{
    temp_dir_write(&dir, ".env", "PORT=0\nDATABSE_URL=sqlite:///elsewhere.db\nNODE_ENV=test\n");
    service_launch_bare(&service, false, NULL, NULL, dir.path);
    service_wait_api(&service);
    cr_assert(process_log_contains(&service.process, "DATABSE_URL is not a setting"));
    cr_assert(process_log_contains(&service.process, "is DATABASE_URL meant?"));
    cr_assert_not(process_log_contains(&service.process, "NODE_ENV"));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
}

Test(config, values_come_from_dotenv_in_the_working_folder)
{
    temp_dir_write(&dir, ".env",
                   "# comment\n\nPORT=0\nexport API_CLIENT_ID='dot env'\n"
                   "API_CLIENT_SECRET=\"a # secret\" # and a comment\n");
    expect_client(NULL, "dot env", "a # secret");
}

Test(config, dotenv_may_name_a_file_too)
{
    temp_dir_write(&dir, "secret.txt", "from a file");
    temp_dir_write(&dir, ".env", "PORT=0\nAPI_CLIENT_ID=demo\nAPI_CLIENT_SECRET_FILE=secret.txt\n");
    expect_client(NULL, "demo", "from a file");
}

Test(config, the_environment_wins_over_dotenv)
{
    static const char *const settings[] = {"API_CLIENT_SECRET=environment", "PORT=0", NULL};
    temp_dir_write(&dir, ".env", "PORT=nonsense\nAPI_CLIENT_ID=demo\nAPI_CLIENT_SECRET=dotenv\n");
    expect_client(settings, "demo", "environment");
}

Test(config, a_file_named_in_the_environment_wins_over_dotenv)
{
    static const char *const settings[] = {"API_CLIENT_SECRET_FILE=secret.txt", "PORT=0", NULL};
    temp_dir_write(&dir, "secret.txt", "from a file");
    temp_dir_write(&dir, ".env", "API_CLIENT_ID=demo\nAPI_CLIENT_SECRET=dotenv\n");
    expect_client(settings, "demo", "from a file");
}

Test(config, what_other_programs_write_into_dotenv_does_not_matter)
{
    temp_dir_write(&dir, ".env",
                   "\xef\xbb\xbfPORT=0\nthis is not a setting\nMY-VAR=1\nNAME\n"
                   "KEY=\"-----BEGIN-----\nabc=\n-----END-----\"\nOTHER='unclosed\nX=$unset_here\n"
                   "ID=dot\nexport API_CLIENT_ID=\"${ID} env\"\nAPI_CLIENT_SECRET=\"a\\\"b$$\"\n");
    expect_client(NULL, "dot env", "a\"b$");
}

Test(config, an_entry_of_ours_that_cannot_be_read_ends_the_start_naming_the_line)
{
    static const char *const lines[] = {"API_CLIENT_SECRET=\"hunter2",
                                        "API_CLIENT_SECRET=hun$ter2_unset",
                                        "API_CLIENT_SECRET_FILE='x' hunter2"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char text[100];
        snprintf(text, sizeof text, "PORT=0\nAPI_CLIENT_ID=a\n%s\n", lines[i]);
        temp_dir_write(&dir, ".env", text);
        refuse(false, NULL, "API_CLIENT_SECRET");
        cr_assert(process_log_contains(&service.process, ".env, line 3: "), "%s", lines[i]);
        cr_assert_not(process_log_contains(&service.process, "ter2"), "%s", lines[i]);
    }
}

Test(config, an_entry_that_the_environment_replaces_may_be_wrong)
{
    static const char *const settings[] = {"API_CLIENT_SECRET=s", "PORT=0", NULL};
    temp_dir_write(&dir, ".env", "API_CLIENT_ID=demo\nAPI_CLIENT_SECRET=\"x\n");
    expect_client(settings, "demo", "s");
}

/* They cannot be seen, and would be part of the value. */
Test(config, blanks_beyond_ascii_around_a_value_end_the_start)
{
    static const char *const settings[] = {"API_CLIENT_ID=demo", "API_CLIENT_SECRET=\xc2\xa0s",
                                           NULL};
    refuse(false, settings, "API_CLIENT_SECRET");
    cr_assert(process_log_contains(&service.process, "no-break space"));
    temp_dir_write(&dir, ".env", "DATABASE_URL=sqlite:///orders.db\xe2\x80\x8b\n");
    refuse(true, NULL, "DATABASE_URL");
    cr_assert(process_log_contains(&service.process, "no-break space"));
}

/* The log */

Test(config, json_logs_are_one_object_a_line)
{
    static const char *const settings[] = {"PORT=0", "LOG_FORMAT=json", NULL};
    service_launch_bare(&service, false, NULL, settings, dir.path);
    cr_assert_gt(process_wait_number(&service.process, "\"msg\":\"ready\",\"port\":", LIMIT_MS), 0);
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    size_t lines = process_log_count(&service.process, "\n");
    cr_assert_geq(lines, 3);
    cr_assert_eq(process_log_count(&service.process, "{\"time\":\""), lines);
    cr_assert_eq(process_log_count(&service.process, "}\n"), lines);
}

static bool has_its_database(void *arg)
{
    char path[128];
    (void)arg;
    snprintf(path, sizeof path, "%s/orders.db", dir.path);
    return access(path, F_OK) == 0;
}

Test(config, a_log_level_leaves_out_what_is_below_it)
{
    static const char *const settings[] = {"LOG_LEVEL=error", NULL};
    service_launch_bare(&service, true, NULL, settings, dir.path);
    cr_assert(wait_until(has_its_database, NULL, LIMIT_MS));
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_eq(process_log_count(&service.process, "\n"), 0);
}

static bool complained_of_redis(void *arg)
{
    (void)arg;
    expect_created(http_post_order(client, EXPECT_GOOD_ORDER));
    return process_log_contains(&service.process, "edis");
}

Test(config, secrets_of_clients_and_redis_are_never_logged)
{
    static const char *const settings[] = {"PORT=0",
                                           "LOG_LEVEL=debug",
                                           "API_CLIENT_ID=demo",
                                           "API_CLIENT_SECRET=hush-client",
                                           "REDIS_URL=redis://user:hush-redis@127.0.0.1:1/0",
                                           NULL};
    service_launch_bare(&service, false, NULL, settings, dir.path);
    service_wait_api(&service);
    client = http_client_create(service.port, "demo", "hush-wrong");
    expect_status(http_get(client, "/metrics"), 401);
    http_client_destroy(client);
    client = http_client_create(service.port, "demo", "hush-client");
    cr_assert(wait_until(complained_of_redis, NULL, LIMIT_MS));
    http_client_destroy(client);
    client = NULL;
    process_stop_cleanly(&service.process, SERVICE_STOP_MS);
    cr_assert_not(process_log_contains(&service.process, "hush"));
    /* As they come over the wire: demo:hush-client, demo:hush-wrong. */
    cr_assert_not(process_log_contains(&service.process, "ZGVtbzpodXNo"));
}

Test(config, the_password_of_a_database_is_never_logged)
{
    static const char *const settings[] = {
        "LOG_LEVEL=debug", "DATABASE_URL=mysql://user:hush-database@127.0.0.1:1/orders", NULL};
    service_launch_bare(&service, true, NULL, settings, dir.path);
    cr_assert(process_wait_line(&service.process, "127.0.0.1", LIMIT_MS), "it says what is away");
    process_signal(&service.process, SIGTERM);
    cr_assert_neq(process_wait_exit(&service.process, SERVICE_STOP_MS), -1);
    cr_assert_not(process_log_contains(&service.process, "hush"));
}
