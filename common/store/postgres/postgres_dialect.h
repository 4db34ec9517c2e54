/* SPDX-License-Identifier: MIT */
/* PostgreSQL's SQL where the cold read's statements differ; see store_read.h. Pure. */
#ifndef COMMON_STORE_POSTGRES_POSTGRES_DIALECT_H
#define COMMON_STORE_POSTGRES_POSTGRES_DIALECT_H

#include "common/store/sql_text.h"

extern const struct sql_fragment postgres_fragments[];

#endif
