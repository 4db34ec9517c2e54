/* SPDX-License-Identifier: MIT */
/* A fresh folder for one test, removed with all it holds. Failing to make one fails the test. */
#ifndef TESTS_SUPPORT_TEMP_DIR_H
#define TESTS_SUPPORT_TEMP_DIR_H

#include <stddef.h>

struct temp_dir {
    char path[64]; /* absolute and short, so that unix sockets fit in; empty: there is none */
};

void temp_dir_create(struct temp_dir *dir);

/* From now on they are made in `folder`, which lives on, instead of /tmp. */
void temp_dir_set_place(const char *folder);

/* Does nothing when there is none (a zeroed struct, or removed before). */
void temp_dir_remove(struct temp_dir *dir);

/* The path of `name` in the folder. Good until the second call after this one. */
const char *temp_dir_file(const struct temp_dir *dir, const char *name);

/* Writes `text` to the file `name` in the folder. */
void temp_dir_write(const struct temp_dir *dir, const char *name, const char *text);

#endif
