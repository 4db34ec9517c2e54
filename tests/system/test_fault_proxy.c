/* SPDX-License-Identifier: MIT */
/*
 * The fault proxy itself, with both ends of its connections in the hands of the test: what it is
 * asked to do to them it does, and counts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/fault_wire.h"
#include "tests/support/wait_until.h"
#include "tests/system/fault_proxy_fixture.h"

TestSuite(fault_proxy, .init = start, .fini = finish, .timeout = 30);

Test(fault_proxy, passes_bytes_and_their_end_both_ways)
{
    say(client, "question", 8);
    expect_text(server, "question");
    say(server, "answer", 6);
    expect_text(client, "answer");
    shutdown(client, SHUT_WR);
    expect_end(server);
    say(server, "more", 4);
    expect_text(client, "more");
    shutdown(server, SHUT_WR);
    expect_end(client);
    struct fault_counts counts = fault_proxy_counts(proxy);
    cr_assert_eq(counts.accepted, 1);
    cr_assert_eq(counts.bytes[FAULT_TO_SERVER], 8);
    cr_assert_eq(counts.bytes[FAULT_TO_CLIENT], 10);
}

Test(fault_proxy, passes_a_reset_on)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(server);
    server = -1;
    expect_reset(client);
}

Test(fault_proxy, resets_clients_of_a_server_that_is_not_there)
{
    close(listener);
    listener = -1;
    int fd = dial();
    expect_reset(fd);
    close(fd);
}

Test(fault_proxy, delays_each_way)
{
    fault_proxy_delay(proxy, HOLD_MS);
    uint64_t start_ms = wait_now_ms();
    say(client, "question", 8);
    expect_text(server, "question");
    cr_assert_geq(wait_now_ms() - start_ms, HOLD_MS);
    say(server, "answer", 6);
    expect_text(client, "answer");
    cr_assert_geq(wait_now_ms() - start_ms, 2 * HOLD_MS);
    fault_proxy_pass(proxy);
    start_ms = wait_now_ms();
    say(client, "x", 1);
    expect_text(server, "x");
    cr_assert_lt(wait_now_ms() - start_ms, HOLD_MS);
}

Test(fault_proxy, throttles)
{
    static const char bytes[200];
    fault_proxy_throttle(proxy, 100);
    uint64_t start_ms = wait_now_ms();
    say(client, bytes, sizeof bytes);
    expect_bytes(server, bytes, sizeof bytes);
    cr_assert_geq(wait_now_ms() - start_ms, THROTTLED_MS);
    fault_proxy_throttle(proxy, 0);
    start_ms = wait_now_ms();
    say(client, bytes, sizeof bytes);
    expect_bytes(server, bytes, sizeof bytes);
    cr_assert_lt(wait_now_ms() - start_ms, THROTTLED_MS);
}

Test(fault_proxy, a_silence_keeps_bytes_and_ends_and_gives_them_back)
{
    fault_proxy_silence(proxy);
    say(client, "question", 8);
    shutdown(client, SHUT_WR);
    say(server, "answer", 6);
    int other = dial();
    cr_assert_geq(other, 0, "a new connection is to be accepted");
    expect_quiet(server);
    expect_quiet(client);
    cr_assert_not(is_readable(listener, 0), "the server hears nothing of a new client");
    fault_proxy_pass(proxy);
    expect_text(server, "question");
    expect_end(server);
    expect_text(client, "answer");
    cr_assert(is_readable(listener, LIMIT_MS), "the new client comes through");
    close(other);
}

Test(fault_proxy, refuses_until_told_to_pass_and_keeps_its_port_and_connections)
{
    uint16_t port = fault_proxy_port(proxy);
    fault_proxy_refuse(proxy);
    cr_assert_eq(dial(), -1);
    cr_assert_eq(errno, ECONNREFUSED, "%m");
    say(client, "question", 8);
    expect_text(server, "question");
    fault_proxy_pass(proxy);
    cr_assert_eq(fault_proxy_port(proxy), port);
    close(client);
    close(server);
    connect_through();
    say(client, "again", 5);
    expect_text(server, "again");
}

Test(fault_proxy, resets_both_ends_of_all_connections)
{
    fault_proxy_reset(proxy);
    expect_reset(client);
    expect_reset(server);
    cr_assert_eq(fault_proxy_counts(proxy).resets, 1);
    cr_assert_eq(fault_proxy_counts(proxy).open, 0);
    close(client);
    close(server);
    connect_through();
}

Test(fault_proxy, resets_new_connections_and_leaves_old_ones)
{
    fault_proxy_reset_new(proxy);
    int fd = dial();
    if (fd >= 0) {
        expect_reset(fd);
        close(fd);
    }
    cr_assert_eq(fault_proxy_counts(proxy).resets, 1);
    say(client, "question", 8);
    expect_text(server, "question");
}

Test(fault_proxy, half_closes_to_the_server)
{
    fault_proxy_half_close(proxy, FAULT_TO_SERVER);
    expect_end(server);
    say(server, "answer", 6);
    expect_text(client, "answer");
    say(client, "lost", 4);
    expect_quiet(client);
    cr_assert_eq(fault_proxy_counts(proxy).half_closes, 1);
}

Test(fault_proxy, half_closes_to_the_client)
{
    fault_proxy_half_close(proxy, FAULT_TO_CLIENT);
    expect_end(client);
    say(client, "question", 8);
    expect_text(server, "question");
    cr_assert_eq(fault_proxy_counts(proxy).half_closes, 1);
}

Test(fault_proxy, cuts_after_so_many_bytes_to_the_server)
{
    fault_proxy_cut_after(proxy, FAULT_TO_SERVER, 5);
    say(server, "any number", 10);
    expect_text(client, "any number");
    say(client, "questions", 9);
    expect_text(server, "quest");
    expect_reset(server);
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).cuts, 1);
}

Test(fault_proxy, cuts_after_so_many_bytes_to_the_client)
{
    fault_proxy_cut_after(proxy, FAULT_TO_CLIENT, 0);
    say(server, "answer", 6);
    expect_reset(client);
    close(client);
    close(server);
    connect_through();
    say(server, "answer", 6);
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).cuts, 2);
    fault_proxy_pass(proxy);
    close(client);
    close(server);
    connect_through();
    say(server, "answer", 6);
    expect_text(client, "answer");
}

Test(fault_proxy, writes_the_url_that_leads_through_it)
{
    char url[128];
    char text[128];
    char expected[128];
    snprintf(url, sizeof url, "redis://127.0.0.1:%u/0", (unsigned)server_port);
    snprintf(expected, sizeof expected, "redis://127.0.0.1:%u/0",
             (unsigned)fault_proxy_port(proxy));
    cr_assert(fault_proxy_url(proxy, url, text, sizeof text));
    cr_assert_str_eq(text, expected);
    cr_assert_not(fault_proxy_url(proxy, url, text, 20));
    cr_assert_not(fault_proxy_url(proxy, "redis://127.0.0.1/0", text, sizeof text));
    begin(FAULT_MYSQL);
    snprintf(url, sizeof url, "mysql://a:b@127.0.0.1:%u/orders", (unsigned)server_port);
    snprintf(expected, sizeof expected, "mysql://a:b@127.0.0.1:%u/orders?ssl=disabled",
             (unsigned)fault_proxy_port(proxy));
    cr_assert(fault_proxy_url(proxy, url, text, sizeof text));
    cr_assert_str_eq(text, expected);
}

/* What is said to a database, and what it says. */
#define BYTES(text) text, sizeof(text) - 1
#define MYSQL_COMMIT BYTES("\7\0\0\0\3COMMIT")
#define MYSQL_OK BYTES("\7\0\0\1\0\0\0\2\0\0\0")
#define MYSQL_INSERT BYTES("\7\0\0\0\3INSERT")
#define POSTGRES_START BYTES("\0\0\0\x8\0\3\0\0")
#define POSTGRES_IDLE BYTES("Z\0\0\0\5I")
#define POSTGRES_COMMIT BYTES("P\0\0\0\x0e\0COMMIT\0\0\0")
#define POSTGRES_SYNC BYTES("S\0\0\0\4")

