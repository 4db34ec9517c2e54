/* SPDX-License-Identifier: MIT */
#include "tests/support/mariadb_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"
#include "tests/support/unprivileged.h"

#define DEBIAN_USER "mysql"

enum { START_TRIES = 5, LIMIT_MS = 60000, PATH_SIZE = 512, TEXTS = 6, ARGUMENTS_MAX = 40 };

/* What differs between the two. */
struct brand {
    const char *ready; /* written once it takes connections */
    const char *without_tls;
    const char *options[5]; /* NULL ends them */
};

static const struct brand mariadb = {
    .ready = "mariadbd: ready for connections",
    .without_tls = "--skip-ssl",
    .options = {"--innodb-log-file-size=48M", "--skip-log-bin"},
};

/* It keeps a binary log by default, and so it does here. */
static const struct brand mysql = {
    .ready = "mysqld: ready for connections",
    .without_tls = "--tls-version=",
    .options = {"--innodb-redo-log-capacity=32M", "--innodb-log-buffer-size=8M",
                "--performance-schema=OFF"},
};

/* Read by the server at each start, before it takes connections. */
static const char init_sql[] =
    "CREATE DATABASE IF NOT EXISTS " MARIADB_DATABASE ";\n"
    "CREATE USER IF NOT EXISTS '" MARIADB_USER "'@'127.0.0.1' IDENTIFIED BY '" MARIADB_PASSWORD
    "';\n"
    "GRANT ALL ON " MARIADB_DATABASE ".* TO '" MARIADB_USER "'@'127.0.0.1';\n";

/* The folder that with-mysql9 has made; NULL: MariaDB is to be started. */
static const char *mysql_folder(void)
{
    return getenv("MYSQL9_SERVER");
}

bool mariadb_server_is_mysql(void)
{
    return mysql_folder() != NULL;
}

static const struct brand *brand(void)
{
    return mariadb_server_is_mysql() ? &mysql : &mariadb;
}

/* The server refuses to run as root unless that is asked for by name. NULL ends the arguments
 * elsewhere. */
static const char *user_option(void)
{
    return geteuid() == 0 ? "--user=root" : NULL;
}

static void run_to_the_end(const char *const argv[])
{
    struct process process = {.pid = 0};
    process_start(&process, argv, NULL, "/");
    int code = process_wait_exit(&process, LIMIT_MS);
    if (code != 0) {
        process_print_log(&process);
    }
    cr_assert_eq(code, 0, "%s ended with %d", argv[0], code);
    process_discard(&process);
}

static void make_template(void)
{
    const char *half_made = MARIADB_TEMPLATE_PATH ".new";
    run_to_the_end((const char *const[]){"/bin/rm", "-rf", half_made, NULL});
    run_to_the_end((const char *const[]){"/usr/bin/mariadb-install-db", "--no-defaults",
                                         "--datadir=" MARIADB_TEMPLATE_PATH ".new",
                                         "--auth-root-authentication-method=normal",
                                         "--skip-test-db", "--innodb-log-file-size=48M",
                                         user_option(), NULL});
    cr_assert_eq(rename(half_made, MARIADB_TEMPLATE_PATH), 0, "%m");
}

