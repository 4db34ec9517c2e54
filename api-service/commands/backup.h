/* SPDX-License-Identifier: MIT */
/*
 * `order-api backup FILE`: a copy of the SQLite database, while the services run. Blocks: as long
 * as it takes to read all, to check the copy and to flush it.
 */
#ifndef API_SERVICE_COMMANDS_BACKUP_H
#define API_SERVICE_COMMANDS_BACKUP_H

#include "common/program/command_line.h"

/*
 * Exit code 0: FILE is the copy, has been checked, and survives a power cut where the file system
 * can flush a folder. Otherwise FILE is as it was, and a line says why; but for a folder whose
 * flush fails at the end: then FILE is the copy, and the line says so. 2: this database, or this
 * FILE, will never do.
 */
int backup_run(struct config *config, const struct command_call *call);

#endif
