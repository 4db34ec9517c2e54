/* SPDX-License-Identifier: MIT */
#include "api-service/routes/order_json.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"
#include "common/order/money.h"

#define ITEM_INTEGER_MAX UINT64_C(9007199254740991) /* 2^53 - 1 */

enum member { USER_ID, ITEM_IDS, TOTAL_AMOUNT, MEMBER_COUNT };

static const char *const member_names[MEMBER_COUNT] = {
    [USER_ID] = "user_id",
    [ITEM_IDS] = "item_ids",
    [TOTAL_AMOUNT] = "total_amount",
};

/* What is past the last place is not reported; the client repairs the first ones and tries again.
 */
static void add_error(struct order_json_errors *errors, const char *member, int index,
                      const char *message, const char *type)
{
    if (errors->field_count < ORDER_JSON_ERRORS_MAX) {
        errors->fields[errors->field_count++] = (struct field_error){.member = member,
                                                                     .index = index,
                                                                     .message = message,
                                                                     .type = type};
    }
}

static bool is_present(const struct json_span *span, enum member member,
                       struct order_json_errors *errors)
{
    if (span->kind == JSON_ABSENT) {
        add_error(errors, member_names[member], -1, "is required", "missing");
    }
    return span->kind != JSON_ABSENT;
}

/* The code unit of a \uXXXX escape; the checker has seen to the digits. */
static uint32_t read_hex(const char *digits)
{
    char text[5] = {digits[0], digits[1], digits[2], digits[3], '\0'};
    return (uint32_t)strtoul(text, NULL, 16);
}

/* The character at `at` inside a checked string; returns how many bytes spell it. */
static size_t read_character(const char *at, size_t len, uint32_t *character)
{
    if (*at != '\\') {
        return utf8_next(at, len, character);
    }
    switch (at[1]) {
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        *character = '\n'; /* any control character does: all are refused alike */
        return 2;
    case 'u':
        *character = read_hex(at + 2);
        /* The first of a surrogate pair: the checker has seen to the second. */
        return *character >= 0xd800 && *character <= 0xdbff ? 12 : 6;
    default:
        *character = (unsigned char)at[1];
        return 2;
    }
}

/* Checks a string's length in characters and that none is a control character. */
static bool check_string(const struct json_span *span, size_t chars_max, const char *member,
                         int index, struct order_json_errors *errors)
{
    size_t chars = 0;
    for (size_t at = 1; at < span->len - 1; chars++) {
        uint32_t character;
        at += read_character(span->text + at, span->len - 1 - at, &character);
        if (utf8_is_control(character)) {
            add_error(errors, member, index, "must not contain control characters",
                      "control_character");
            return false;
        }
    }
    if (chars == 0) {
        add_error(errors, member, index, "must not be empty", "too_short");
    } else if (chars > chars_max) {
        add_error(errors, member, index, "must be at most 64 characters long", "too_long");
    }
    return chars > 0 && chars <= chars_max;
}

/* False: no memory. */
static bool read_user_id(const struct json_span *span, struct order *order,
                         struct order_json_errors *errors)
{
    const char *name = member_names[USER_ID];
    if (!is_present(span, USER_ID, errors)) {
        return true;
    }
    if (span->kind != JSON_STRING) {
        add_error(errors, name, -1, "must be a string", "wrong_type");
        return true;
    }
    if (!check_string(span, ORDER_USER_ID_CHARS_MAX, name, -1, errors)) {
        return true;
    }
    if (memchr(span->text, '\\', span->len) == NULL) {
        order->user_id_len = span->len - 2;
        memcpy(order->user_id, span->text + 1, order->user_id_len);
        order->user_id[order->user_id_len] = '\0';
        return true;
    }
    /* No NUL can be in it, so the C string is the whole value. */
    cJSON *decoded = cJSON_ParseWithLength(span->text, span->len);
    if (decoded == NULL) {
        return false;
    }
    order->user_id_len = strlen(decoded->valuestring);
    memcpy(order->user_id, decoded->valuestring, order->user_id_len + 1);
    cJSON_Delete(decoded);
    return true;
}

