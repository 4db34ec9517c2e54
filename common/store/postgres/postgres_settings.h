/* SPDX-License-Identifier: MIT */
/*
 * The settings of a session that the store depends on. The server's configuration, the role, the
 * database, or a pooler in between may have changed any of them, so each is set, and a connection
 * on which one of them is not as it was set is not used. Through a pooler each transaction may go
 * to another connection: there they are set with each.
 *
 * Blocks as postgres_session.h. Owns nothing.
 */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_SETTINGS_H
#define COMMON_STORE_POSTGRES_POSTGRES_SETTINGS_H

#include "common/base/status.h"

struct postgres_session;
struct store;

/*
 * Where the primary is in doubt (store_primary_is_in_doubt) the server must take writes too. With
 * `store->no_statement_timeout` steps of the schema take as long as they take. Only how long they
 * wait for a table stays limited: while one session waits to change a table, all other traffic on
 * it waits too. STATUS_UNAVAILABLE: a setting is not as it was set, and the log names it.
 */
MUST_CHECK enum status postgres_settings_apply(struct postgres_session *session,
                                               const struct store *store);

/* Of the row that the settings of a transaction return. STATUS_UNAVAILABLE: it is a replica's or a
 * demoted server's, and the log says so. */
MUST_CHECK enum status postgres_settings_check_takes_writes(struct postgres_session *session);

#endif
