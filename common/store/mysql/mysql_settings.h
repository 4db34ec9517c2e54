/* SPDX-License-Identifier: MIT */
/*
 * The settings of a session that the store depends on. A server's own defaults, init_connect, or a
 * proxy in between may have changed any of them, so each is set, and then read back: a connection
 * on which one of them is not as it was set is not used.
 *
 * Blocks as mysql_session.h. Owns nothing.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_SETTINGS_H
#define COMMON_STORE_MYSQL_MYSQL_SETTINGS_H

#include "common/base/status.h"

struct mysql_session;
struct store;

/*
 * Where the primary is in doubt (store_primary_is_in_doubt) the server must take writes too. With
 * `store->no_statement_timeout` steps of the schema take as long as they take. Only how long they
 * wait for a table stays limited: while one session waits to change a table, all other traffic on
 * it waits too. STATUS_UNAVAILABLE: a setting is not as it was set, and the log names it.
 */
MUST_CHECK enum status mysql_settings_apply(struct mysql_session *session,
                                            const struct store *store);

#endif
