/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/program/dotenv.h"
#include "tests/support/temp_dir.h"

static struct temp_dir dir;
static struct dotenv env;
static char reason[200];

static void setup(void)
{
    temp_dir_create(&dir);
}

static void teardown(void)
{
    dotenv_finish(&env);
    temp_dir_remove(&dir);
}

TestSuite(dotenv, .init = setup, .fini = teardown);

static enum status read_file(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/.env", dir.path);
    return dotenv_read(path, &env, reason, sizeof reason);
}

static enum status read_text(const char *text)
{
    dotenv_finish(&env);
    temp_dir_write(&dir, ".env", text);
    return read_file();
}

static void check_entry(const char *name, const char *expected)
{
    const struct dotenv_entry *entry = dotenv_find(&env, name);
    cr_assert_not_null(entry, "%s", name);
    cr_assert_null(entry->wrong, "%s: %s", name, entry->wrong);
    cr_assert_str_eq(entry->value, expected, "%s is \"%s\"", name, entry->value);
}

static void check_value(const char *text, const char *expected)
{
    cr_assert_eq(read_text(text), STATUS_OK, "%s is refused: %s", text, reason);
    cr_assert_not_null(dotenv_find(&env, "A"), "%s", text);
    check_entry("A", expected);
}

/* The file is good, the entry A of `line` is not; an entry Z behind it is. */
static void check_wrong(const char *text, int line, const char *why)
{
    cr_assert_eq(read_text(text), STATUS_OK, "%s is refused: %s", text, reason);
    const struct dotenv_entry *entry = dotenv_find(&env, "A");
    cr_assert_not_null(entry, "%s", text);
    cr_assert_not_null(entry->wrong, "%s is \"%s\"", text, entry->value);
    cr_assert_not_null(strstr(entry->wrong, why), "%s: %s", text, entry->wrong);
    cr_assert_eq(entry->line, line, "%s: line %d", text, entry->line);
    check_entry("Z", "9");
}

Test(dotenv, no_file_is_no_error)
{
    cr_assert_eq(read_file(), STATUS_NOT_FOUND);
    cr_assert_eq(env.count, 0);
    cr_assert_null(dotenv_find(&env, "A"));
}

Test(dotenv, an_empty_file_has_nothing)
{
    cr_assert_eq(read_text(""), STATUS_OK);
    cr_assert_eq(env.count, 0);
}

Test(dotenv, each_line_is_an_entry)
{
    cr_assert_eq(read_text("A=1\nB_2=two\n_C=\n"), STATUS_OK);
    cr_assert_eq(env.count, 3);
    check_entry("A", "1");
    check_entry("B_2", "two");
    check_entry("_C", "");
    cr_assert_null(dotenv_find(&env, "B"));
    cr_assert_null(dotenv_find(&env, "a"));
}

Test(dotenv, blank_lines_and_comments_are_skipped)
{
    cr_assert_eq(read_text("\n  \t\n# A=1\n  # B=2\nC=3\n\n"), STATUS_OK);
    cr_assert_eq(env.count, 1);
    check_entry("C", "3");
}

Test(dotenv, the_last_line_needs_no_newline)
{
    check_value("B=2\nA=1", "1");
}

Test(dotenv, lines_may_end_as_on_windows)
{
    check_value("A=1\r\nB=2\r\n", "1");
    check_value("A=\"1\"\r\n\r\n", "1");
}

Test(dotenv, blanks_around_name_and_value_are_cut)
{
    check_value("  A = some words \t\n", "some words");
}

Test(dotenv, export_is_skipped)
{
    check_value("export A=1\n", "1");
    check_value("  export   A=1\n", "1");
    cr_assert_eq(read_text("exported=1\n"), STATUS_OK);
    check_entry("exported", "1");
}

Test(dotenv, a_value_may_hold_equals_signs)
{
    check_value("A=mysql://u:p@h/d?x=y\n", "mysql://u:p@h/d?x=y");
    check_value("A==\n", "=");
}

/* What docker compose makes of each of these lines. */
Test(dotenv, a_comment_starts_at_a_space_and_a_hash)
{
    check_value("A=1 # one\n", "1");
    check_value("A=1\t#one\n", "1\t#one");
    check_value("A=#1\n", "#1");
    check_value("A=1#2\n", "1#2");
    check_wrong("A= # none\nZ=9\n", 1, "a line of its own");
    check_wrong("A=# none\nZ=9\n", 1, "a line of its own");
}

Test(dotenv, quotes_keep_what_is_inside)
{
    check_value("A=\" 1 # 2 \"\n", " 1 # 2 ");
    check_value("A='it is \"so\"'\n", "it is \"so\"");
    check_value("A=\"it's\"\n", "it's");
    check_value("A=\"\"\n", "");
    check_value("A='' # none\n", "");
    check_value("A=a\"b\"\n", "a\"b\"");
}

