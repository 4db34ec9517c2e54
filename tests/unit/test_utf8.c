/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "common/base/utf8.h"

static size_t encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00U >> size) | code);
    return size;
}

Test(utf8, every_character_is_read_with_its_length)
{
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char text[4];
        uint32_t read = 0;
        size_t size = encode(code, text);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        size_t expected = surrogate ? 0 : size;
        if (utf8_next(text, size, &read) != expected || (!surrogate && read != code)) {
            cr_assert_fail("U+%04X is read wrongly", code);
        }
    }
}

Test(utf8, a_character_cut_short_is_refused)
{
    static const uint32_t codes[] = {0xe9, 0x20ac, 0x1f600};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char text[4];
        uint32_t read = 7;
        size_t size = encode(codes[i], text);
        for (size_t len = 0; len < size; len++) {
            cr_assert_eq(utf8_next(text, len, &read), 0, "U+%04X in %zu bytes", codes[i], len);
        }
        cr_assert_eq(read, 7, "a refused character must leave the number alone");
        cr_assert_eq(utf8_next(text, size, &read), size);
    }
}

Test(utf8, what_rfc_3629_forbids_is_refused)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation byte on its own */
        "\xbf\x80",         /* the same, with another */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong DEL */
        "\xe0\x80\x80",     /* overlong, three bytes */
        "\xe0\x9f\xbf",     /* overlong, U+07FF in three bytes */
        "\xf0\x80\x80\x80", /* overlong, four bytes */
        "\xf0\x8f\xbf\xbf", /* overlong, U+FFFF in four bytes */
        "\xed\xa0\x80",     /* U+D800 */
        "\xed\xbf\xbf",     /* U+DFFF */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80", /* far above */
        "\xf8\x88\x80\x80", /* a lead byte of five */
        "\xff\x80\x80\x80", /* never a lead byte */
        "\xfe\x80\x80\x80", /* never a lead byte */
        "\xc3"
        "A",       /* the second byte is no continuation */
        "\xe2\x82" /* the third is none */
        "A",
        "\xf0\x9f\x98" /* the fourth is none */
        "A",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t code;
        cr_assert_eq(utf8_next(bad[i], strlen(bad[i]), &code), 0, "text %zu is accepted", i);
    }
}

Test(utf8, only_c0_c1_and_del_are_controls)
{
    for (uint32_t code = 0; code < 0x400; code++) {
        bool expected = code <= 0x1f || code == 0x7f || (code >= 0x80 && code <= 0x9f);
        cr_assert_eq(utf8_is_control(code), expected, "U+%04X", code);
    }
    cr_assert_not(utf8_is_control(0x2028), "a line separator is no control character");
    cr_assert_not(utf8_is_control(0x10ffff));
}
