/* SPDX-License-Identifier: MIT */
#include "common/program/version.h"

#include "common/program/orders_commit.h" /* made by commit.cmake: ORDERS_COMMIT, "" where it is unknown */

const char *version_text(void)
{
    return sizeof ORDERS_COMMIT > 1 ? ORDERS_VERSION " (" ORDERS_COMMIT ")" : ORDERS_VERSION;
}
