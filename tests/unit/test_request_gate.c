/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "api-service/admission/request_gate.h"

static struct http_head head;

/* With lengths of their own, so that bytes behind a NUL are seen. */
static void add_bytes(const char *name, size_t name_len, const char *value, size_t value_len)
{
    cr_assert_lt(head.header_count, HTTP_HEADERS_MAX);
    head.headers[head.header_count++] = (struct http_header){.name = name,
                                                             .name_len = name_len,
                                                             .value = value,
                                                             .value_len = value_len};
}

static void add(const char *name, const char *value)
{
    add_bytes(name, strlen(name), value, strlen(value));
}

static void begin(const char *method, const char *target, const char *version)
{
    head = (struct http_head){.method = method, .target = target, .version = version};
}

/* A request that may pass, for one thing to be spoilt. */
static void begin_clean(void)
{
    begin("POST", "/order", "HTTP/1.1");
    add("Host", "localhost");
}

static void check_passes(const char *what)
{
    const char *wrong = request_gate_check(&head);
    cr_assert_null(wrong, "%s is refused: %s", what, wrong);
}

static void check_refused(const char *what, const char *word)
{
    const char *wrong = request_gate_check(&head);
    cr_assert_not_null(wrong, "%s passes", what);
    cr_assert_not_null(strstr(wrong, word), "%s: \"%s\" does not speak of %s", what, wrong, word);
}

Test(request_gate, a_clean_request_passes)
{
    begin_clean();
    add("Content-Type", "application/json");
    add("content-length", "65536");
    add("Authorization", "Basic dXNlcjpwYXNz");
    add("X-Empty", "");
    add("X-Tab", "a\tb");
    add("X-Word", "caf\xc3\xa9");
    add("Accept", "text/plain");
    add("Accept", "application/json");
    check_passes("a clean POST");
}

Test(request_gate, every_usual_method_and_target_passes)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "M-SEARCH"};
    static const char *const targets[] = {"/", "/order/ORD1?x=~%20", "//", "/!$&'()*+,;=:@"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        begin_clean();
        head.method = methods[i];
        check_passes(methods[i]);
    }
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        begin_clean();
        head.target = targets[i];
        check_passes(targets[i]);
    }
}

Test(request_gate, http_1_0_needs_no_host)
{
    begin("GET", "/livez", "HTTP/1.0");
    check_passes("HTTP/1.0 without Host");
}

Test(request_gate, http_1_1_needs_a_host)
{
    begin("GET", "/livez", "HTTP/1.1");
    check_refused("HTTP/1.1 without Host", "Host");
}

Test(request_gate, other_versions_are_refused)
{
    static const char *const versions[] = {"HTTP/1.2", "HTTP/2.0",  "HTTP/0.9",
                                           "http/1.1", "HTTP/1.10", ""};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        begin_clean();
        head.version = versions[i];
        check_refused(versions[i], "version");
    }
}

Test(request_gate, a_method_that_is_not_in_capital_letters_is_refused)
{
    static const char *const methods[] = {"get", "Get", "GE T", "GET1", "G\x7fT", "G\xc3\x89T"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        begin_clean();
        head.method = methods[i];
        check_refused(methods[i], "method");
    }
}

Test(request_gate, a_target_that_is_no_path_is_refused)
{
    static const char *const targets[] = {"", "*", "order", "http://localhost/order",
                                          "localhost:80"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        begin_clean();
        head.target = targets[i];
        check_refused(targets[i], "path");
    }
}

Test(request_gate, a_target_with_bytes_that_are_not_printable_ascii_is_refused)
{
    static const char *const targets[] = {"/a b",    "/a\tb",        "/a\rb",
                                          "/a\177b", "/caf\xc3\xa9", "/\xff"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        begin_clean();
        head.target = targets[i];
        check_refused(targets[i], "printable");
    }
}

Test(request_gate, too_many_fields_are_refused)
{
    begin_clean();
    while (head.header_count < HTTP_HEADERS_MAX) {
        add("X-Filler", "1");
    }
    check_passes("64 fields");
    head.too_many_headers = true;
    check_refused("more than 64 fields", "64");
}

static char filler[HTTP_HEAD_BYTES_MAX + 1];

static void fill(size_t len, char byte)
{
    memset(filler, byte, len);
    filler[len] = '\0';
}

Test(request_gate, a_head_that_leaves_no_room_for_the_answer_is_refused)
{
    begin_clean();
    fill(8 * 1024, 'x');
    add("X-Filler", filler);
    check_passes("8 KiB");
    fill(HTTP_HEAD_BYTES_MAX - 100, 'x');
    begin_clean();
    add("X-Filler", filler);
    check_refused("14 KiB", "too large");
}

Test(request_gate, cookies_count_as_the_memory_that_they_take)
{
    begin_clean();
    fill(7 * 1024, 'x');
    add("Cookie", filler);
    check_refused("7 KiB twice", "too large");
    begin_clean();
    fill(220, ';');
    add("cookie", filler);
    check_refused("220 cookies", "too large");
    begin_clean();
    fill(220, '&');
    filler[0] = '/';
    head.target = filler;
    check_passes("220 parameters: they are read elsewhere");
}

