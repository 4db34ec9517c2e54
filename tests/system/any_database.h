/* SPDX-License-Identifier: MIT */
/*
 * The one database of a test (tests/support/database.h), of the kind that ORDERS_SYSTEM_DATABASE
 * names, with what tests of the programs' commands ask of it.
 */
#ifndef TESTS_SYSTEM_ANY_DATABASE_H
#define TESTS_SYSTEM_ANY_DATABASE_H

#include <stdbool.h>

#include "tests/support/sql.h"

/* Empty; SQLite's file is not there yet. Failing to start fails the test. */
void any_database_start(void);

/* For .fini, in whatever state it is. */
void any_database_discard(void);

bool any_database_is(const char *kind);

const char *any_database_url(void);

/* "DATABASE_URL=..." of this database, and of one of its kind that is not there. */
const char *any_database_setting(void);
const char *any_database_setting_away(void);

/* A folder to work in. */
const char *any_database_folder(void);

struct sql *any_database_open_sql(void);

/* Opens, and closes again. */
void any_database_execute(const char *statement);
int64_t any_database_ask(const char *query);

/* How many tables there are, indexes included where it is a file. */
int64_t any_database_count_tables(void);

#endif