static void use_commits(enum fault_commit kind, uint32_t every, uint32_t count)
{
    fault_proxy_commits(proxy, &(struct fault_commits){.kind = kind,
                                                       .every = every,
                                                       .count = count,
                                                       .hold_ms = HOLD_MS});
}

static void say_in_bytes(int fd, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        say(fd, bytes + i, 1);
    }
}

static void begin_postgres(void)
{
    begin(FAULT_POSTGRES);
    say(client, POSTGRES_START);
    expect_bytes(server, POSTGRES_START);
    say(server, POSTGRES_IDLE);
    expect_bytes(client, POSTGRES_IDLE);
}

Test(fault_proxy, eats_the_answer_to_a_mysql_commit_in_whatever_pieces)
{
    begin(FAULT_MYSQL);
    use_commits(FAULT_EAT_OK, 0, 1);
    say(client, MYSQL_INSERT);
    expect_bytes(server, MYSQL_INSERT);
    say(server, MYSQL_OK);
    expect_bytes(client, MYSQL_OK);
    say_in_bytes(client, MYSQL_COMMIT);
    expect_bytes(server, MYSQL_COMMIT);
    cr_assert_eq(fault_proxy_counts(proxy).eaten_oks, 0);
    expect_quiet(client);
    say_in_bytes(server, MYSQL_OK);
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).eaten_oks, 1);
}

