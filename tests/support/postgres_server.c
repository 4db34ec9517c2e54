/* SPDX-License-Identifier: MIT */
#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/free_port.h"
#include "tests/support/unprivileged.h"
#include "tests/support/wait_until.h"

#define DEBIAN_USER "postgres"

enum {
    START_TRIES = 5,
    LIMIT_MS = 60000,
    PATH_SIZE = 512,
    CHILDREN_MAX = 256,
};

/* One statement a line, as the server's single-user mode takes them. */
static const char init_sql[] =
    "CREATE ROLE " POSTGRES_USER " LOGIN PASSWORD '" POSTGRES_PASSWORD "';\n"
    "CREATE DATABASE " POSTGRES_DATABASE " OWNER " POSTGRES_USER ";\n";

/* Debian keeps each major version's programs in a folder of its own; the newest is taken. */
static void find_program(const char *name, char path[PATH_SIZE])
{
    char pattern[PATH_SIZE];
    glob_t found;
    snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s", name);
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "no %s: install postgresql", pattern);
    snprintf(path, PATH_SIZE, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

/* The server is to end in order when the test dies, or its shared memory would outlive it. */
static void start_unprivileged(struct process *process, const char *const argv[],
                               const char *folder)
{
    unprivileged_start(process, DEBIAN_USER, "QUIT", argv, folder);
}

static void expect_success(struct process *process)
{
    int code = process_wait_exit(process, LIMIT_MS);
    if (code != 0) {
        process_print_log(process);
    }
    cr_assert_eq(code, 0, "%s ended with %d", process->name, code);
    process_discard(process);
}

static void run_unprivileged(const char *const argv[], const char *folder)
{
    struct process process = {.pid = 0};
    start_unprivileged(&process, argv, folder);
    expect_success(&process);
}

static void run(const char *const argv[])
{
    struct process process = {.pid = 0};
    process_start(&process, argv, NULL, "/");
    expect_success(&process);
}

/* A folder the server may write to. */
static void create_dir(struct temp_dir *dir)
{
    temp_dir_create(dir);
    unprivileged_give(DEBIAN_USER, dir->path);
}

static void make_template(void)
{
    struct temp_dir dir = {.path = ""};
    char initdb[PATH_SIZE];
    char postgres[PATH_SIZE];
    char data[PATH_SIZE];
    find_program("initdb", initdb);
    find_program("postgres", postgres);
    create_dir(&dir);
    temp_dir_write(&dir, "init.sql", init_sql);
    snprintf(data, sizeof data, "%s/data", dir.path);
    run_unprivileged((const char *const[]){initdb, "--pgdata", data, "--username=postgres",
                                           "--encoding=UTF8", "--locale=C", "--auth-local=trust",
                                           "--auth-host=scram-sha-256", "--no-sync", NULL},
                     dir.path);
    run_unprivileged((const char *const[]){"/bin/sh", "-c",
                                           "exec \"$0\" --single -D data postgres <init.sql",
                                           postgres, NULL},
                     dir.path);
    run((const char *const[]){"/bin/rm", "-rf", POSTGRES_TEMPLATE_PATH ".new", NULL});
    run((const char *const[]){"/bin/cp", "-a", data, POSTGRES_TEMPLATE_PATH ".new", NULL});
    cr_assert_eq(rename(POSTGRES_TEMPLATE_PATH ".new", POSTGRES_TEMPLATE_PATH), 0, "%m");
    temp_dir_remove(&dir);
}

/* Tests run side by side: the first makes the template, the others wait for it. */
static void make_template_once(void)
{
    int lock = open(POSTGRES_TEMPLATE_PATH ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    cr_assert(lock >= 0 && flock(lock, LOCK_EX) == 0, "%s: %m", POSTGRES_TEMPLATE_PATH ".lock");
    if (access(POSTGRES_TEMPLATE_PATH, F_OK) != 0) {
        make_template();
    }
    close(lock);
}

static bool launch(struct postgres_server *server)
{
    char postgres[PATH_SIZE];
    char port[16];
    find_program("postgres", postgres);
    snprintf(port, sizeof port, "%u", (unsigned)server->port);
    const char *const argv[] = {
        postgres, "-D", "data",           "-h", "127.0.0.1",           "-p",
        port,     "-k", server->dir.path, "-c", "shared_buffers=64MB", NULL};
    start_unprivileged(&server->process, argv, server->dir.path);
    return process_wait_line(&server->process, "ready to accept connections", LIMIT_MS);
}

void postgres_server_start(struct postgres_server *server)
{
    char data[PATH_SIZE];
    make_template_once();
    create_dir(&server->dir);
    snprintf(data, sizeof data, "%s/data", server->dir.path);
    run((const char *const[]){"/bin/cp", "-a", POSTGRES_TEMPLATE_PATH, data, NULL});
    for (int i = 0; i < START_TRIES; i++) {
        server->port = free_port();
        snprintf(server->url, sizeof server->url,
                 "postgresql://" POSTGRES_USER ":" POSTGRES_PASSWORD
                 "@127.0.0.1:%u/" POSTGRES_DATABASE,
                 (unsigned)server->port);
        if (launch(server)) {
            return;
        }
        process_discard(&server->process);
    }
    cr_assert_fail("the PostgreSQL server does not start");
}

/* Its processes are its children; each is the leader of a process group of its own. */
static size_t list_children(const struct postgres_server *server, pid_t children[CHILDREN_MAX])
{
    char path[PATH_SIZE];
    int pid;
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)server->process.pid,
             (int)server->process.pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s: %m", path);
    while (count < CHILDREN_MAX && fscanf(file, "%d", &pid) == 1) {
        children[count++] = pid;
    }
    fclose(file);
    return count;
}

void postgres_server_signal(const struct postgres_server *server, int signal)
{
    pid_t children[CHILDREN_MAX];
    process_signal(&server->process, signal);
    size_t count = list_children(server, children);
    for (size_t i = 0; i < count; i++) {
        kill(children[i], signal); /* one that has just ended is no failure */
    }
}

/* Gone, or nothing but an entry that waits for whoever has inherited it. */
static bool has_ended(void *arg)
{
    const pid_t *pid = arg;
    char path[PATH_SIZE];
    char state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)*pid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
            state = 'Z';
        }
        fclose(file);
    }
    return state == 'Z' || state == 'X';
}