Test(request_gate, a_field_name_that_is_no_token_is_refused)
{
    static const char *const names[] = {
        "",    "Content-Length ", " Host",     "X Y", "X(Y)",  "X\tY",
        "X/Y", "X\x7fY",          "X\xc3\xa9", "X@Y", "X\"Y\""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin_clean();
        add(names[i], "1");
        check_refused(names[i], "name");
    }
}

Test(request_gate, every_character_of_a_token_passes_in_a_name)
{
    begin_clean();
    add("!#$%&'*+-.^_`|~09azAZ", "1");
    check_passes("a token of all kinds of characters");
}

Test(request_gate, a_nul_in_a_name_is_refused)
{
    begin_clean();
    add_bytes("X\0Y", 3, "1", 1);
    check_refused("a NUL in a name", "name");
}

Test(request_gate, a_field_value_with_control_characters_or_bad_utf8_is_refused)
{
    static const char *const values[] = {"a\rb",    "a\nb",    "\x1b[31m", "a\x7f",
                                         "\x01",    "a\xff",   "\xc0\x80", "\xed\xa0\x80",
                                         "caf\xe9", "\xc2\x85"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        begin_clean();
        add("X-Value", values[i]);
        check_refused("a value", "value");
    }
}

Test(request_gate, a_nul_in_a_value_is_refused)
{
    begin_clean();
    add_bytes("X-Value", 7, "a\0b", 3);
    check_refused("a NUL in a value", "value");
    begin_clean();
    add_bytes("Content-Length", 14, "5\0", 2);
    check_refused("a NUL at a value's end", "value");
}

Test(request_gate, fields_that_may_come_once_are_refused_twice)
{
    static const struct {
        const char *name;
        const char *again;
        const char *value;
    } fields[] = {{"Host", "host", "localhost"},
                  {"Content-Length", "CONTENT-LENGTH", "5"},
                  {"Transfer-Encoding", "transfer-encoding", "chunked"},
                  {"Content-Type", "Content-Type", "application/json"},
                  {"Authorization", "authorization", "Basic eDp5"},
                  {"Content-Encoding", "Content-Encoding", "identity"},
                  {"Idempotency-Key", "idempotency-key", "k"}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        begin("POST", "/order", "HTTP/1.1");
        if (i > 0) {
            add("Host", "localhost");
        }
        add(fields[i].name, fields[i].value);
        check_passes(fields[i].name);
        add(fields[i].again, fields[i].value);
        check_refused(fields[i].name, "twice");
    }
}

Test(request_gate, two_ways_to_end_the_body_are_refused)
{
    begin_clean();
    add("Content-Length", "5");
    add("Transfer-Encoding", "chunked");
    check_refused("Content-Length and Transfer-Encoding", "exclude");
}

Test(request_gate, a_head_with_more_in_it_than_its_parts_is_refused)
{
    begin_clean();
    head.has_more_in_it = true;
    check_refused("a NUL or a folded line", "CR LF");
}

Test(request_gate, a_host_is_a_name_or_an_address)
{
    static const char *const good[] = {"a",          "a.example:80", "127.0.0.1:8000", "[::1]",
                                       "[::1]:8000", "a_b",          "a%20b",          "",
                                       "a:",         "a \t"};
    static const char *const bad[] = {"a b", "a@b",   "a@b/c",  "a/b",  "a?b",
                                      "a#b", "[::1",  "::1",    "a:b",  "a:80:80",
                                      "[]x", "\"a\"", "[::1]b", "a\tb", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        begin("GET", "/livez", "HTTP/1.1");
        add("Host", good[i]);
        check_passes(good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin("GET", "/livez", "HTTP/1.1");
        add("Host", bad[i]);
        check_refused(bad[i], "Host");
    }
}

Test(request_gate, a_content_length_is_decimal_digits)
{
    static const char *const values[] = {"",
                                         "-5",
                                         "+5",
                                         "5 ",
                                         "0x10",
                                         "5,5",
                                         "5, 5",
                                         "1e3",
                                         "5.0",
                                         "1000000000000000000",
                                         "18446744073709551621"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        begin_clean();
        add("Content-Length", values[i]);
        check_refused(values[i], "Content-Length");
    }
    static const char *const good[] = {"0", "00", "5", "999999999999999999"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        begin_clean();
        add("Content-Length", good[i]);
        check_passes(good[i]);
    }
}

Test(request_gate, the_only_transfer_encoding_is_chunked)
{
    static const char *const values[] = {
        "",         "gzip",    "identity", "chunked, chunked", "gzip, chunked", "chunked;x=1",
        "xchunked", "chunked "};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        begin_clean();
        add("Transfer-Encoding", values[i]);
        check_refused(values[i], "Transfer-Encoding");
    }
    begin_clean();
    add("Transfer-Encoding", "Chunked");
    check_passes("Chunked");
}

Test(request_gate, chunks_are_refused_in_http_1_0)
{
    begin("POST", "/order", "HTTP/1.0");
    add("Transfer-Encoding", "chunked");
    check_refused("chunks in HTTP/1.0", "Transfer-Encoding");
}
