/* SPDX-License-Identifier: MIT */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/thread.h"

enum { CAPTURE_MAX = 4 * 1024 * 1024 };

static int saved_stderr;
static FILE *capture;
static char *captured;

/* Standard error goes to a file until stop_capture. */
static void start_capture(void)
{
    capture = tmpfile();
    cr_assert_not_null(capture);
    saved_stderr = dup(STDERR_FILENO);
    cr_assert_geq(dup2(fileno(capture), STDERR_FILENO), 0);
}

static const char *stop_capture(void)
{
    cr_assert_geq(dup2(saved_stderr, STDERR_FILENO), 0);
    close(saved_stderr);
    free(captured);
    captured = calloc(1, CAPTURE_MAX + 1);
    cr_assert_not_null(captured);
    rewind(capture);
    size_t len = fread(captured, 1, CAPTURE_MAX, capture);
    cr_assert_lt(len, CAPTURE_MAX);
    fclose(capture);
    return captured;
}

static void finish(void)
{
    free(captured);
    captured = NULL;
}

TestSuite(log, .fini = finish, .timeout = 30);

/* What follows the time, which is checked and skipped. */
static const char *behind_time(const char *line)
{
    static const char shape[] = "time=dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool fits =
            shape[i] == 'd' && i > 4 ? line[i] >= '0' && line[i] <= '9' : line[i] == shape[i];
        cr_assert(fits, "the time in %s", line);
    }
    return line + sizeof shape - 1;
}

Test(log, the_time_is_now_in_utc_to_the_millisecond)
{
    struct tm parts = {0};
    int ms = -1;
    start_capture();
    int64_t before_ms = clock_wall_us() / 1000;
    log_info("m", log_int("v", 1));
    int64_t after_ms = clock_wall_us() / 1000;
    const char *line = stop_capture();
    const char *rest = strptime(line, "time=%Y-%m-%dT%H:%M:%S", &parts);
    cr_assert_not_null(rest, "%s", line);
    cr_assert_eq(sscanf(rest, ".%3dZ", &ms), 1, "%s", line);
    int64_t at_ms = (int64_t)timegm(&parts) * 1000 + ms;
    cr_assert(at_ms >= before_ms && at_ms <= after_ms, "%s", line);
}

static void check_value(const char *value, const char *expected)
{
    char line[256];
    start_capture();
    log_info("m", log_str("v", value));
    const char *text = stop_capture();
    snprintf(line, sizeof line, "level=info msg=m v=%s\n", expected);
    cr_assert_str_eq(behind_time(text), line);
}

Test(log, a_line_has_time_level_message_and_fields)
{
    start_capture();
    log_info("ready", log_int("port", 8000), log_str("host", "127.0.0.1"));
    const char *text = stop_capture();
    cr_assert_str_eq(behind_time(text), "level=info msg=ready port=8000 host=127.0.0.1\n");
}

Test(log, values_are_quoted_only_when_they_must_be)
{
    check_value("plain-value:1/2", "plain-value:1/2");
    check_value("two words", "\"two words\"");
    check_value("", "\"\"");
    check_value(NULL, "\"\"");
    check_value("a=b", "\"a=b\"");
    check_value("say \"x\"", "\"say \\\"x\\\"\"");
    check_value("back\\slash", "\"back\\\\slash\"");
    check_value("caf\xc3\xa9", "caf\xc3\xa9");
}

Test(log, nothing_in_a_value_can_start_a_line_of_its_own)
{
    check_value("a\nlevel=error", "\"a\\u000alevel=error\"");
    check_value("\r\t\x1b[2J\x7f", "\"\\u000d\\u0009\\u001b[2J\\u007f\"");
}

Test(log, numbers_have_their_whole_range)
{
    start_capture();
    log_info("m", log_int("a", INT64_MIN), log_int("b", INT64_MAX), log_int("c", 0));
    const char *text = stop_capture();
    cr_assert_str_eq(behind_time(text), "level=info msg=m a=-9223372036854775808 "
                                        "b=9223372036854775807 c=0\n");
}

