/* SPDX-License-Identifier: MIT */
#include "common/base/json_check.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/base/utf8.h"

struct key {
    const char *text; /* behind the opening quote */
    uint32_t hash;    /* of the unescaped characters */
};

struct frame {
    bool is_object;
    size_t first_key; /* where this object's keys begin in `keys` */
};

/*
 * Characters compared, in one text, between keys of equal hash. Honest keys hardly ever have one in
 * common unless they are equal, which ends the check; without a limit keys made to collide cost
 * seconds.
 */
enum { COMPARED_MAX = 128 * 1024 };

struct checker {
    const char *at;
    const char *end;
    const char *reason; /* of the failure; `at` is then the byte at fault */
    struct frame stack[JSON_DEPTH_MAX];
    size_t depth;
    struct key keys[JSON_OPEN_KEYS_MAX]; /* of all open objects, the innermost last */
    size_t key_count;
    size_t compared; /* characters, in keys_equal */
    struct json_member *members;
    size_t member_count;
    struct json_span *member; /* where the root's current member goes; NULL: nobody asked for it */
    const char *member_start;
};

static bool fail(struct checker *check, const char *at, const char *reason)
{
    check->at = at;
    check->reason = reason;
    return false;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* True when the next byte is `byte`. The end of the text is no byte, not even NUL. */
static bool next_is(const struct checker *check, char byte)
{
    return check->at < check->end && *check->at == byte;
}

static void skip_space(struct checker *check)
{
    while (check->at < check->end && is_space(*check->at)) {
        check->at++;
    }
}

static enum json_kind kind_of(char first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return first == '-' || is_digit(first) ? JSON_NUMBER : JSON_ABSENT;
    }
}

