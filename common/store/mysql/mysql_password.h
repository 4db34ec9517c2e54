/* SPDX-License-Identifier: MIT */
/*
 * How the client library sends passwords to MySQL: encrypted by TLS or, where the server has none,
 * with the server's public key, whatever was asked for.
 *
 * Does not block. Call it before the first connection; once is enough, and from one thread.
 */
#ifndef COMMON_STORE_MYSQL_MYSQL_PASSWORD_H
#define COMMON_STORE_MYSQL_MYSQL_PASSWORD_H

void mysql_password_protect(void);

#endif
