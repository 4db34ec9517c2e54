/* SPDX-License-Identifier: MIT */
/*
 * One connection of a client to order-api on 127.0.0.1, and one request at a time on it. Nothing
 * blocks: the caller waits for exchange_events on `fd` and then calls exchange_advance.
 */
#ifndef TESTS_CHAOS_EXCHANGE_H
#define TESTS_CHAOS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXCHANGE_OUT_SIZE = 1024, EXCHANGE_IN_SIZE = 4096 };

enum exchange_state {
    EXCHANGE_CLOSED,    /* no connection; after a request: no answer came */
    EXCHANGE_IDLE,      /* connected, without a request */
    EXCHANGE_SENDING,   /* or still connecting */
    EXCHANGE_RECEIVING, /* the request is sent */
    EXCHANGE_ANSWERED,  /* until exchange_release */
};

struct exchange {
    int fd; /* valid unless closed */
    enum exchange_state state;
    bool is_connecting;
    bool closes; /* the service has announced that it will close */
    size_t out_len;
    size_t out_sent;
    size_t in_len;
    size_t body; /* where it begins in `in`, once answered */
    int status;  /* once answered */
    char out[EXCHANGE_OUT_SIZE];
    char in[EXCHANGE_IN_SIZE + 1]; /* NUL-terminated */
};

/* Begins to connect; the state must be CLOSED. False: there is no socket. */
bool exchange_connect(struct exchange *exchange, uint16_t port);

/* Sets the request to send, while connecting or idle. `key` and `body` may be NULL. */
void exchange_request(struct exchange *exchange, const char *method, const char *path,
                      const char *key, const char *body);

/* Sends and receives as much as it can without waiting. */
void exchange_advance(struct exchange *exchange);

/* What to wait for on `fd`: EPOLLIN or EPOLLOUT. */
uint32_t exchange_events(const struct exchange *exchange);

/* After an answer: idle, or closed when the service closes. */
void exchange_release(struct exchange *exchange);

/* Closes at once; an answer under way is lost. */
void exchange_close(struct exchange *exchange);

#endif