Test(fault_proxy, eats_a_mysql_commit)
{
    begin(FAULT_MYSQL);
    use_commits(FAULT_EAT_COMMIT, 0, 1);
    say(client, MYSQL_COMMIT);
    expect_reset(client);
    expect_reset(server);
    cr_assert_eq(fault_proxy_counts(proxy).eaten_commits, 1);
}

Test(fault_proxy, delivers_a_mysql_commit_late)
{
    begin(FAULT_MYSQL);
    use_commits(FAULT_LATE_COMMIT, 0, 1);
    uint64_t start_ms = wait_now_ms();
    say(client, MYSQL_COMMIT);
    expect_reset(client);
    cr_assert_lt(wait_now_ms() - start_ms, HOLD_MS);
    expect_bytes(server, MYSQL_COMMIT);
    cr_assert_geq(wait_now_ms() - start_ms, HOLD_MS);
    cr_assert_eq(fault_proxy_counts(proxy).late_answered, 0);
    say(server, MYSQL_OK);
    expect_end(server);
    struct fault_counts counts = fault_proxy_counts(proxy);
    cr_assert_eq(counts.late_commits, 1);
    cr_assert_eq(counts.late_answered, 1);
    cr_assert_eq(counts.late_lost, 0);
}

static bool a_late_commit_is_lost(void *arg)
{
    (void)arg;
    return fault_proxy_counts(proxy).late_lost == 1;
}

Test(fault_proxy, tells_that_the_server_did_not_wait_for_a_late_commit)
{
    begin(FAULT_MYSQL);
    use_commits(FAULT_LATE_COMMIT, 0, 1);
    say(client, MYSQL_COMMIT);
    expect_reset(client);
    close(server);
    server = -1;
    cr_assert(wait_until(a_late_commit_is_lost, NULL, LIMIT_MS));
    cr_assert_eq(fault_proxy_counts(proxy).late_answered, 0);
}

Test(fault_proxy, every_third_commit_is_befallen_twice_in_all)
{
    int lost = 0;
    begin(FAULT_MYSQL);
    use_commits(FAULT_EAT_COMMIT, 3, 2);
    for (int i = 1; i <= 9; i++) {
        say(client, MYSQL_COMMIT);
        if (i == 3 || i == 6) {
            expect_reset(client);
            lost++;
            close(client);
            close(server);
            connect_through();
        } else {
            expect_bytes(server, MYSQL_COMMIT);
        }
    }
    cr_assert_eq(lost, 2);
    struct fault_counts counts = fault_proxy_counts(proxy);
    cr_assert_eq(counts.eaten_commits, 2);
    cr_assert_eq(counts.commits, 9);
}

Test(fault_proxy, eats_the_answer_to_a_postgres_commit_in_whatever_pieces)
{
    begin_postgres();
    use_commits(FAULT_EAT_OK, 0, 1);
    say_in_bytes(client, POSTGRES_COMMIT);
    say_in_bytes(client, POSTGRES_SYNC);
    expect_bytes(server, POSTGRES_COMMIT);
    expect_bytes(server, POSTGRES_SYNC);
    say_in_bytes(server, BYTES("1\0\0\0\4C\0\0\0\x0b"
                               "COMMIT\0"));
    expect_quiet(client);
    say_in_bytes(server, POSTGRES_IDLE);
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).eaten_oks, 1);
}

Test(fault_proxy, eats_a_postgres_statement_that_commits_by_itself)
{
    begin_postgres();
    use_commits(FAULT_EAT_COMMIT, 0, 1);
    say(client, BYTES("Q\0\0\0\x0d"
                      "SELECT 1\0"));
    expect_bytes(server, BYTES("Q\0\0\0\x0d"
                               "SELECT 1\0"));
    say(client, BYTES("P\0\0\0\x1c\0WITH a AS (UPDATE o)\0\0\0"));
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).eaten_commits, 1);
}

