/* SPDX-License-Identifier: MIT */
#include "common/base/utf8.h"

size_t utf8_next(const char *text, size_t len, uint32_t *code_point)
{
    /* The least number a sequence of each length may carry: anything below is an overlong form. */
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (len == 0) {
        return 0;
    }
    uint32_t code = (unsigned char)text[0];
    if (code < 0x80) {
        *code_point = code;
        return 1;
    }
    size_t size = code >= 0xf8 ? 0 : code >= 0xf0 ? 4 : code >= 0xe0 ? 3 : code >= 0xc0 ? 2 : 0;
    if (size == 0 || size > len) {
        return 0;
    }
    code &= 0x7fU >> size;
    for (size_t i = 1; i < size; i++) {
        uint32_t byte = (unsigned char)text[i];
        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        code = (code << 6) | (byte & 0x3f);
    }
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        return 0;
    }
    *code_point = code;
    return size;
}

bool utf8_is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
}
