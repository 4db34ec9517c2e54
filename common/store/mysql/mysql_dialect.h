/* SPDX-License-Identifier: MIT */
/* The SQL of MySQL and MariaDB where the cold read's statements differ; see store_read.h. Pure. */
#ifndef COMMON_STORE_MYSQL_MYSQL_DIALECT_H
#define COMMON_STORE_MYSQL_MYSQL_DIALECT_H

#include "common/store/sql_text.h"

extern const struct sql_fragment mysql_fragments[];

#endif
