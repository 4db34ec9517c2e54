/* SPDX-License-Identifier: MIT */
/*
 * MariaDB's mysql/client_plugin.h includes a header of this name, which Debian's libmariadb-dev
 * lacks. This is as much of it as that one needs.
 */
#ifndef COMMON_STORE_MYSQL_MISSING_MA_COMPRESS_H
#define COMMON_STORE_MYSQL_MISSING_MA_COMPRESS_H

typedef struct ma_compress_ctx ma_compress_ctx;

#endif