void postgres_server_kill(struct postgres_server *server)
{
    pid_t children[CHILDREN_MAX];
    process_signal(&server->process, SIGSTOP); /* it starts no more of them */
    size_t count = list_children(server, children);
    process_kill(&server->process);
    for (size_t i = 0; i < count; i++) {
        kill(children[i], SIGKILL);
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(wait_until(has_ended, &children[i], LIMIT_MS));
    }
}

void postgres_server_stop(struct postgres_server *server)
{
    process_signal(&server->process, SIGINT);
    cr_assert_eq(process_wait_exit(&server->process, LIMIT_MS), 0);
}

void postgres_server_configure(const struct postgres_server *server, const char *setting)
{
    temp_dir_write(&server->dir, "data/postgresql.auto.conf", setting);
}

void postgres_server_restart(struct postgres_server *server)
{
    if (!launch(server)) {
        process_print_log(&server->process);
        cr_assert_fail("the PostgreSQL server does not start again");
    }
}

/* One that was killed leaves its shared memory, which only a start on the same folder finds. */
static bool has_left_memory(const struct postgres_server *server)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/data/postmaster.pid", server->dir.path);
    return server->dir.path[0] != '\0' && server->process.pid == 0 && access(path, F_OK) == 0;
}

void postgres_server_discard(struct postgres_server *server)
{
    if (has_left_memory(server)) {
        launch(server); /* if it does not start, so be it */
    }
    if (server->process.pid != 0) {
        postgres_server_signal(server, SIGCONT);
        process_signal(&server->process, SIGQUIT); /* at once, but not without its shared memory */
        process_wait_exit(&server->process, LIMIT_MS);
    }
    process_discard(&server->process);
    temp_dir_remove(&server->dir);
}
