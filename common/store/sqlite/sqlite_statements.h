/* SPDX-License-Identifier: MIT */
/* The statements the store on SQLite prepares, each on its first use on a connection. */
#ifndef COMMON_STORE_SQLITE_SQLITE_STATEMENTS_H
#define COMMON_STORE_SQLITE_SQLITE_STATEMENTS_H

enum sqlite_statement {
    SQL_READ_SYNCHRONOUS,
    SQL_READ_JOURNAL_MODE,
    SQL_READ_VERSION,
    SQL_RECORD_VERSION,
    SQL_RESERVE_IDS,
    SQL_INSERT_KEY,
    SQL_READ_KEY,
    SQL_INSERT_ORDER,
    SQL_IS_SAME_ORDER,
    SQL_CLAIM,
    SQL_CLAIM_WAITING,
    SQL_COMPLETE,
    SQL_LOOKUP,
    SQL_LOOKUP_ARCHIVED,
    SQL_LOOK_AT_ORDERS,
    SQL_COPY_TO_ARCHIVE,
    SQL_DELETE_ARCHIVED,
    SQL_FIND_KEY,
    SQL_FORGET_KEYS,
    SQL_COUNT,
    SQL_COUNTS,
    SQL_MAKE_REPAIR_SLOT,
    SQL_REPAIR,
    SQL_STATEMENTS,
};

extern const char *const sqlite_statement_texts[SQL_STATEMENTS];

#endif
