/* SPDX-License-Identifier: MIT */
#include "tests/chaos/vitals.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

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

static void print_file(const char *folder, const char *thread, const char *name)
{
    char path[320];
    char line[256] = "";
    snprintf(path, sizeof path, "%s/%s/%s", folder, thread, name);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL) {
            line[0] = '\0';
        }
        fclose(file);
    }
    line[strcspn(line, "\n")] = '\0';
    fprintf(stderr, "  %s", line);
}

void vitals_print_threads(const struct process *process)
{
    char folder[64];
    snprintf(folder, sizeof folder, "/proc/%d/task", (int)process->pid);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.') {
            fprintf(stderr, "%s %s:", process->name, entry->d_name);
            print_file(folder, entry->d_name, "comm");
            print_file(folder, entry->d_name, "wchan");
            print_file(folder, entry->d_name, "syscall");
            fputc('\n', stderr);
        }
    }
    closedir(dir);
}
