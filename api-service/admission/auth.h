/* SPDX-License-Identifier: MIT */
/*
 * Who is calling: HTTP Basic credentials (RFC 7617). What is kept is a keyed hash of the secret,
 * made with a key of this process; comparing takes the same time whatever is wrong.
 *
 * Threads: any, after auth_create. Nothing blocks.
 */
#ifndef API_SERVICE_ADMISSION_AUTH_H
#define API_SERVICE_ADMISSION_AUTH_H

#include "common/base/status.h"
#include "common/order/order.h"

struct auth;

/* With an empty `client_id` nobody may call. Never NULL: no memory ends the process. */
struct auth *auth_create(const char *client_id, const char *client_secret);
void auth_destroy(struct auth *auth);

/*
 * `authorization` is the header's value, NULL when there is none. STATUS_OK: `client_id` says who
 * it is. STATUS_NOT_FOUND: missing, malformed or wrong.
 */
MUST_CHECK enum status auth_check(const struct auth *auth, const char *authorization,
                                  char client_id[ORDER_CLIENT_ID_SIZE]);

/*
 * The client whose id `authorization` has, whatever its secret; for logs, which must not show what
 * is no client's id. NULL: none that is known. Good until auth_destroy.
 */
const char *auth_client_named(const struct auth *auth, const char *authorization);

#endif
