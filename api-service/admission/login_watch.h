/* SPDX-License-Identifier: MIT */
/*
 * Counts failed logins and says in the log where they come from: address, count and the client that
 * was named, if it is known. Never what was typed, since a secret may stand in the wrong place.
 *
 * Threads: all functions from any, while it runs; the lines are written by its own, which sleeps
 * while there is nothing to say. None blocks but login_watch_stop. Owns: its thread.
 */
#ifndef API_SERVICE_ADMISSION_LOGIN_WATCH_H
#define API_SERVICE_ADMISSION_LOGIN_WATCH_H

#include <stdint.h>

struct login_watch;

/* Never NULL. */
struct login_watch *login_watch_start(void);

/* Writes what has had no line yet. Takes NULL. */
void login_watch_stop(struct login_watch *watch);

/* As failed_logins_add; `client` must outlive the watch. */
void login_watch_note(struct login_watch *watch, const char *address, const char *client);

/* How many there were since the start. */
uint64_t login_watch_count(const struct login_watch *watch);

#endif
