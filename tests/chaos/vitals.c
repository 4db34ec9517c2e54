/* SPDX-License-Identifier: MIT */
#include "tests/chaos/vitals.h"

#include <dirent.h>
#include <stdio.h>

#include <criterion/criterion.h>

static size_t count_entries(const struct process *process, const char *folder)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)process->pid, folder);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir, "%s: %m", path);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

struct vitals vitals_read(const struct process *process)
{
    return (struct vitals){.resident_kb = process_resident_kb(process),
                           .descriptors = count_entries(process, "fd"),
                           .threads = count_entries(process, "task")};
}