/* Four hexadecimal digits at `*at`. On failure `*at` is the byte that is none. */
static bool read_hex4(const char **at, const char *end, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, (*at)++) {
        if (*at == end) {
            return false;
        }
        char byte = **at;
        if (is_digit(byte)) {
            *value = *value * 16 + (uint32_t)(byte - '0');
        } else if ((byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F')) {
            *value = *value * 16 + (uint32_t)((byte & ~0x20) - 'A' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* What follows a "\u" at `*at`: one character, for which UTF-16 may need a pair of escapes. */
static const char *read_unicode_escape(const char **at, const char *end, uint32_t *code)
{
    static const char bad_hex[] = "\\u is not followed by four hexadecimal digits";
    static const char lone[] = "an escaped surrogate has no partner";
    const char *escape = *at - 2;
    if (!read_hex4(at, end, code)) {
        return bad_hex;
    }
    if (*code < 0xd800 || *code > 0xdfff) {
        return NULL;
    }
    uint32_t low;
    if (*code > 0xdbff || end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        *at = escape;
        return lone;
    }
    *at += 2;
    if (!read_hex4(at, end, &low)) {
        return bad_hex;
    }
    if (low < 0xdc00 || low > 0xdfff) {
        *at = escape;
        return lone;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return NULL;
}

/*
 * One character of a string that is not its closing quote, unescaped. NULL: fine, `*at` is behind
 * it. Otherwise the reason, and `*at` is the byte at fault.
 */
static const char *read_character(const char **at, const char *end, uint32_t *code)
{
    if (*at == end) {
        return "a string does not end";
    }
    if (**at != '\\') {
        size_t size = utf8_next(*at, (size_t)(end - *at), code);
        if (size == 0) {
            return "the text is not UTF-8";
        }
        if (*code < 0x20) {
            return "a control character in a string is not escaped";
        }
        *at += size;
        return NULL;
    }
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (++*at == end) {
        return "a string does not end";
    }
    if (**at == 'u') {
        ++*at;
        return read_unicode_escape(at, end, code);
    }
    const char *escape = memchr(escapes, **at, sizeof escapes - 1);
    if (escape == NULL) {
        return "a backslash is not followed by one of \"\\/bfnrtu";
    }
    *code = (unsigned char)meanings[escape - escapes];
    ++*at;
    return NULL;
}

/* A character that is one byte and stands for itself, as nearly all do. */
static bool is_plain(char byte)
{
    return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
}

/* From the opening quote, where `at` is, to behind the closing one. */
static bool read_string(struct checker *check, uint32_t *hash)
{
    check->at++;
    *hash = 2166136261U; /* FNV-1a, taken over characters instead of bytes */
    while (!next_is(check, '"')) {
        uint32_t code;
        if (check->at < check->end && is_plain(*check->at)) {
            *hash = (*hash ^ (unsigned char)*check->at++) * 16777619U;
            continue;
        }
        const char *reason = read_character(&check->at, check->end, &code);
        if (reason != NULL) {
            return fail(check, check->at, reason);
        }
        *hash = (*hash ^ code) * 16777619U;
    }
    check->at++;
    return true;
}

/*
 * Both point behind the opening quote of a string that was read without error. Past COMPARED_MAX
 * they count as equal.
 */
static bool keys_equal(struct checker *check, const char *a, const char *b)
{
    const char *end = check->end;
    for (; *a != '"' && *b != '"' && check->compared <= COMPARED_MAX; check->compared++) {
        uint32_t code_a = 0;
        uint32_t code_b = 0;
        (void)read_character(&a, end, &code_a);
        (void)read_character(&b, end, &code_b);
        if (code_a != code_b) {
            return false;
        }
    }
    return *a == *b || check->compared > COMPARED_MAX;
}

static bool key_is_name(const char *key, const char *name, const char *end)
{
    for (; *key != '"'; name++) {
        uint32_t code = 0;
        (void)read_character(&key, end, &code);
        if (*name == '\0' || code != (unsigned char)*name) {
            return false;
        }
    }
    return *name == '\0';
}

/* In front of the value of the root's member `key`: notes where it goes, if it was asked for. */
static void choose_member(struct checker *check, const char *key)
{
    check->member = NULL;
    check->member_start = check->at;
    for (size_t i = 0; i < check->member_count; i++) {
        if (key_is_name(key, check->members[i].name, check->end)) {
            check->member = &check->members[i].span;
        }
    }
}

/* A key of the innermost object and its colon, up to the member's value. */
static bool read_key(struct checker *check)
{
    if (!next_is(check, '"')) {
        return fail(check, check->at, "a key in quotes is missing");
    }
    const char *quote = check->at;
    struct key key = {.text = quote + 1};
    if (!read_string(check, &key.hash)) {
        return false;
    }
    for (size_t i = check->stack[check->depth - 1].first_key; i < check->key_count; i++) {
        if (check->keys[i].hash == key.hash && keys_equal(check, check->keys[i].text, key.text)) {
            return fail(check, quote,
                        check->compared > COMPARED_MAX ? "the keys are too much alike"
                                                       : "a key is there twice");
        }
    }
    if (check->key_count == JSON_OPEN_KEYS_MAX) {
        return fail(check, quote, "there are too many keys");
    }
    check->keys[check->key_count++] = key;
    skip_space(check);
    if (!next_is(check, ':')) {
        return fail(check, check->at, "a colon after a key is missing");
    }
    check->at++;
    skip_space(check);
    if (check->depth == 1) {
        choose_member(check, key.text);
    }
    return true;
}

static bool read_word(struct checker *check, const char *word)
{
    for (; *word != '\0'; word++) {
        if (!next_is(check, *word)) {
            return fail(check, check->at, "a word is not true, false or null");
        }
        check->at++;
    }
    return true;
}

static bool read_digits(struct checker *check)
{
    if (check->at == check->end || !is_digit(*check->at)) {
        return fail(check, check->at, "a digit is missing in a number");
    }
    while (check->at < check->end && is_digit(*check->at)) {
        check->at++;
    }
    return true;
}

static bool read_number(struct checker *check)
{
    if (next_is(check, '-')) {
        check->at++;
    }
    if (next_is(check, '0')) {
        check->at++;
        if (check->at < check->end && is_digit(*check->at)) {
            return fail(check, check->at, "a number starts with a needless zero");
        }
    } else if (!read_digits(check)) {
        return false;
    }
    if (next_is(check, '.')) {
        check->at++;
        if (!read_digits(check)) {
            return false;
        }
    }
    if (next_is(check, 'e') || next_is(check, 'E')) {
        check->at++;
        if (next_is(check, '+') || next_is(check, '-')) {
            check->at++;
        }
        return read_digits(check);
    }
    return true;
}

/*
 * Behind an opening bracket: up to the first element, or out again when there is none.
 * `*complete`: there is none, so the container is a whole value already.
 */
static bool open_container(struct checker *check, bool is_object, bool *complete)
{
    if (check->depth == JSON_DEPTH_MAX) {
        return fail(check, check->at, "the nesting is too deep");
    }
    check->at++;
    skip_space(check);
    if (next_is(check, is_object ? '}' : ']')) {
        check->at++;
        *complete = true;
        return true;
    }
    check->stack[check->depth++] = (struct frame){is_object, check->key_count};
    *complete = false;
    return !is_object || read_key(check);
}

/* A whole value, or of a container that is not empty what stands before its first value. */
static bool read_value(struct checker *check, bool *complete)
{
    uint32_t hash;
    enum json_kind kind = check->at < check->end ? kind_of(*check->at) : JSON_ABSENT;
    *complete = true;
    switch (kind) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return open_container(check, kind == JSON_OBJECT, complete);
    case JSON_STRING:
        return read_string(check, &hash);
    case JSON_NUMBER:
        return read_number(check);
    case JSON_BOOLEAN:
        return read_word(check, *check->at == 't' ? "true" : "false");
    case JSON_NULL:
        return read_word(check, "null");
    case JSON_ABSENT:
        break;
    }
    return fail(check, check->at, "a value is missing");
}

static struct json_span span_of(const char *start, const char *end)
{
    return (struct json_span){kind_of(*start), start, (size_t)(end - start)};
}

/*
 * Behind a whole value: leaves every container that ends here, then goes on to the next value.
 * `*more` becomes false when the root has ended.
 */
static bool finish_value(struct checker *check, bool *more)
{
    while (check->depth > 0) {
        const struct frame *frame = &check->stack[check->depth - 1];
        if (check->depth == 1 && check->member != NULL) {
            *check->member = span_of(check->member_start, check->at);
            check->member = NULL;
        }
        skip_space(check);
        if (next_is(check, ',')) {
            check->at++;
            skip_space(check);
            return !frame->is_object || read_key(check);
        }
        if (!next_is(check, frame->is_object ? '}' : ']')) {
            return fail(check, check->at, "a comma or a closing bracket is missing");
        }
        assert(check->key_count >= frame->first_key);
        check->at++;
        check->key_count = frame->first_key;
        check->depth--;
    }
    *more = false;
    return true;
}

static bool read_text(struct checker *check, struct json_span *root)
{
    skip_space(check);
    const char *start = check->at;
    for (bool more = true; more;) {
        bool complete;
        if (!read_value(check, &complete) || (complete && !finish_value(check, &more))) {
            return false;
        }
    }
    *root = span_of(start, check->at);
    skip_space(check);
    return check->at == check->end || fail(check, check->at, "there is more behind the value");
}

enum status json_check(const char *text, size_t len, struct json_member members[], size_t count,
                       union json_result *result)
{
    assert(text != NULL || len == 0);
    assert(count <= JSON_MEMBERS_MAX);
    /* Field by field: to zero the room for the keys would cost more than a short text does. */
    struct checker check;
    check.at = len > 0 ? text : "";
    check.end = check.at + len;
    check.depth = 0;
    check.key_count = 0;
    check.compared = 0;
    check.members = members;
    check.member_count = count;
    check.member = NULL;
    for (size_t i = 0; i < count; i++) {
        members[i].span = (struct json_span){.kind = JSON_ABSENT};
    }
    const char *start = check.at;
    if (read_text(&check, &result->root)) {
        return STATUS_OK;
    }
    result->error = (struct json_error){(size_t)(check.at - start), check.reason};
    return STATUS_INVALID;
}

bool json_array_next(const struct json_span *array, size_t *position, struct json_span *element)
{
    assert(array->kind == JSON_ARRAY && array->len >= 2);
    assert(*position < array->len);
    const char *at = array->text + (*position > 0 ? *position : 1);
    const char *end = array->text + array->len - 1; /* the closing bracket */
    while (at < end && (is_space(*at) || *at == ',')) {
        at++;
    }
    if (at == end) {
        return false;
    }
    const char *start = at;
    size_t depth = 0;
    bool quoted = false;
    for (; at < end && (depth > 0 || quoted || (*at != ',' && !is_space(*at))); at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else if (quoted) {
            at += *at == '\\'; /* the next byte is no closing quote */
        } else if (*at == '[' || *at == '{') {
            depth++;
        } else if (*at == ']' || *at == '}') {
            depth--;
        }
    }
    *element = span_of(start, at);
    *position = (size_t)(at - array->text);
    return true;
}
