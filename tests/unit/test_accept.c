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

Test(accept, json_is_the_form_when_none_is_named)
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
        {"application/json ; q=0.4 ,text/plain ;\tq=0.5\t", METRICS_PROMETHEUS},
        {"application/json ; q=0.5 ,text/plain ;\tq=0.4\t", METRICS_JSON},
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

Test(accept, of_two_weights_for_one_type_the_greater_counts)
{
    static const struct preference cases[] = {
        {"text/plain;version=1.0.0, text/plain;version=0.0.4;q=0.1, */*;q=0.5", METRICS_PROMETHEUS},
        {"application/openmetrics-text, application/openmetrics-text;version=9;q=0, */*;q=0.5",
         METRICS_OPENMETRICS},
        {"application/json;q=0.2, application/json;q=0.9, text/plain;q=0.5", METRICS_JSON},
        {"application/json;q=0.9, application/json;q=0.2, text/plain;q=0.5", METRICS_JSON},
        {"application/*;q=0.9, application/*;q=0.2, text/plain;q=0.5", METRICS_JSON},
        {"*/*;q=0.2, */*;q=0.9, text/plain;q=0.5", METRICS_JSON},
        {"text/plain;q=0.9, text/plain;q=0.2, application/json;q=0.5", METRICS_PROMETHEUS},
        {"text/plain;q=0.2, text/plain;q=0.9, application/json;q=0.5", METRICS_PROMETHEUS},
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
        {"application/json;q=0, */*, text/plain;q=0.1", METRICS_PROMETHEUS},
        {"application/*;q=0.1, */*;q=0.8, text/plain;q=0.5", METRICS_PROMETHEUS},
        {"*/*;q=0.1, application/*;q=0.8, text/plain;q=0.5", METRICS_JSON},
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

Test(accept, odd_lists_are_read_as_far_as_they_go)
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

/* Any route's offers */

static const struct media_offer feed[] = {
    {.type = "application/json"},
    {.type = "text/event-stream"},
    {.type = "text/plain", .only_by_name = true},
};

struct choice {
    const char *accept;
    int index;
};

static void check_feed(const struct choice cases[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int index = accept_preferred(cases[i].accept, feed, sizeof feed / sizeof *feed);
        cr_expect_eq(index, cases[i].index, "\"%s\" gives %d, not %d", cases[i].accept, index,
                     cases[i].index);
    }
}

#define CHECK_FEED(cases) check_feed((cases), sizeof(cases) / sizeof *(cases))

Test(accept, the_offer_with_the_greatest_weight_is_preferred)
{
    static const struct choice cases[] = {
        {"text/event-stream", 1},
        {"text/event-stream;q=0.5, application/json;q=0.4", 1},
        {"text/event-stream;q=0.4, application/json;q=0.5", 0},
        {"Text/Event-Stream;q=0.001", 1},
    };
    CHECK_FEED(cases);
}

Test(accept, the_first_offer_is_preferred_among_equals)
{
    static const struct choice cases[] = {
        {NULL, 0}, {"", 0}, {" ,\t,", 0}, {"*/*", 0}, {"text/event-stream, application/json", 0},
    };
    CHECK_FEED(cases);
}

Test(accept, a_wildcard_asks_for_its_types)
{
    static const struct choice cases[] = {
        {"text/*", 1},
        {"TEXT/*;q=0.1", 1},
        {"text/*, */*;q=0.5", 1},
        {"text/*;q=0.5, */*", 0},
        {"text/*, text/event-stream;q=0.1, */*;q=0.5", 0},
        {"application/*;q=0, */*", 1},
        {"application/json;q=0, */*;q=0.1", 1},
    };
    CHECK_FEED(cases);
}

Test(accept, a_wildcard_does_not_ask_for_what_must_be_named)
{
    static const struct choice cases[] = {
        {"text/*, text/event-stream;q=0", ACCEPT_NONE},
        {"text/*, text/event-stream;q=0, text/plain;q=0.1", 2},
        {"*/*;q=0.5, text/plain", 2},
    };
    CHECK_FEED(cases);
}

Test(accept, a_client_may_accept_none_of_the_offers)
{
    static const struct choice cases[] = {
        {"text/html", ACCEPT_NONE},
        {"*/*;q=0", ACCEPT_NONE},
        {"application/json;q=0", ACCEPT_NONE},
        {"text/event-stream;q=2", ACCEPT_NONE},
        {"image/*", ACCEPT_NONE},
        {"*", ACCEPT_NONE},
        {"tex/*", ACCEPT_NONE},
        {"text*", ACCEPT_NONE},
        {"text/event-stream-2", ACCEPT_NONE},
        {"text/e*", ACCEPT_NONE},
        {"text/e", ACCEPT_NONE},
        {"text/", ACCEPT_NONE},
        {"text/*x", ACCEPT_NONE},
    };
    CHECK_FEED(cases);
}
