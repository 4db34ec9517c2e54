/* SPDX-License-Identifier: MIT */
#include "tests/chaos/exchange.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* SERVICE_CLIENT_ID and SERVICE_CLIENT_SECRET in Base64. */
#define CREDENTIALS "dGVzdC1jbGllbnQ6dGVzdC1zZWNyZXQ="

bool exchange_connect(struct exchange *exchange, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert(exchange->state == EXCHANGE_CLOSED);
    exchange->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (exchange->fd < 0) {
        return false;
    }
    setsockopt(exchange->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int code = connect(exchange->fd, (struct sockaddr *)&address, sizeof address);
    if (code != 0 && errno != EINPROGRESS) {
        close(exchange->fd);
        return false;
    }
    exchange->state = EXCHANGE_IDLE;
    exchange->is_connecting = code != 0;
    exchange->closes = false;
    return true;
}

void exchange_request(struct exchange *exchange, const char *method, const char *path,
                      const char *key, const char *body)
{
    assert(exchange->state == EXCHANGE_IDLE);
    int len = snprintf(exchange->out, sizeof exchange->out,
                       "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic " CREDENTIALS
                       "\r\n%s%s%s",
                       method, path, key != NULL ? "Idempotency-Key: " : "", key != NULL ? key : "",
                       key != NULL ? "\r\n" : "");
    if (body != NULL) {
        len += snprintf(exchange->out + len, sizeof exchange->out - (size_t)len,
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    } else {
        len += snprintf(exchange->out + len, sizeof exchange->out - (size_t)len, "\r\n");
    }
    assert((size_t)len < sizeof exchange->out);
    exchange->out_len = (size_t)len;
    exchange->out_sent = 0;
    exchange->in_len = 0;
    exchange->state = EXCHANGE_SENDING;
}

static void send_more(struct exchange *exchange)
{
    if (exchange->is_connecting) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(exchange->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            exchange_close(exchange);
            return;
        }
    }
    ssize_t sent = send(exchange->fd, exchange->out + exchange->out_sent,
                        exchange->out_len - exchange->out_sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN && errno != ENOTCONN) {
            exchange_close(exchange);
        }
        return;
    }
    exchange->is_connecting = false;
    exchange->out_sent += (size_t)sent;
    if (exchange->out_sent == exchange->out_len) {
        exchange->state = EXCHANGE_RECEIVING;
    }
}

/* Notices when the answer is complete. All answers of order-api have a Content-Length. */
static void parse(struct exchange *exchange)
{
    static const char length_name[] = "\r\ncontent-length:";
    char *end = strstr(exchange->in, "\r\n\r\n");
    if (end == NULL) {
        return;
    }
    end[2] = '\0'; /* so that the body is not read as headers */
    const char *length = strcasestr(exchange->in, length_name);
    bool closes = strcasestr(exchange->in, "\r\nconnection: close") != NULL;
    end[2] = '\r';
    if (length == NULL) {
        exchange_close(exchange);
        return;
    }
    size_t body = (size_t)(end + 4 - exchange->in);
    if (exchange->in_len - body >= strtoul(length + sizeof length_name - 1, NULL, 10)) {
        exchange->status = (int)strtol(exchange->in + strlen("HTTP/1.1 "), NULL, 10);
        exchange->body = body;
        exchange->closes = closes;
        exchange->state = EXCHANGE_ANSWERED;
    }
}

static void receive_more(struct exchange *exchange)
{
    ssize_t got =
        recv(exchange->fd, exchange->in + exchange->in_len, EXCHANGE_IN_SIZE - exchange->in_len, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        exchange_close(exchange);
        return;
    }
    exchange->in_len += (size_t)got;
    exchange->in[exchange->in_len] = '\0';
    parse(exchange);
}

void exchange_advance(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_SENDING) {
        send_more(exchange);
    }
    if (exchange->state == EXCHANGE_RECEIVING) {
        receive_more(exchange);
    } else if (exchange->state == EXCHANGE_IDLE && !exchange->is_connecting) {
        exchange_close(exchange); /* no request is open, so this is the end of the connection */
    }
}

uint32_t exchange_events(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_SENDING ? EPOLLOUT : EPOLLIN;
}

void exchange_release(struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_ANSWERED);
    exchange->state = EXCHANGE_IDLE;
    if (exchange->closes) {
        exchange_close(exchange);
    }
}

void exchange_close(struct exchange *exchange)
{
    if (exchange->state != EXCHANGE_CLOSED) {
        close(exchange->fd);
        exchange->state = EXCHANGE_CLOSED;
    }
}
