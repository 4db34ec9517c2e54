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

static void check_value(const char *text, const char *expected)
{
    cr_assert_eq(read_text(text), STATUS_OK, "%s is refused: %s", text, reason);
    const char *value = dotenv_get(&env, "A");
    cr_assert_not_null(value, "%s", text);
    cr_assert_str_eq(value, expected, "%s gives \"%s\"", text, value);
}

static void check_refused(const char *text, const char *line, const char *why)
{
    cr_assert_eq(read_text(text), STATUS_INVALID, "%s", text);
    cr_assert_not_null(strstr(reason, dir.path), "%s", reason);
    cr_assert_not_null(strstr(reason, line), "%s", reason);
    cr_assert_not_null(strstr(reason, why), "%s", reason);
}

Test(dotenv, no_file_is_no_error)
{
    cr_assert_eq(read_file(), STATUS_NOT_FOUND);
    cr_assert_eq(env.count, 0);
    cr_assert_null(dotenv_get(&env, "A"));
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
    cr_assert_str_eq(dotenv_get(&env, "A"), "1");
    cr_assert_str_eq(dotenv_get(&env, "B_2"), "two");
    cr_assert_str_eq(dotenv_get(&env, "_C"), "");
    cr_assert_null(dotenv_get(&env, "B"));
    cr_assert_null(dotenv_get(&env, "a"));
}

Test(dotenv, blank_lines_and_comments_are_skipped)
{
    cr_assert_eq(read_text("\n  \t\n# A=1\n  # B=2\nC=3\n\n"), STATUS_OK);
    cr_assert_eq(env.count, 1);
    cr_assert_str_eq(dotenv_get(&env, "C"), "3");
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
    cr_assert_str_eq(dotenv_get(&env, "exported"), "1");
}

Test(dotenv, a_value_may_hold_equals_signs)
{
    check_value("A=mysql://u:p@h/d?x=y\n", "mysql://u:p@h/d?x=y");
    check_value("A==\n", "=");
}

Test(dotenv, a_comment_starts_at_a_blank_and_a_hash)
{
    check_value("A=1 # one\n", "1");
    check_value("A=1\t#one\n", "1");
    check_value("A=# all of it\n", "");
    check_value("A=1#2\n", "1#2");
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

Test(dotenv, nothing_is_substituted)
{
    check_value("B=1\nA=\"${B} $B \\n `x`\"\n", "${B} $B \\n `x`");
}

Test(dotenv, of_two_entries_the_last_counts)
{
    check_value("A=1\nA=2\n", "2");
}

Test(dotenv, a_wrong_line_is_refused_by_its_number)
{
    check_refused("A=1\n\n# x\nnonsense\n", "line 4", "no '='");
    check_refused("A=\"1\n", "line 1", "quote");
    check_refused("B=2\nA='1\"\n", "line 2", "quote");
    check_refused("A='1' x\n", "line 1", "after the closing quote");
    check_refused("A=\"1\"x\n", "line 1", "after the closing quote");
}

Test(dotenv, a_name_is_letters_digits_and_underscores)
{
    static const char *const lines[] = {"=1\n",    "1A=1\n",       "A-B=1\n",     "A B=1\n",
                                        "A.B=1\n", "\xc3\xa9=1\n", "export =1\n", "\"A\"=1\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        check_refused(lines[i], "line 1", "name");
    }
}

Test(dotenv, the_reason_fits_where_it_goes)
{
    temp_dir_write(&dir, ".env", "nonsense\n");
    char path[128];
    char small[8];
    memset(small, 'x', sizeof small);
    snprintf(path, sizeof path, "%s/.env", dir.path);
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

Test(dotenv, there_are_128_entries_at_most)
{
    char *text = repeat("A=1\n", DOTENV_ENTRIES_MAX);
    cr_assert_eq(read_text(text), STATUS_OK);
    cr_assert_eq(env.count, DOTENV_ENTRIES_MAX);
    free(text);
    text = repeat("A=1\n", DOTENV_ENTRIES_MAX + 1);
    check_refused(text, "line 129", "more than 128");
    free(text);
}

Test(dotenv, the_file_is_64_kib_at_most)
{
    char *text = repeat("#23456789012345\n", DOTENV_SIZE_MAX / 16);
    cr_assert_eq(read_text(text), STATUS_OK);
    free(text);
    text = repeat("#2345678901234\n\n", DOTENV_SIZE_MAX / 16 + 1);
    check_refused(text, ".env", "64 KiB");
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

Test(dotenv, what_is_there_but_cannot_be_read_is_an_error)
{
    char path[128];
    snprintf(path, sizeof path, "%s/.env", dir.path);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(read_file(), STATUS_INVALID);
    cr_assert_not_null(strstr(reason, path), "%s", reason);
}
