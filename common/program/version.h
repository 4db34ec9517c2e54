/* SPDX-License-Identifier: MIT */
/*
 * What was built: the version, and the commit it was built from where that is known. The commit is
 * looked up at every build (commit.cmake), so this is an object of its own: after a commit it alone
 * is compiled again, and only programs that ask for the version are linked again.
 *
 * Never blocks. Any thread may call it.
 */
#ifndef COMMON_PROGRAM_VERSION_H
#define COMMON_PROGRAM_VERSION_H

/* "0.2.0 (COMMIT)", or "0.2.0" where the commit is unknown. Never freed. */
const char *version_text(void);

#endif