/* Tests run side by side: the first makes the template, the others wait for it. */
static void make_template_once(void)
{
    int lock = open(MARIADB_TEMPLATE_PATH ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    cr_assert(lock >= 0 && flock(lock, LOCK_EX) == 0, "%s: %m", MARIADB_TEMPLATE_PATH ".lock");
    if (access(MARIADB_TEMPLATE_PATH, F_OK) != 0) {
        make_template();
    }
    close(lock);
}

static size_t add_options(const char *argv[ARGUMENTS_MAX], size_t count,
                          const char *const options[], size_t max)
{
    for (size_t i = 0; i < max && options[i] != NULL; i++) {
        argv[count++] = options[i];
    }
    return count;
}

/*
 * Of an option given twice the first counts for some and the last for others; none is. A folder for
 * temporary tables of its own, because in a shared one each server that starts removes the others'.
 */
static size_t list_arguments(const struct mariadb_server *server, char texts[TEXTS][PATH_SIZE],
                             const char *argv[ARGUMENTS_MAX])
{
    static const char *const always[] = {"--bind-address=127.0.0.1", "--skip-name-resolve",
                                         "--innodb-flush-log-at-trx-commit=1",
                                         "--innodb-buffer-pool-size=128M"};
    size_t count = 0;
    snprintf(texts[0], PATH_SIZE, "--datadir=%s/data", server->dir.path);
    snprintf(texts[1], PATH_SIZE, "--socket=%s/socket", server->dir.path);
    snprintf(texts[2], PATH_SIZE, "--init-file=%s/init.sql", server->dir.path);
    snprintf(texts[3], PATH_SIZE, "--port=%u", (unsigned)server->port);
    snprintf(texts[4], PATH_SIZE, "--tmpdir=%s", server->dir.path);
    if (mariadb_server_is_mysql()) {
        snprintf(texts[5], PATH_SIZE, "%s/mysqld", mysql_folder());
        argv[count++] = texts[5];
    } else {
        argv[count++] = "/usr/sbin/mariadbd";
        argv[count++] = "--no-defaults";
    }
    for (size_t i = 0; i < 5; i++) {
        argv[count++] = texts[i];
    }
    count = add_options(argv, count, always, sizeof always / sizeof always[0]);
    count = add_options(argv, count, brand()->options,
                        sizeof brand()->options / sizeof brand()->options[0]);
    if (server->without_tls) {
        argv[count++] = brand()->without_tls;
    }
    return add_options(argv, count, server->options, MARIADB_OPTIONS_MAX);
}

void mariadb_server_launch(struct mariadb_server *server)
{
    char texts[TEXTS][PATH_SIZE];
    const char *argv[ARGUMENTS_MAX] = {NULL};
    size_t count = list_arguments(server, texts, argv);
    if (server->unprivileged) {
        unprivileged_give(DEBIAN_USER, server->dir.path);
        unprivileged_start(&server->process, DEBIAN_USER, "KILL", argv, server->dir.path);
    } else {
        argv[count] = user_option();
        process_start(&server->process, argv, NULL, server->dir.path);
    }
}

static bool launch(struct mariadb_server *server)
{
    mariadb_server_launch(server);
    return process_wait_line(&server->process, brand()->ready, LIMIT_MS);
}

void mariadb_server_prepare(struct mariadb_server *server)
{
    char template[PATH_SIZE];
    char datadir[PATH_SIZE];
    if (mariadb_server_is_mysql()) {
        snprintf(template, sizeof template, "%s/template", mysql_folder());
    } else {
        snprintf(template, sizeof template, "%s", MARIADB_TEMPLATE_PATH);
        make_template_once();
    }
    temp_dir_create(&server->dir);
    temp_dir_write(&server->dir, "init.sql", init_sql);
    snprintf(datadir, sizeof datadir, "%s/data", server->dir.path);
    run_to_the_end(
        (const char *const[]){"/bin/cp", "-a", "--sparse=always", template, datadir, NULL});
}

void mariadb_server_set_port(struct mariadb_server *server)
{
    server->port = free_port();
    snprintf(server->url, sizeof server->url,
             "mysql://" MARIADB_USER ":" MARIADB_PASSWORD "@127.0.0.1:%u/" MARIADB_DATABASE,
             (unsigned)server->port);
}

void mariadb_server_start(struct mariadb_server *server)
{
    mariadb_server_prepare(server);
    for (int i = 0; i < START_TRIES; i++) {
        mariadb_server_set_port(server);
        if (launch(server)) {
            return;
        }
        process_discard(&server->process);
    }
    cr_assert_fail("the server does not start");
}

void mariadb_server_kill(struct mariadb_server *server)
{
    process_kill(&server->process);
}

void mariadb_server_stop(struct mariadb_server *server)
{
    process_stop_cleanly(&server->process, LIMIT_MS);
}

void mariadb_server_restart(struct mariadb_server *server)
{
    if (!launch(server)) {
        process_print_log(&server->process);
        cr_assert_fail("the server does not start again");
    }
}

void mariadb_server_discard(struct mariadb_server *server)
{
    if (server->process.pid != 0) {
        process_signal(&server->process, SIGKILL);
        process_wait_exit(&server->process, LIMIT_MS);
    }
    process_discard(&server->process);
    temp_dir_remove(&server->dir);
}
