/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "api-service/admission/accept.h"

struct preference {
    const char *accept;
    enum metrics_form form;
};

static void check_all(const struct preference cases[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum metrics_form form = accept_metrics_form(cases[i].accept);
        cr_assert_eq(form, cases[i].form, "\"%s\" gives form %d, not %d", cases[i].accept,
                     (int)form, (int)cases[i].form);
    }
}

#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof *(cases))

Test(accept, json_is_for_those_who_do_not_care)
{
    static const struct preference cases[] = {
        {NULL, METRICS_JSON},
        {"", METRICS_JSON},
        {"*/*", METRICS_JSON},
        {"application/json", METRICS_JSON},
        {"application/*", METRICS_JSON},
        {"text/*", METRICS_JSON},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", METRICS_JSON},
        {"image/png", METRICS_JSON},
    };
    CHECK_ALL(cases);
}

Test(accept, a_text_form_is_chosen_by_its_name)
{
    static const struct preference cases[] = {
        {"text/plain", METRICS_PROMETHEUS},
        {"TEXT/Plain", METRICS_PROMETHEUS},
        {" text/plain ; version=0.0.4", METRICS_PROMETHEUS},
        {"application/openmetrics-text", METRICS_OPENMETRICS},
        {"application/openmetrics-text; version=1.0.0; charset=utf-8", METRICS_OPENMETRICS},
        {"text/plainer", METRICS_JSON},
        {"xtext/plain", METRICS_JSON},
        {"text/plain-ish", METRICS_JSON},
    };
    CHECK_ALL(cases);
}

Test(accept, a_prometheus_server_gets_openmetrics)
{
    static const struct preference cases[] = {
        {"application/openmetrics-text;version=1.0.0;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         METRICS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
         "application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         METRICS_OPENMETRICS},
    };
    CHECK_ALL(cases);
}

Test(accept, the_weights_decide)
{
    static const struct preference cases[] = {
        {"text/plain;q=0.5, application/json;q=0.4", METRICS_PROMETHEUS},
        {"text/plain;q=0.4, application/json;q=0.5", METRICS_JSON},
        {"text/plain;q=0.5, application/json;q=0.5", METRICS_JSON},
        {"application/openmetrics-text;q=0.9, text/plain", METRICS_PROMETHEUS},
        {"application/openmetrics-text, text/plain", METRICS_OPENMETRICS},
        {"text/plain, */*;q=0.1", METRICS_PROMETHEUS},
        {"text/plain;q=0.001, */*;q=0", METRICS_PROMETHEUS},
        {"text/plain;Q=1.000, application/json;q=0.999", METRICS_PROMETHEUS},
        {"text/plain;q=0", METRICS_JSON},
        {"application/openmetrics-text;q=0, text/plain;q=0.1", METRICS_PROMETHEUS},
    };
    CHECK_ALL(cases);
}

Test(accept, of_two_weights_for_one_form_the_greater_counts)
{
    static const struct preference cases[] = {
        {"text/plain;version=1.0.0, text/plain;version=0.0.4;q=0.1, */*;q=0.5", METRICS_PROMETHEUS},
        {"application/openmetrics-text, application/openmetrics-text;version=9;q=0, */*;q=0.5",
         METRICS_OPENMETRICS},
    };
    CHECK_ALL(cases);
}

Test(accept, a_name_overrules_a_wildcard)
{
    static const struct preference cases[] = {
        {"text/plain;q=0.5, application/json;q=0.1, */*;q=0.8", METRICS_PROMETHEUS},
        {"*/*;q=0.8, application/json;q=0.1, text/plain;q=0.5", METRICS_PROMETHEUS},
        {"text/plain;q=0.5, application/*;q=0.1, */*;q=0.8", METRICS_PROMETHEUS},
        {"application/json, */*;q=0.1, text/plain;q=0.5", METRICS_JSON},
    };
    CHECK_ALL(cases);
}

Test(accept, a_weight_that_cannot_be_read_counts_as_none)
{
    static const char *const bad[] = {
        "text/plain;q=",       "text/plain;q=2",   "text/plain;q=1.5",    "text/plain;q=-1",
        "text/plain;q=0,5",    "text/plain;q=.5",  "text/plain;q=0.5000", "text/plain;q=a",
        "text/plain;q=1.0001", "text/plain;q=0x1", "text/plain;q=05",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(accept_metrics_form(bad[i]), METRICS_JSON, "%s", bad[i]);
    }
}

Test(accept, odd_lists_are_survived)
{
    static const struct preference cases[] = {
        {",,,", METRICS_JSON},
        {";", METRICS_JSON},
        {";;q=1,;", METRICS_JSON},
        {" , text/plain ,", METRICS_PROMETHEUS},
        {"text/plain;", METRICS_PROMETHEUS},
        {"text/plain;;q=0.1", METRICS_PROMETHEUS},
        {"/", METRICS_JSON},
        {"\t", METRICS_JSON},
    };
    CHECK_ALL(cases);
}
