/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "common/program/spelling.h"

Test(spelling, what_fingers_do_is_close)
{
    static const char *const close[] = {"DATABSE_URL",   "DATABASE_ULR", "DATABASEURL",
                                        "DATABASE__URL", "DATABASE_URI", "ADTABASE_URL",
                                        "DATBASE_UR"};
    for (size_t i = 0; i < sizeof close / sizeof close[0]; i++) {
        cr_assert(spelling_is_close(close[i], "DATABASE_URL"), "%s", close[i]);
    }
}

Test(spelling, other_names_are_not)
{
    static const char *const others[] = {"DATABASE_URL", "DATABASE",          "POSTGRES_URL", "",
                                         "PORT",         "DATABASE_URL_FILE", "NODE_ENV"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_assert_not(spelling_is_close(others[i], "DATABASE_URL"), "%s", others[i]);
    }
    cr_assert(spelling_is_close("PROT", "PORT"));
    cr_assert_not(spelling_is_close("COST", "PORT"));
    cr_assert_not(
        spelling_is_close("A234567890123456789012345678901234567890123456789012345678901234567890",
                          "PORT"));
}
