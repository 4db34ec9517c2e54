/* SPDX-License-Identifier: MIT */
/* Bytes straight to a port and back, for requests no well-behaved client would send. */
#ifndef TESTS_SUPPORT_RAW_HTTP_H
#define TESTS_SUPPORT_RAW_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAW_HTTP_ANSWER_MAX = 256 * 1024 };

struct raw_http {
    int fd;
    bool closed; /* the other side has ended the connection */
    size_t len;
    char answer[RAW_HTTP_ANSWER_MAX]; /* all that came so far, NUL-terminated */
};

/* Connects to 127.0.0.1:`port`. Fails the test when it cannot. NULL is never returned. */
struct raw_http *raw_http_open(uint16_t port);

/* Takes NULL. */
void raw_http_close(struct raw_http *raw);

/* False: the other side has closed. */
bool raw_http_send(struct raw_http *raw, const char *bytes, size_t len);

/*
 * Reads until the other side closes, or `answers` answers have begun and the socket is silent, or
 * `limit_ms` have passed. Returns how many answers have begun ("HTTP/1.1 " at a line's start).
 */
size_t raw_http_read(struct raw_http *raw, size_t answers, uint32_t limit_ms);

/* The status of the answer number `index`, from 0; 0 when there is none. */
int raw_http_status(const struct raw_http *raw, size_t index);

#endif
