/* SPDX-License-Identifier: MIT */
/* Texts that hold a URL with something around it, or something else than a URL. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/url_checks.h"

static const struct {
    const char *before;
    const char *after;
    const char *reason;
} cases[] = {
    {" ", "", "begins or ends with a blank or a line end"},
    {"", " ", "begins or ends with a blank or a line end"},
    {"", "\n", "begins or ends with a blank or a line end"},
    {"", "\r\n", "begins or ends with a blank or a line end"},
    {"\t", "", "begins or ends with a blank or a line end"},
    {"'", "'", "begins or ends with a quote"},
    {"\"", "\"", "begins or ends with a quote"},
    {"\"", "", "begins or ends with a quote"},
    {"", "'", "begins or ends with a quote"},
    {"`", "`", "begins or ends with a quote"},
    {"<", ">", "begins or ends with a quote"},
    {"\xe2\x80\x9c", "\xe2\x80\x9d", "begins or ends with a quote"},
    {"psql '", "'", "a word, such as a command, stands in front of the URL"},
    {"psql \"", "\"", "a word, such as a command, stands in front of the URL"},
    {"psql ", "", "a word, such as a command, stands in front of the URL"},
    {"redis-cli --tls -u ", "", "a word, such as a command, stands in front of the URL"},
    {"export URL=", "", "a word, such as a command, stands in front of the URL"},
    {"DATABASE_URL=", "", "a name and = stand in front of the URL"},
    {"jdbc:", "", "leave jdbc: out"},
};

Test(pasted_url, what_stands_around_a_url_is_named)
{
    char text[200];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "%spostgresql://u:hunter2@h/d%s", cases[i].before,
                       cases[i].after);
        refuse_database(text, cases[i].reason);
        (void)snprintf(text, sizeof text, "%sredis://u:hunter2@h/1%s", cases[i].before,
                       cases[i].after);
        refuse_redis(text, cases[i].reason);
    }
}

Test(pasted_url, a_line_end_inside_is_named)
{
    refuse_database("mysql://u:hunter2@h/d\n?ssl=verify", "there is a line end in it");
}

Test(pasted_url, a_list_of_settings_is_no_url)
{
    refuse_database("host=h dbname=d user=u password=hunter2", "a list of settings and not a URL");
    refuse_database("Server=h;Database=d;Uid=u;Pwd=hunter2;", "a list of settings and not a URL");
    refuse_redis("h:6379,password=hunter2", "a list of settings and not a URL");
}

Test(pasted_url, a_placeholder_is_not_a_password)
{
    static const char *const texts[] = {
        "postgresql://postgres:[YOUR-PASSWORD]@h:5432/postgres",
        "postgresql://postgres:<password>@h/postgres",
        "postgresql://postgres:{password}@h/postgres",
        "postgresql://postgres:${PASSWORD}@h/postgres",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        refuse_database(texts[i], "a word in brackets stands where the password belongs");
    }
}