Test(log, what_is_below_the_level_is_not_written)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int threshold = LOG_LEVEL_DEBUG; threshold <= LOG_LEVEL_ERROR; threshold++) {
        log_init((enum log_level)threshold, LOG_FORMAT_LOGFMT);
        start_capture();
        log_debug("m", log_int("v", 1));
        log_info("m", log_int("v", 1));
        log_warn("m", log_int("v", 1));
        log_error("m", log_int("v", 1));
        const char *text = stop_capture();
        for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
            char wanted[32];
            snprintf(wanted, sizeof wanted, "level=%s ", names[level]);
            cr_assert_eq(strstr(text, wanted) != NULL, level >= threshold, "%s at %s", wanted,
                         names[threshold]);
        }
    }
}

Test(log, json_is_one_object_a_line)
{
    log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    start_capture();
    log_warn("two words", log_str("text", "\"quoted\" \\ \n\x7f caf\xc3\xa9"), log_int("n", -7));
    const char *text = stop_capture();
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
    cJSON *object = cJSON_Parse(text);
    cr_assert_not_null(object, "%s", text);
    cr_assert_eq(cJSON_GetArraySize(object), 5);
    cr_assert_str_eq(cJSON_GetObjectItem(object, "level")->valuestring, "warn");
    cr_assert_str_eq(cJSON_GetObjectItem(object, "msg")->valuestring, "two words");
    cr_assert_str_eq(cJSON_GetObjectItem(object, "text")->valuestring,
                     "\"quoted\" \\ \n\x7f caf\xc3\xa9");
    cr_assert_eq(cJSON_GetObjectItem(object, "n")->valueint, -7);
    cr_assert_eq(strlen(cJSON_GetObjectItem(object, "time")->valuestring), 24);
    cJSON_Delete(object);
}

Test(log, a_line_that_is_too_long_loses_its_tail_not_its_end)
{
    static char value[10000];
    memset(value, 'x', sizeof value - 1);
    start_capture();
    log_info("m", log_str("v", value), log_int("n", 1));
    const char *text = stop_capture();
    size_t len = strlen(text);
    cr_assert_leq(len, 2048);
    cr_assert_gt(len, 1700);
    cr_assert_eq(strchr(text, '\n'), text + len - 1);
    cr_assert_eq(strncmp(behind_time(text), "level=info msg=m v=xxxx", 23), 0);
}

Test(log, a_line_of_escapes_that_is_too_long_stays_one_line)
{
    static char value[10000];
    for (size_t phase = 0; phase < 7; phase++) {
        memset(value, '\n', sizeof value - 1);
        memset(value, 'x', phase);
        start_capture();
        log_info("m", log_str("v", value));
        const char *text = stop_capture();
        cr_assert_leq(strlen(text), 2048);
        cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
    }
}

Test(log, a_json_line_stays_json_whatever_a_library_says)
{
    static char value[10000];
    log_init(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (size_t phase = 0; phase < 7; phase++) {
        memset(value, '"', sizeof value - 1);
        memset(value, '\xff', phase);
        start_capture();
        log_info("m", log_str("v", value), log_int("n", 7));
        cJSON *object = cJSON_Parse(stop_capture());
        cr_assert_not_null(object);
        cr_assert_eq(cJSON_GetObjectItemCaseSensitive(object, "n")->valueint, 7);
        const char *read = cJSON_GetObjectItemCaseSensitive(object, "v")->valuestring;
        cr_assert_eq(strncmp(read, "???????", phase), 0);
        cr_assert_eq(read[phase], '"');
        cJSON_Delete(object);
    }
}

enum { WRITERS = 4, LINES = 500 };

static void *write_lines(void *arg)
{
    const char *letter = arg;
    char value[200];
    memset(value, *letter, sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < LINES; i++) {
        log_info("m", log_str("v", value));
    }
    return NULL;
}

Test(log, lines_of_several_threads_are_never_interleaved)
{
    static char letters[WRITERS][2] = {"a", "b", "c", "d"};
    pthread_t threads[WRITERS];
    int counts[WRITERS] = {0};
    start_capture();
    for (int i = 0; i < WRITERS; i++) {
        threads[i] = thread_start("writer", write_lines, letters[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    const char *text = stop_capture();
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        const char *value = behind_time(line) + strlen("level=info msg=m v=");
        char repeated[2] = {*value, '\0'};
        cr_assert_eq(strspn(value, repeated), 199, "%.300s", line);
        cr_assert_eq(value[199], '\n');
        counts[*value - 'a']++;
    }
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(counts[i], LINES);
    }
}
