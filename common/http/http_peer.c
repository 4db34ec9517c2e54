/* SPDX-License-Identifier: MIT */
#include "common/http/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
    IPV4_IN_IPV6 = 12, /* the byte at which it begins */
    NETWORK_BYTES = 8, /* of a /64 */
};

static void print_ipv6(struct in6_addr address, char text[HTTP_PEER_SIZE])
{
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        inet_ntop(AF_INET, &address.s6_addr[IPV4_IN_IPV6], text, HTTP_PEER_SIZE);
        return;
    }
    if (IN6_IS_ADDR_LOOPBACK(&address)) {
        inet_ntop(AF_INET6, &address, text, HTTP_PEER_SIZE);
        return;
    }
    char network[INET6_ADDRSTRLEN];
    memset(&address.s6_addr[NETWORK_BYTES], 0, sizeof address.s6_addr - NETWORK_BYTES);
    inet_ntop(AF_INET6, &address, network, sizeof network);
    snprintf(text, HTTP_PEER_SIZE, "%s/64", network);
}

void http_peer_print(const struct sockaddr *address, char text[HTTP_PEER_SIZE])
{
    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, address, sizeof ipv4);
        inet_ntop(AF_INET, &ipv4.sin_addr, text, HTTP_PEER_SIZE);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof ipv6);
        print_ipv6(ipv6.sin6_addr, text);
    } else {
        snprintf(text, HTTP_PEER_SIZE, "unknown");
    }
}