Test(dotenv, a_backslash_in_double_quotes_is_as_in_a_shell)
{
    check_value("A=\"a\\\"b\"\n", "a\"b");
    check_value("A=\"a\\nb\\tc\\rd\"\n", "a\nb\tc\rd");
    check_value("A=\"a\\\\nb\"\n", "a\\nb");
    check_value("A=\"a\\\\\"\n", "a\\");
    check_value("A=\"a\\xb\\ c\"\n", "a\\xb\\ c");
    check_value("B=1\nA=\"a\\$B\\${B}\"\n", "a$B${B}");
}

Test(dotenv, in_single_quotes_only_a_quote_is_escaped)
{
    check_value("B=1\nA='$B ${B} $$ \\n \\\\'\n", "$B ${B} $$ \\n \\\\");
    check_value("A='Let\\'s go!'\n", "Let's go!");
}

Test(dotenv, without_quotes_a_backslash_is_a_backslash)
{
    check_value("A=a\\nb\n", "a\\nb");
}

Test(dotenv, a_quoted_value_may_have_several_lines)
{
    check_value("A=\"one\ntwo\n# three\"\nB=2\n", "one\ntwo\n# three");
    check_entry("B", "2");
    check_value("A='one\r\nX=1'\nB=2\n", "one\r\nX=1");
    cr_assert_null(dotenv_find(&env, "X"));
    check_entry("B", "2");
}

Test(dotenv, names_of_variables_become_their_values)
{
    check_value("B=1\nA=$B\n", "1");
    check_value("B=1\nA=x${B}y$B.z\n", "x1y1.z");
    check_value("B=1\nA=\"x${B}y\"\n", "x1y");
    check_value("B=1\nA=${B:-2}${C:-3}${C-4}${C:-}\n", "134");
    check_value("B=\nA=${B:-2}${B-3}\n", "2");
    check_value("B=1\nA=${B:+2}${B+3}${C:+4}${C+5}\n", "23");
    check_value("B=1\nA=${C:-x${D:-${B}}y}z\n", "x1yz");
    check_value("B=1\nA=${B:?why}\n", "1");
    check_value("B='$C'\nC=2\nA=$B\n", "$C");
}

Test(dotenv, the_environment_has_its_variables_too)
{
    cr_assert_eq(setenv("ORDERS_DOTENV_B", "env", 1), 0);
    check_value("ORDERS_DOTENV_B=1\nA=${ORDERS_DOTENV_B}\n", "env");
}

Test(dotenv, a_dollar_sign_is_written_twice_where_a_name_or_a_brace_follows)
{
    check_value("B=1\nA=a$$B\n", "a$B");
    check_value("B=1\nA=\"a$${B}\"\n", "a${B}");
    check_value("A=$\n", "$");
    check_value("A=a$ b$1c$-\n", "a$ b$1c$-");
}

Test(dotenv, a_variable_that_is_not_set_is_wrong)
{
    check_wrong("A=pa$word\nZ=9\n", 1, "write $$");
    check_wrong("\nA=\"${word}\"\nZ=9\n", 2, "write $$");
    check_wrong("A=${word:?}\nZ=9\n", 1, "write $$");
    check_wrong("B=\nA=${B:?}\nZ=9\n", 2, "write $$");
    check_wrong("A=$B\nB=1\nZ=9\n", 1, "write $$");
    check_wrong("B=$word\nA=$B\nZ=9\n", 2, "write $$");
    check_wrong("A=${\nZ=9\n", 1, "its } is missing");
    check_wrong("A=${}\nZ=9\n", 1, "is no name");
    check_wrong("A=${B/x/y}\nZ=9\n", 1, "is no name");
    check_wrong("A=${1}\nZ=9\n", 1, "is no name");
    check_wrong("A=${B:-${B:-${B:-${B:-${B:-${B:-${B:-${B:-${B:-${B:-1}}}}}}}}}}\nZ=9\n", 1, "$$");
}

Test(dotenv, values_do_not_grow_without_end)
{
    char text[64 * 32] = "B0=0123456789abcdef0123456789abcdef\n";
    for (int i = 1; i < 40; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "B%d=$B%d$B%d\n", i, i - 1,
                 i - 1);
    }
    strcat(text, "A=$B39\nZ=9\n");
    check_wrong(text, 41, "longer than 1 MiB");
}

Test(dotenv, of_two_entries_the_last_counts)
{
    check_value("A=1\nA=2\n", "2");
}

