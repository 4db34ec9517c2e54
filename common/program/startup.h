/* SPDX-License-Identifier: MIT */
/* What both programs do before they serve. */
#ifndef COMMON_PROGRAM_STARTUP_H
#define COMMON_PROGRAM_STARTUP_H

#include "common/program/config.h"
#include "common/store/store.h"

/*
 * A store whose schema is up to date. One line of the log says what orders stored in it survive;
 * where that is less than `required`, the start has failed. A database that does not answer yet,
 * as usual when a whole composition starts, is tried again for up to a minute; lines of the log say
 * what is wrong, which setting names it and until when. NULL and 0 in
 * `*stop_signal`: it cannot be used, the log says why; the start has failed. NULL and a signal's
 * number: the signal ended the wait, which is an orderly stop and not a failure.
 */
struct store *startup_open_store(const struct config *config, enum durability required,
                                 int *stop_signal);

#endif
