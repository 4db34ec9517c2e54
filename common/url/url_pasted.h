/* SPDX-License-Identifier: MIT */
/*
 * Texts that were pasted where a URL belongs, and are not one: what to say about them. Pure. What
 * is said are constants, so nothing of the text, which may hold a password, is repeated.
 */
#ifndef COMMON_URL_URL_PASTED_H
#define COMMON_URL_URL_PASTED_H

/* What stands in a user, password or name and must be encoded. */
extern const char url_encode_hint[];
extern const char url_bad_port[];
extern const char url_not_a_url[];

/* What stands around the URL, or in its place; NULL: nothing. */
const char *url_find_wrapping(const char *text);

/* What is wrong with a text that the URL grammar refuses, as far as that can be seen. */
const char *url_guess_fault(const char *text);

#endif
