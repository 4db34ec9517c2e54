/* SPDX-License-Identifier: MIT */
#include "common/http/http_listener.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"

/* Non-blocking, as the HTTP library's epoll needs it. */
static int bind_to(const struct addrinfo *address)
{
    int listener = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          address->ai_protocol);
    if (listener < 0) {
        return -1;
    }
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, address->ai_addr, address->ai_addrlen) == 0) {
        return listener;
    }
    int error = errno;
    close(listener);
    errno = error;
    return -1;
}

int http_listener_bind(const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(host, service, &hints, &addresses);
    if (error != 0) {
        log_error("HOST: no such address, so the program ends; name an address of this host",
                  log_str("host", host), log_str("error", gai_strerror(error)));
        return -1;
    }
    int listener = bind_to(addresses);
    if (listener < 0) {
        log_error("HOST, PORT: cannot listen there, so the program ends", log_str("host", host),
                  log_int("port", port), log_str("error", strerror(errno)));
    }
    freeaddrinfo(addresses);
    return listener;
}

uint16_t http_listener_port(int listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char service[8] = "0";
    if (getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, service, sizeof service,
                    NI_NUMERICSERV) != 0) {
        log_error("PORT: the system does not say which port it has chosen, so the program ends",
                  log_str("error", strerror(errno)));
        return 0;
    }
    return (uint16_t)strtoul(service, NULL, 10);
}

int http_listener_accept(int listener, struct sockaddr_storage *address, socklen_t *len)
{
    int socket;
    do {
        socket = accept4(listener, (struct sockaddr *)address, len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (socket < 0 && (errno == EINTR || errno == ECONNABORTED));
    return socket;
}
