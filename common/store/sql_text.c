/* SPDX-License-Identifier: MIT */
#include "common/store/sql_text.h"

#include <assert.h>
#include <string.h>

#include "common/store/store.h"

enum {
    RANGE_LENGTH_MIN = 3,
    /* A server compares each row that it reads with all of them, but looks an id up in a list. */
    RANGES_MAX = 32,
};

/* How many of the sorted ids, from the first on, follow each other without a gap. */
static size_t run_length(const order_id sorted[], size_t count)
{
    size_t length = 1;
    while (length < count && sorted[length] == sorted[length - 1] + 1) {
        length++;
    }
    return length;
}

static void add_range(struct text *text, const char *column, order_id first, order_id last)
{
    text_add(text, column);
    text_add(text, " BETWEEN ");
    text_add_unsigned(text, first);
    text_add(text, " AND ");
    text_add_unsigned(text, last);
}

static void add_list(struct text *text, const char *column, const order_id ids[], size_t count)
{
    text_add(text, column);
    text_add(text, " IN (");
    for (size_t i = 0; i < count; i++) {
        text_add(text, i > 0 ? "," : "");
        text_add_unsigned(text, ids[i]);
    }
    text_add(text, ")");
}

void sql_text_add_ids(struct text *text, const char *column, const order_id ids[], size_t count)
{
    order_id sorted[STORE_BATCH_MAX];
    order_id single[STORE_BATCH_MAX];
    size_t singles = 0;
    size_t ranges = 0;
    assert(count >= 1 && count <= STORE_BATCH_MAX);
    memcpy(sorted, ids, count * sizeof sorted[0]);
    order_id_sort(sorted, count);
    text_add(text, "(");
    for (size_t i = 0, length; i < count; i += length) {
        length = run_length(&sorted[i], count - i);
        if (length >= RANGE_LENGTH_MIN && ranges < RANGES_MAX) {
            text_add(text, ranges++ > 0 ? " OR " : "");
            add_range(text, column, sorted[i], sorted[i + length - 1]);
        } else {
            memcpy(&single[singles], &sorted[i], length * sizeof single[0]);
            singles += length;
        }
    }
    if (singles > 0) {
        text_add(text, ranges > 0 ? " OR " : "");
        add_list(text, column, single, singles);
    }
    text_add(text, ")");
}

void sql_text_add_hex(struct text *text, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    text_add(text, "X'");
    for (size_t i = 0; i < len; i++) {
        text_add_bytes(text, (const char[]){digits[bytes[i] >> 4], digits[bytes[i] & 15]}, 2);
    }
    text_add(text, "'");
}

static const char *find_fragment(const struct sql_fragment fragments[], const char *name,
                                 size_t len)
{
    while (fragments->name != NULL &&
           (strlen(fragments->name) != len || memcmp(fragments->name, name, len) != 0)) {
        fragments++;
    }
    assert(fragments->name != NULL);
    return fragments->text;
}

static void add_fragment(struct text *text, const char *fragment, const char *argument, size_t len)
{
    for (const char *mark; (mark = strchr(fragment, '#')) != NULL; fragment = mark + 1) {
        text_add_bytes(text, fragment, (size_t)(mark - fragment));
        text_add_bytes(text, argument, len);
    }
    text_add(text, fragment);
}

void sql_text_add_template(struct text *text, const char *template,
                           const struct sql_fragment fragments[])
{
    for (const char *open; (open = strchr(template, '{')) != NULL;) {
        const char *close = strchr(open, '}');
        assert(close != NULL);
        const char *name = open + 1;
        size_t name_len = strcspn(name, ":}");
        const char *argument = name[name_len] == ':' ? name + name_len + 1 : close;
        text_add_bytes(text, template, (size_t)(open - template));
        add_fragment(text, find_fragment(fragments, name, name_len), argument,
                     (size_t)(close - argument));
        template = close + 1;
    }
    text_add(text, template);
}