Test(dotenv, a_value_that_cannot_be_read_is_wrong_for_itself_only)
{
    check_wrong("A=\"1\nZ=9\n", 1, "quote is missing");
    check_wrong("B=2\n\n# x\nA='1\"\nZ=9\n", 4, "quote is missing");
    check_wrong("A='1\\'\nZ=9\n", 1, "quote is missing");
    check_wrong("A='1' x\nZ=9\n", 1, "after the closing quote");
    check_wrong("A=\"1\"x\nZ=9\n", 1, "after the closing quote");
}

Test(dotenv, what_is_no_entry_is_passed_over)
{
    static const char *const lines[] = {
        "nonsense", "this is not a setting", "=1", "A B=1", "export =1", "\"A\"=1", "B", "export B",
        "$(x)=1",   "-----BEGIN KEY-----",   ":",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[100];
        snprintf(text, sizeof text, "Y=8\n%s\nZ=9\n", lines[i]);
        cr_assert_eq(read_text(text), STATUS_OK, "%s: %s", text, reason);
        check_entry("Y", "8");
        check_entry("Z", "9");
    }
}

/* Or a start on another database than the one that is named there. */
Test(dotenv, a_line_that_begins_with_a_name_is_wrong_for_that_name)
{
    check_wrong("A mysql://host/orders\nZ=9\n", 1, "not NAME=value");
    check_wrong("Y=8\nset A=1\nZ=9\n", 2, "not NAME=value");
    check_wrong("\"A\"=\"1\"\nZ=9\n", 1, "not NAME=value");
    check_wrong("A 1=1\nZ=9\n", 1, "not NAME=value");
    cr_assert_eq(read_text("A\nB=1\n"), STATUS_OK);
    cr_assert_null(dotenv_find(&env, "A"), "it is left to the environment");
}

Test(dotenv, a_quote_that_is_not_closed_swallows_no_entries)
{
    cr_assert_eq(read_text("A=\"hello\nB=\"mysql://host/orders\"\nZ=9\n"), STATUS_OK);
    check_entry("B", "mysql://host/orders");
    check_entry("Z", "9");
}

Test(dotenv, names_of_other_programs_are_names)
{
    cr_assert_eq(read_text("MY-VAR=1\na.b=2\nc[0]=3\n\xc3\xa9=4\nYAML: 5\nA=6"), STATUS_OK);
    cr_assert_eq(env.count, 6);
    check_entry("MY-VAR", "1");
    check_entry("YAML", "5");
    check_entry("A", "6");
}

Test(dotenv, a_byte_order_mark_and_blanks_around_names_do_not_count)
{
    check_value("\xef\xbb\xbf"
                "A=1\n",
                "1");
    check_value("\xc2\xa0"
                "A\xc2\xa0=1\n",
                "1");
}

Test(dotenv, the_reason_fits_where_it_goes)
{
    char path[128];
    char small[8];
    memset(small, 'x', sizeof small);
    snprintf(path, sizeof path, "%s/.env", dir.path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(dotenv_read(path, &env, small, sizeof small), STATUS_INVALID);
    cr_assert_eq(strlen(small), sizeof small - 1);
}

static char *repeat(const char *line, size_t times)
{
    size_t len = strlen(line);
    char *text = malloc(len * times + 1);
    cr_assert_not_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + len * i, line, len);
    }
    text[len * times] = '\0';
    return text;
}

Test(dotenv, there_may_be_any_number_of_entries)
{
    char *text = repeat("B=1\n", 10000);
    memcpy(text + strlen(text) - 4, "A=2", 3);
    check_value(text, "2");
    cr_assert_eq(env.count, 10000);
    free(text);
}

Test(dotenv, the_file_is_1_mib_at_most)
{
    char *text = repeat("#23456789012345\n", DOTENV_SIZE_MAX / 16);
    cr_assert_eq(read_text(text), STATUS_OK);
    free(text);
    text = repeat("#2345678901234\n\n", DOTENV_SIZE_MAX / 16 + 1);
    cr_assert_eq(read_text(text), STATUS_INVALID);
    cr_assert_not_null(strstr(reason, "1 MiB"), "%s", reason);
    free(text);
}

Test(dotenv, a_nul_is_refused)
{
    char path[128];
    snprintf(path, sizeof path, "%s/.env", dir.path);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite("A=1\0B=2\n", 1, 8, file), 8);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(read_file(), STATUS_INVALID);
    cr_assert_not_null(strstr(reason, "not text"), "%s", reason);
}

Test(dotenv, utf_16_is_named)
{
    cr_assert_eq(read_text("\xff\xfe"
                           "A"),
                 STATUS_INVALID);
    cr_assert_not_null(strstr(reason, "save it as UTF-8"), "%s", reason);
}

Test(dotenv, what_is_there_but_cannot_be_read_is_an_error)
{
    char path[128];
    snprintf(path, sizeof path, "%s/.env", dir.path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(read_file(), STATUS_INVALID);
    cr_assert_not_null(strstr(reason, path), "%s", reason);
}
