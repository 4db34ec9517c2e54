/* SPDX-License-Identifier: MIT */
#include "tests/support/certificates.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/process.h"

enum { LIMIT_MS = 30000, PATH_SIZE = 256 };

static void run_openssl(const char *const argv[], const char *folder)
{
    struct process process = {.pid = 0};
    process_start(&process, argv, NULL, folder);
    int code = process_wait_exit(&process, LIMIT_MS);
    if (code != 0) {
        process_print_log(&process);
    }
    cr_assert_eq(code, 0, "openssl ended with %d", code);
    process_discard(&process);
}

/* Owned as the folder is, or the server could not read its key. */
static void hand_over(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(stat(folder, &info), 0, "%m");
    cr_assert_eq(chown(path, info.st_uid, info.st_gid), 0, "%s: %m", path);
    cr_assert_eq(chmod(path, 0600), 0, "%s: %m", path);
}

static void make_authority(const char *folder, const char *certificate, const char *key)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, certificate);
    if (access(path, F_OK) == 0) {
        return;
    }
    run_openssl((const char *const[]){"/usr/bin/openssl", "req", "-x509", "-newkey", "ec",
                                      "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                                      "-subj", "/CN=An authority", "-out", certificate, "-keyout",
                                      key, NULL},
                folder);
    hand_over(folder, certificate);
    hand_over(folder, key);
}

void certificates_make(const char *folder, const char *names)
{
    char alternatives[PATH_SIZE];
    snprintf(alternatives, sizeof alternatives, "subjectAltName=%s", names);
    make_authority(folder, "ca.pem", "ca.key");
    make_authority(folder, "other.pem", "other.key");
    run_openssl((const char *const[]){"/usr/bin/openssl",
                                      "req",
                                      "-x509",
                                      "-CA",
                                      "ca.pem",
                                      "-CAkey",
                                      "ca.key",
                                      "-newkey",
                                      "ec",
                                      "-pkeyopt",
                                      "ec_paramgen_curve:P-256",
                                      "-nodes",
                                      "-days",
                                      "2",
                                      "-subj",
                                      "/CN=A server",
                                      "-addext",
                                      alternatives,
                                      "-addext",
                                      "basicConstraints=CA:FALSE",
                                      "-out",
                                      "server.pem",
                                      "-keyout",
                                      "server.key",
                                      NULL},
                folder);
    hand_over(folder, "server.pem");
    hand_over(folder, "server.key");
}
