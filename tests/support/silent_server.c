/* SPDX-License-Identifier: MIT */
#include "tests/support/silent_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

uint16_t silent_server_start(void)
{
    enum { BACKLOG = 64 }; /* connections the kernel takes by itself */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 &&
                  listen(listener, BACKLOG) == 0 &&
                  getsockname(listener, (struct sockaddr *)&address, &len) == 0,
              "%m");
    return ntohs(address.sin_port);
}
