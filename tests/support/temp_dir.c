/* SPDX-License-Identifier: MIT */
#include "tests/support/temp_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

static const char *place = "/tmp";

void temp_dir_set_place(const char *folder)
{
    place = folder;
}

void temp_dir_create(struct temp_dir *dir)
{
    snprintf(dir->path, sizeof dir->path, "%s/orders-test-XXXXXX", place);
    cr_assert_not_null(mkdtemp(dir->path), "no temporary folder: %m");
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    remove(path); /* a server that is just ending may have been faster */
    return 0;
}

void temp_dir_remove(struct temp_dir *dir)
{
    if (dir->path[0] != '\0') {
        nftw(dir->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        dir->path[0] = '\0';
    }
}

const char *temp_dir_file(const struct temp_dir *dir, const char *name)
{
    static char paths[2][160];
    static size_t next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", dir->path, name);
    return path;
}

void temp_dir_write(const struct temp_dir *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir->path, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s: %m", path);
    size_t len = strlen(text);
    size_t written = fwrite(text, 1, len, file);
    int closed = fclose(file);
    cr_assert(written == len && closed == 0, "%s: %m", path);
}
