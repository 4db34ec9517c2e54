/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <criterion/criterion.h>

#include "common/http/http_peer.h"

static void check_ipv6(const char *address, const char *expected)
{
    char text[HTTP_PEER_SIZE];
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(1234)};
    cr_assert_eq(inet_pton(AF_INET6, address, &ipv6.sin6_addr), 1);
    http_peer_print((const struct sockaddr *)&ipv6, text);
    cr_assert_str_eq(text, expected);
}

Test(http_peer, ipv4_is_printed_whole)
{
    char text[HTTP_PEER_SIZE];
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(1234)};
    cr_assert_eq(inet_pton(AF_INET, "192.0.2.7", &ipv4.sin_addr), 1);
    http_peer_print((const struct sockaddr *)&ipv4, text);
    cr_assert_str_eq(text, "192.0.2.7");
}

/* One client has all addresses of a /64. */
Test(http_peer, of_ipv6_the_network_is_printed)
{
    check_ipv6("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64");
    check_ipv6("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64");
    check_ipv6("2001:db8:0:2::5", "2001:db8:0:2::/64");
    check_ipv6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::/64");
    check_ipv6("::1", "::1");
}

/* As a server on [::] sees them. */
Test(http_peer, ipv4_within_ipv6_is_ipv4)
{
    check_ipv6("::ffff:192.0.2.7", "192.0.2.7");
}

Test(http_peer, what_is_no_address_is_unknown)
{
    char text[HTTP_PEER_SIZE];
    http_peer_print(NULL, text);
    cr_assert_str_eq(text, "unknown");
    http_peer_print(&(struct sockaddr){.sa_family = AF_UNIX}, text);
    cr_assert_str_eq(text, "unknown");
}
