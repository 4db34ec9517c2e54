/* SPDX-License-Identifier: MIT */
#include "tests/support/faketime.h"

#include <stdio.h>
#include <unistd.h>

enum { PATH_SIZE = 64 };

void faketime_remove_traces(pid_t pid)
{
    static const char *const names[] = {"faketime_shm_", "sem.faketime_sem_"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "/dev/shm/%s%d", names[i], (int)pid);
        unlink(path);
    }
}
