/* SPDX-License-Identifier: MIT */
#include "tests/support/unprivileged.h"

#include <stdio.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum { ARGUMENTS_MAX = 48, OPTION_SIZE = 48, LIMIT_MS = 60000 };

/*
 * setpriv tells the kernel what is to happen when the test dies, because the kernel forgets what
 * process_start has said when it changes the user.
 */
void unprivileged_start(struct process *process, const char *user, const char *signal,
                        const char *const argv[], const char *folder)
{
    char uid[OPTION_SIZE];
    char gid[OPTION_SIZE];
    snprintf(uid, sizeof uid, "--reuid=%s", user);
    snprintf(gid, sizeof gid, "--regid=%s", user);
    const char *const as_is[] = {"/usr/bin/setpriv", "--pdeathsig", signal, NULL};
    const char *const as_user[] = {"/usr/bin/setpriv", "--pdeathsig", signal, uid, gid,
                                   "--clear-groups",   NULL};
    const char *all[ARGUMENTS_MAX] = {NULL};
    size_t count = 0;
    for (const char *const *part = geteuid() == 0 ? as_user : as_is; *part != NULL; part++) {
        all[count++] = *part;
    }
    for (const char *const *part = argv; *part != NULL; part++) {
        cr_assert_lt(count, ARGUMENTS_MAX - 1);
        all[count++] = *part;
    }
    process_start(process, all, NULL, folder);
}

void unprivileged_give(const char *user, const char *folder)
{
    if (geteuid() != 0) {
        return;
    }
    struct process process = {.pid = 0};
    process_start(&process, (const char *const[]){"/bin/chown", "-R", user, folder, NULL}, NULL,
                  "/");
    cr_assert_eq(process_wait_exit(&process, LIMIT_MS), 0, "no user %s: install its package", user);
    process_discard(&process);
}
