/* SPDX-License-Identifier: MIT */
/* What both programs do before they serve. */
#ifndef COMMON_STARTUP_H
#define COMMON_STARTUP_H

#include "common/database_url.h"
#include "common/store/store.h"

/*
 * A store whose schema is up to date. A database that does not answer yet (the usual thing when a
 * whole composition starts) is waited for, up to a minute; a stop signal ends the wait. NULL: the
 * log says why; exit.
 */
struct store *startup_open_store(const struct database_url *url);

#endif