/* An integer is digits only: with a fraction or an exponent, "kept as sent" would not be clear.
 */
static bool is_item_integer(const struct json_span *span)
{
    if (span->len > 16 || strspn(span->text, "0123456789") < span->len) {
        return false;
    }
    return strtoull(span->text, NULL, 10) <= ITEM_INTEGER_MAX;
}

static void check_item(const struct json_span *span, int index, struct order_json_errors *errors)
{
    const char *name = member_names[ITEM_IDS];
    if (span->kind == JSON_STRING) {
        check_string(span, ORDER_ITEM_CHARS_MAX, name, index, errors);
    } else if (span->kind != JSON_NUMBER) {
        add_error(errors, name, index, "must be an integer or a string", "wrong_type");
    } else if (!is_item_integer(span)) {
        add_error(errors, name, index, "must be an integer from 0 to 9007199254740991",
                  "not_an_integer_in_range");
    }
}

static void read_item_ids(const struct json_span *span, struct order *order,
                          struct order_json_errors *errors)
{
    const char *name = member_names[ITEM_IDS];
    if (!is_present(span, ITEM_IDS, errors)) {
        return;
    }
    if (span->kind != JSON_ARRAY) {
        add_error(errors, name, -1, "must be an array", "wrong_type");
        return;
    }
    struct json_span element;
    size_t position = 0;
    int count = 0;
    while (json_array_next(span, &position, &element)) {
        check_item(&element, count++, errors);
    }
    if (count == 0) {
        add_error(errors, name, -1, "must not be empty", "too_short");
    } else if (count > ORDER_ITEMS_MAX) {
        add_error(errors, name, -1, "must have at most 1000 elements", "too_long");
    }
    order->items_json = span->text;
    order->items_json_len = span->len;
}

static void read_total_amount(const struct json_span *span, struct order *order,
                              struct order_json_errors *errors)
{
    static const struct {
        const char *message;
        const char *type;
    } complaints[] = {
        [MONEY_TOO_PRECISE] = {"must have at most two decimals; round to two decimals",
                               "too_precise"},
        [MONEY_NEGATIVE] = {"must not be negative", "too_small"},
        [MONEY_TOO_LARGE] = {"must be at most 9999999999.99", "too_large"},
    };
    const char *name = member_names[TOTAL_AMOUNT];
    if (!is_present(span, TOTAL_AMOUNT, errors)) {
        return;
    }
    if (span->kind != JSON_NUMBER) {
        add_error(errors, name, -1, "must be a number", "wrong_type");
        return;
    }
    enum money_error wrong = money_parse(span->text, span->len, &order->total_cents);
    if (wrong != MONEY_OK) {
        add_error(errors, name, -1, complaints[wrong].message, complaints[wrong].type);
    }
}

enum order_json_result order_json_read(const char *body, size_t len, struct order *order,
                                       struct order_json_errors *errors)
{
    struct json_member members[MEMBER_COUNT];
    union json_result result;
    errors->field_count = 0;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        members[i].name = member_names[i];
    }
    if (json_check(body, len, members, MEMBER_COUNT, &result) != STATUS_OK) {
        errors->json = result.error;
        return ORDER_JSON_NOT_JSON;
    }
    if (result.root.kind != JSON_OBJECT) {
        add_error(errors, NULL, -1, "must be a JSON object", "wrong_type");
        return ORDER_JSON_NOT_AN_ORDER;
    }
    bool decoded = read_user_id(&members[USER_ID].span, order, errors);
    read_item_ids(&members[ITEM_IDS].span, order, errors);
    read_total_amount(&members[TOTAL_AMOUNT].span, order, errors);
    if (!decoded) {
        return ORDER_JSON_NO_MEMORY;
    }
    return errors->field_count > 0 ? ORDER_JSON_NOT_AN_ORDER : ORDER_JSON_OK;
}
