/* SPDX-License-Identifier: MIT */
#include "tests/support/process.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/wait_until.h"

enum { ENVIRONMENT_MAX = 64, KILL_LIMIT_MS = 10000, STILL_RUNNING = -1 };

static const char *const passed_on[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
                                        "UBSAN_OPTIONS"};

/* Fills `environment` for execve; the strings made here live as long as the test. */
static void make_environment(char *environment[ENVIRONMENT_MAX], const char *const settings[])
{
    size_t count = 0;
    environment[count++] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                                  "/bin");
    environment[count++] = strdup("LC_ALL=C.UTF-8");
    for (size_t i = 0; i < sizeof passed_on / sizeof passed_on[0]; i++) {
        const char *value = getenv(passed_on[i]);
        if (value != NULL) {
            char *entry = NULL;
            cr_assert(asprintf(&entry, "%s=%s", passed_on[i], value) > 0);
            environment[count++] = entry;
        }
    }
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
        cr_assert_lt(count, ENVIRONMENT_MAX - 1, "too many settings");
        environment[count++] = strdup(settings[i]);
    }
    environment[count] = NULL;
}

/* Between fork and exec: only what is safe in a program with threads. */
static void become(const char *const argv[], char *environment[], const char *folder, int log_fd,
                   pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || chdir(folder) != 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
        dup2(log_fd, STDERR_FILENO) < 0) {
        _exit(127);
    }
    /* A server's connection in a child would outlive the test's own end of it. */
    close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    union {
        const char *const *in;
        char *const *out;
    } arguments = {.in = argv}; /* execve does not write to them, whatever its type says */
    execve(argv[0], arguments.out, environment);
    dprintf(STDERR_FILENO, "%s cannot be started: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void process_start(struct process *process, const char *const argv[], const char *const settings[],
                   const char *folder)
{
    cr_assert_eq(process->pid, 0, "%s is still running", process->name);
    process_discard(process);
    const char *slash = strrchr(argv[0], '/');
    snprintf(process->name, sizeof process->name, "%s", slash != NULL ? slash + 1 : argv[0]);
    process->log_fd = memfd_create(process->name, MFD_CLOEXEC);
    cr_assert_geq(process->log_fd, 0, "no memory for a log: %m");
    char *environment[ENVIRONMENT_MAX];
    make_environment(environment, settings);
    pid_t parent = getpid();
    pid_t pid = fork();
    cr_assert_geq(pid, 0, "no process: %m");
    if (pid == 0) {
        become(argv, environment, folder, process->log_fd, parent);
    }
    process->pid = pid;
    for (size_t i = 0; environment[i] != NULL; i++) {
        free(environment[i]);
    }
}

char *process_log_read(const struct process *process)
{
    struct stat info;
    cr_assert(process->name[0] != '\0' && fstat(process->log_fd, &info) == 0, "there is no log");
    size_t size = (size_t)info.st_size;
    char *text = calloc(1, size + 1);
    cr_assert_not_null(text);
    size_t len = 0;
    while (len < size) {
        ssize_t got = pread(process->log_fd, text + len, size - len, (off_t)len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    return text;
}

size_t process_log_count(const struct process *process, const char *text)
{
    char *log = process_log_read(process);
    size_t count = 0;
    for (const char *at = strstr(log, text); at != NULL; at = strstr(at + 1, text)) {
        count++;
    }
    free(log);
    return count;
}

bool process_log_contains(const struct process *process, const char *text)
{
    return process_log_count(process, text) > 0;
}

void process_print_log(const struct process *process)
{
    char *log = process_log_read(process);
    fprintf(stderr, "---- output of %s ----\n%s---- end of %s ----\n", process->name, log,
            process->name);
    free(log);
}

/* Reaps the process if it has ended. */
static bool has_ended(const struct process *process, int *code)
{
    int status = 0;
    if (waitpid(process->pid, &status, WNOHANG) != process->pid) {
        return false;
    }
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

bool process_is_running(const struct process *process)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

struct line_wait {
    const struct process *process;
    const char *text;
};

/* True also when the process has ended, so that nobody waits for a line that cannot come. */
static bool line_came_or_ended(void *arg)
{
    struct line_wait *wait = arg;
    bool ended = !process_is_running(wait->process);
    return process_log_contains(wait->process, wait->text) || ended;
}

bool process_wait_line(struct process *process, const char *text, uint32_t limit_ms)
{
    cr_assert_gt(process->pid, 0, "%s does not run", process->name);
    struct line_wait wait = {.process = process, .text = text};
    return wait_until(line_came_or_ended, &wait, limit_ms) && process_log_contains(process, text);
}

long process_wait_number(struct process *process, const char *text, uint32_t limit_ms)
{
    if (!process_wait_line(process, text, limit_ms)) {
        return -1;
    }
    char *log = process_log_read(process);
    long number = strtol(strstr(log, text) + strlen(text), NULL, 10);
    free(log);
    return number;
}

void process_signal(const struct process *process, int signal)
{
    cr_assert_gt(process->pid, 0, "%s does not run", process->name);
    cr_assert_eq(kill(process->pid, signal), 0);
}

struct exit_wait {
    const struct process *process;
    int code;
};

static bool exit_came(void *arg)
{
    struct exit_wait *wait = arg;
    return has_ended(wait->process, &wait->code);
}

int process_wait_exit(struct process *process, uint32_t limit_ms)
{
    cr_assert_gt(process->pid, 0, "%s does not run", process->name);
    struct exit_wait wait = {.process = process};
    if (!wait_until(exit_came, &wait, limit_ms)) {
        return STILL_RUNNING;
    }
    process->pid = 0;
    return wait.code;
}

static void assert_no_sanitizer(const struct process *process)
{
    if (process_log_contains(process, "Sanitizer") ||
        process_log_contains(process, "runtime error:")) {
        process_print_log(process);
        cr_assert_fail("%s: a sanitizer complained", process->name);
    }
}

void process_stop_cleanly(struct process *process, uint32_t limit_ms)
{
    process_signal(process, SIGTERM);
    int code = process_wait_exit(process, limit_ms);
    assert_no_sanitizer(process);
    if (code != 0) {
        process_print_log(process);
    }
    cr_assert_neq(code, STILL_RUNNING, "%s still runs %u ms after SIGTERM", process->name,
                  limit_ms);
    cr_assert_eq(code, 0, "%s ended with %d, not 0", process->name, code);
}

void process_kill(struct process *process)
{
    process_signal(process, SIGKILL);
    cr_assert_neq(process_wait_exit(process, KILL_LIMIT_MS), STILL_RUNNING);
    assert_no_sanitizer(process);
}

void process_discard(struct process *process)
{
    if (process->name[0] == '\0') {
        return;
    }
    if (process->pid != 0) {
        process_print_log(process);
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
    }
    close(process->log_fd);
    *process = (struct process){.pid = 0};
}

size_t process_resident_kb(const struct process *process)
{
    char path[64];
    char line[256];
    size_t kb = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s: %m", path);
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %zu", &kb) == 1) {
            break;
        }
    }
    fclose(file);
    cr_assert_gt(kb, 0, "%s does not run", process->name);
    return kb;
}
