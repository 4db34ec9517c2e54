/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "api-service/routes/verify_text.h"

static char *printed; /* what went to a file */
static struct text json_text;

static void finish(void)
{
    free(printed);
    text_finish(&json_text);
}

TestSuite(verify_text, .fini = finish);

static const struct store_verification clean = {
    .counted = {.created = 100, .started = 90, .completed = 80, .duration_us = 200000000},
    .recounted = {.created = 100, .started = 90, .completed = 80, .duration_us = 200000000},
};

/* One order too many, all of it in the counters, and six rows that cannot be. */
static struct store_verification make_bad(void)
{
    struct store_verification bad = clean;
    bad.recounted = (struct order_counts){.created = 99,
                                          .started = 90,
                                          .completed = 81,
                                          .duration_us = 200000001};
    bad.flaws[STORE_FLAW_NO_END] = (struct store_flawed){1, 1, {7}};
    bad.flaws[STORE_FLAW_END_BEFORE_DUE] = (struct store_flawed){6, 5, {11, 12, 13, 14, 15}};
    return bad;
}

static const char *print(void (*run)(FILE *out, const struct store_verification *found),
                         const struct store_verification *found)
{
    size_t len;
    free(printed);
    FILE *out = open_memstream(&printed, &len);
    cr_assert_not_null(out);
    run(out, found);
    fclose(out);
    return printed;
}

static const char *print_json(const struct store_verification *found)
{
    text_clear(&json_text);
    cr_assert(verify_text_print_json(&json_text, found));
    return text_string(&json_text);
}

Test(verify_text, the_table_has_each_figure_of_metrics)
{
    static const char expected[] =
        "                                     counters              recount                drift\n"
        "total_orders                              100                  100                    0\n"
        "average_processing_time                   2.5                  2.5                    0\n"
        "pending_orders                             10                   10                    0\n"
        "processing_orders                          10                   10                    0\n"
        "completed_orders                           80                   80                    0\n"
        "total_processing_time                     200                  200                    0\n"
        "rows in impossible states: 0\n";
    cr_assert_str_eq(print(verify_text_print, &clean), expected);
}

Test(verify_text, the_table_has_the_drift_and_the_impossible_rows)
{
    struct store_verification bad = make_bad();
    print(verify_text_print, &bad);
    cr_expect_not_null(strstr(printed, "total_orders                              100"
                                       "                   99                    1\n"));
    cr_expect_not_null(strstr(printed, "completed_orders                           80"
                                       "                   81                   -1\n"));
    cr_expect_not_null(strstr(printed, "total_processing_time                     200"
                                       "           200.000001            -0.000001\n"));
    cr_expect_not_null(strstr(printed, "\nrows in impossible states: 7\n"
                                       "       1  Completed, but at no time: ORD7\n"
                                       "       6  completed before it was due: "
                                       "ORD11, ORD12, ORD13, ORD14, ORD15, ...\n"));
}

Test(verify_text, a_repair_names_the_figures_it_changes)
{
    struct store_verification bad = make_bad();
    cr_assert_str_eq(print(verify_text_print_repaired, &bad),
                     "total_orders -1, average_processing_time -0.030865, pending_orders -1, "
                     "processing_orders -1, completed_orders +1, total_processing_time +0.000001");
    cr_assert_str_eq(print(verify_text_print_repaired, &clean), "");
}

static double number(const cJSON *json, const char *object, const char *name)
{
    const cJSON *within = object != NULL ? cJSON_GetObjectItemCaseSensitive(json, object) : json;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(within, name);
    cr_assert(cJSON_IsNumber(item), "%s %s", name, text_string(&json_text));
    return item->valuedouble;
}

Test(verify_text, json_has_the_members_of_metrics_and_the_recount)
{
    cr_assert_str_eq(print_json(&clean),
                     "{\"total_orders\":100,\"average_processing_time\":2.5,\"pending_orders\":10,"
                     "\"processing_orders\":10,\"completed_orders\":80,"
                     "\"total_processing_time\":200,"
                     "\"recount\":{"
                     "\"total_orders\":100,\"average_processing_time\":2.5,\"pending_orders\":10,"
                     "\"processing_orders\":10,\"completed_orders\":80,"
                     "\"total_processing_time\":200},"
                     "\"drift\":{"
                     "\"total_orders\":0,\"average_processing_time\":0,\"pending_orders\":0,"
                     "\"processing_orders\":0,\"completed_orders\":0,"
                     "\"total_processing_time\":0},"
                     "\"impossible_rows\":[],\"clean\":true}");
}

Test(verify_text, json_has_the_drift_and_the_impossible_rows)
{
    struct store_verification bad = make_bad();
    cJSON *json = cJSON_Parse(print_json(&bad));
    cr_assert_not_null(json, "%s", text_string(&json_text));
    cr_assert_eq(number(json, NULL, "total_orders"), 100);
    cr_assert_eq(number(json, "recount", "total_orders"), 99);
    cr_assert_eq(number(json, "drift", "total_orders"), 1);
    cr_assert_eq(number(json, "drift", "completed_orders"), -1);
    cr_assert_eq(number(json, "drift", "total_processing_time"), -0.000001);
    cr_assert(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "clean")));
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(json, "impossible_rows");
    cr_assert_eq(cJSON_GetArraySize(rows), 2);
    const cJSON *second = cJSON_GetArrayItem(rows, 1);
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(second, "order_ids");
    cr_assert_eq(number(second, NULL, "rows"), 6);
    cr_assert_eq(cJSON_GetArraySize(ids), 5);
    cr_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(ids, 4)), "ORD15");
    cJSON_Delete(json);
}

Test(verify_text, impossible_rows_alone_are_not_clean)
{
    struct store_verification flawed = clean;
    flawed.flaws[STORE_FLAW_STATUS] = (struct store_flawed){1, 1, {3}};
    const char *json = print_json(&flawed);
    cr_assert_not_null(strstr(json, "\"order_ids\":[\"ORD3\"]}],\"clean\":false}"), "%s", json);
}

Test(verify_text, drift_alone_is_not_clean)
{
    struct store_verification drifted = clean;
    drifted.recounted.duration_us++;
    const char *json = print_json(&drifted);
    cr_assert_not_null(strstr(json, "\"total_processing_time\":-0.000001},"
                                    "\"impossible_rows\":[],\"clean\":false}"),
                       "%s", json);
}

Test(verify_text, json_without_memory_is_not_complete)
{
    json_text.failed = true;
    cr_assert_not(verify_text_print_json(&json_text, &clean));
}
