/* SPDX-License-Identifier: MIT */
/*
 * What the files about the wire contract share: order-api on a database of the kind that
 * ORDERS_SYSTEM_DATABASE names, its clients, and a look into the database.
 */
#ifndef TESTS_SYSTEM_HTTP_FIXTURE_H
#define TESTS_SYSTEM_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/http_client.h"
#include "tests/support/sql.h"

extern struct http_client *client;
extern struct http_client *stranger; /* without credentials */
extern struct http_client *other;    /* of a second API; another client, on the same database */

/* For .init and .fini. Orders stay in Processing for longer than any test. */
void start(void);
void finish(void);

/* A second service on the same orders, with another client. */
void start_other(void);

/* Kills the first service and starts it anew. */
void restart_killed(void);

/* As another program that does not let go of the database; give it back to release_orders. */
struct sql *hold_orders(void);
void release_orders(struct sql *sql);

/* One number from the database. */
int64_t ask_database(const char *query);

/* A condition for wait_until. */
bool any_is_processing(void *arg);

/* Requests of `client`, and of any, with one header of their own. */
uint64_t post_good_order(void);
const struct http_response *post_with(const char *header, const char *body);
const struct http_response *get_order(struct http_client *by, uint64_t id);
const struct http_response *get_with(struct http_client *by, const char *header, const char *path);

#endif
