/* SPDX-License-Identifier: MIT */
#include "tests/support/free_port.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum { PORT_FIRST = 10240, PORT_END = 32768, TRIES = 200 };

static bool is_free(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return bound;
}

uint16_t free_port(void)
{
    for (int i = 0; i < TRIES; i++) {
        uint32_t random = 0;
        cr_assert_eq(getrandom(&random, sizeof random, 0), (ssize_t)sizeof random);
        uint16_t port = (uint16_t)(PORT_FIRST + random % (PORT_END - PORT_FIRST));
        if (is_free(port)) {
            return port;
        }
    }
    cr_assert_fail("no free port in %d tries", TRIES);
    return 0;
}