Test(fault_proxy, leaves_a_postgres_statement_in_a_transaction_alone)
{
    begin_postgres();
    use_commits(FAULT_EAT_COMMIT, 0, 1);
    say(server, BYTES("Z\0\0\0\5T"));
    expect_bytes(client, BYTES("Z\0\0\0\5T"));
    say(client, BYTES("Q\0\0\0\x12INSERT INTO a\0"));
    expect_bytes(server, BYTES("Q\0\0\0\x12INSERT INTO a\0"));
    say(client, BYTES("Q\0\0\0\x0b"
                      "COMMIT\0"));
    expect_reset(client);
    cr_assert_eq(fault_proxy_counts(proxy).commits, 1);
}

Test(fault_proxy, delivers_a_postgres_commit_late_and_whole)
{
    begin_postgres();
    use_commits(FAULT_LATE_COMMIT, 0, 1);
    uint64_t start_ms = wait_now_ms();
    say(client, POSTGRES_COMMIT);
    expect_quiet(client);
    say(client, POSTGRES_SYNC);
    expect_reset(client);
    expect_bytes(server, POSTGRES_COMMIT);
    cr_assert_geq(wait_now_ms() - start_ms, HOLD_MS);
    expect_bytes(server, POSTGRES_SYNC);
    say(server, POSTGRES_IDLE);
    expect_end(server);
    cr_assert_eq(fault_proxy_counts(proxy).late_answered, 1);
}

/* Texts that only begin with the word, or hold it, are no COMMIT; newer clients send a head. */
Test(fault_wire, knows_a_mysql_commit_from_what_is_none)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool commits;
    } cases[] = {
        {MYSQL_COMMIT, true},
        {BYTES("\x9\0\0\0\3\0\1COMMIT"), true},
        {BYTES("\x8\0\0\0\3commit;"), true},
        {BYTES("\x8\0\0\0\3COMMITS"), false},
        {BYTES("\7\0\0\0\4COMMIT"), false},
        {BYTES("\7\0\0\1\3COMMIT"), false},
        {BYTES("\xf\0\0\0\3SELECT 'COMMIT"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault_wire wire = {.protocol = FAULT_MYSQL};
        struct fault_piece piece =
            fault_wire_from_client(&wire, (const uint8_t *)cases[i].bytes, cases[i].len);
        cr_assert_eq(piece.len, cases[i].len, "case %zu", i);
        cr_assert_eq(piece.begins_commit, cases[i].commits, "case %zu", i);
    }
}

/* A client that asks for TLS and is refused: one byte without a head. */
Test(fault_wire, goes_on_after_a_postgres_server_that_has_no_tls)
{
    struct fault_wire wire = {.protocol = FAULT_POSTGRES};
    static const uint8_t asks[] = {0, 0, 0, 8, 4, 210, 22, 47};
    cr_assert_eq(fault_wire_from_client(&wire, asks, sizeof asks).len, sizeof asks);
    cr_assert_eq(fault_wire_from_server(&wire, (const uint8_t *)"N", 1).len, 1);
    cr_assert_eq(fault_wire_from_client(&wire, (const uint8_t *)POSTGRES_START).len, 8);
    cr_assert(fault_wire_from_client(&wire, (const uint8_t *)POSTGRES_COMMIT).begins_commit);
    cr_assert(fault_wire_from_client(&wire, (const uint8_t *)POSTGRES_SYNC).ends_commit);
}

/* A message too long to look into passes in parts, and what follows it is seen again. */
Test(fault_wire, a_long_message_passes_in_parts)
{
    static uint8_t bytes[FAULT_WIRE_MAX] = {0, 0, 2, 0, 3};
    struct fault_wire wire = {.protocol = FAULT_MYSQL};
    size_t left = 4 + (2 << 16);
    while (left > 0) {
        size_t len = left < sizeof bytes ? left : sizeof bytes;
        struct fault_piece piece = fault_wire_from_client(&wire, bytes, len);
        cr_assert_eq(piece.len, len);
        cr_assert_not(piece.begins_commit);
        left -= len;
        memset(bytes, 0, 5);
    }
    cr_assert(fault_wire_from_client(&wire, (const uint8_t *)MYSQL_COMMIT).begins_commit);
}
