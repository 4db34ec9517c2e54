/* SPDX-License-Identifier: MIT */
#include "common/store/mysql/mysql_dialect.h"
#include "common/store/postgres/postgres_dialect.h"
#include "common/store/sql_text.h"
#include "common/store/sqlite/sqlite_dialect.h"

#include <string.h>

#include <signal.h>

#include <criterion/criterion.h>

#include "common/store/store.h"

static struct text text;

static void finish(void)
{
    text_finish(&text);
}

TestSuite(sql_text, .fini = finish);

static void expect_ids(const order_id ids[], size_t count, const char *expected)
{
    text_clear(&text);
    sql_text_add_ids(&text, "id", ids, count);
    cr_assert_str_eq(text_string(&text), expected);
}

#define EXPECT_IDS(expected, ...)                                                                  \
    expect_ids((const order_id[]){__VA_ARGS__},                                                    \
               sizeof((const order_id[]){__VA_ARGS__}) / sizeof(order_id), expected)

Test(sql_text, ids_that_follow_each_other_are_a_range)
{
    EXPECT_IDS("(id BETWEEN 5 AND 8)", 5, 6, 7, 8);
}

Test(sql_text, the_order_of_the_ids_does_not_matter)
{
    EXPECT_IDS("(id BETWEEN 5 AND 8)", 7, 5, 8, 6);
}

Test(sql_text, ids_that_stand_alone_are_a_list)
{
    EXPECT_IDS("(id IN (7))", 7);
    EXPECT_IDS("(id IN (3,5,6,9))", 9, 5, 3, 6);
}

Test(sql_text, ranges_and_a_list)
{
    EXPECT_IDS("(id BETWEEN 1 AND 3 OR id BETWEEN 7 AND 9 OR id IN (5,11))", 1, 2, 3, 5, 7, 8, 9,
               11);
}

Test(sql_text, an_id_that_comes_twice_is_said_twice)
{
    EXPECT_IDS("(id IN (4,4))", 4, 4);
    EXPECT_IDS("(id BETWEEN 2 AND 4 OR id IN (4))", 4, 3, 4, 2);
}

Test(sql_text, the_largest_id_has_nothing_behind_it)
{
    EXPECT_IDS("(id BETWEEN 18446744073709551613 AND 18446744073709551615)", UINT64_MAX,
               UINT64_MAX - 1, UINT64_MAX - 2);
    EXPECT_IDS("(id IN (0,18446744073709551615))", UINT64_MAX, 0);
}

static size_t count_of(const char *word)
{
    size_t count = 0;
    for (const char *at = text_string(&text); (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Threes with gaps between them: each could be a range. */
Test(sql_text, of_many_ranges_the_rest_are_a_list)
{
    static order_id ids[STORE_BATCH_MAX];
    size_t count = STORE_BATCH_MAX / 3 * 3;
    for (size_t i = 0; i < count; i++) {
        ids[i] = 10 * (i / 3) + i % 3;
    }
    sql_text_add_ids(&text, "id", ids, count);
    cr_assert_eq(count_of("BETWEEN"), 32);
    cr_assert_eq(count_of("IN ("), 1);
    cr_assert_eq(count_of(","), count - (size_t)32 * 3 - 1);
}

Test(sql_text, another_column_is_named_each_time)
{
    sql_text_add_ids(&text, "o.id", (const order_id[]){1, 2, 3, 9}, 4);
    cr_assert_str_eq(text_string(&text), "(o.id BETWEEN 1 AND 3 OR o.id IN (9))");
}

static const struct sql_fragment fragments[] = {
    {"now", "NOW()"},
    {"us", "US(#)"},
    {"twice", "#+#"},
    {NULL, NULL},
};

Test(sql_text, a_template_gets_the_fragments_it_names)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"SELECT 1", "SELECT 1"},
        {"{now}", "NOW()"},
        {"SELECT {us:created_at}, {now} FROM t", "SELECT US(created_at), NOW() FROM t"},
        {"{twice:a.b}{twice:?}", "a.b+a.b?+?"},
        {"{us:}", "US()"},
        {"{us}", "US()"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_clear(&text);
        sql_text_add_template(&text, cases[i][0], fragments);
        cr_expect_str_eq(text_string(&text), cases[i][1]);
    }
}

Test(sql_text, a_name_that_is_no_fragments_is_a_fault_of_the_program, .signal = SIGABRT)
{
    sql_text_add_template(&text, "{no}", fragments);
}

/* What is written once must be there for every database. */
Test(sql_text, all_dialects_have_the_same_names_in_the_same_order)
{
    size_t i = 0;
    for (; sqlite_fragments[i].name != NULL; i++) {
        cr_assert_not_null(mysql_fragments[i].name);
        cr_assert_not_null(postgres_fragments[i].name);
        cr_expect_str_eq(mysql_fragments[i].name, sqlite_fragments[i].name);
        cr_expect_str_eq(postgres_fragments[i].name, sqlite_fragments[i].name);
    }
    cr_expect_null(mysql_fragments[i].name);
    cr_expect_null(postgres_fragments[i].name);
}
