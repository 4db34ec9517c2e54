/* SPDX-License-Identifier: MIT */
/*
 * One connection through the fault proxy: a client, the server, and the bytes on their way between
 * them. Does not block. Everything happens on the proxy's thread, with its lock held, which covers
 * the rules too.
 */
#ifndef TESTS_SUPPORT_FAULT_LINK_H
#define TESTS_SUPPORT_FAULT_LINK_H

#include <poll.h>

#include "tests/support/fault_proxy.h"
#include "tests/support/fault_wire.h"

enum { FAULT_CLIENT, FAULT_SERVER };

/* The rules the proxy was given, and what they did. */
struct fault_rules {
    uint32_t delay_ms;
    uint32_t bytes_per_s; /* 0: any */
    bool silent;
    bool refusing;
    bool resets_new;
    bool cuts[2]; /* for each way */
    uint64_t cut_after[2];
    uint64_t cut_number; /* one more with each order to cut */
    struct fault_commits commits;
    uint32_t commits_seen;     /* since they were set */
    uint32_t commits_befallen; /* of them */
    struct fault_counts counts;
};

struct fault_chunk;

struct fault_stream {
    struct fault_chunk *first; /* what is to be written */
    struct fault_chunk *last;
    size_t queued;    /* bytes in them */
    uint8_t *untaken; /* bytes read that are no whole message yet; NULL: the protocol has none */
    size_t untaken_len;
    bool ended;          /* nothing more is read */
    bool shut;           /* and the program at its end was informed */
    uint64_t free_at_ms; /* nothing is written before this */
    uint64_t cut_number; /* the order to cut that `cut_left` belongs to */
    uint64_t cut_left;
};

struct fault_link {
    struct fault_link *next;
    int fds[2];      /* -1: closed */
    bool connecting; /* the server's */
    bool eats_answer;
    bool holds;     /* what comes from the client is the rest of a late COMMIT */
    bool late;      /* the client is cut, the server is to get and answer its COMMIT */
    bool delivered; /* ... and has got it */
    bool dead;      /* to be removed */
    struct fault_stream streams[2];
    struct fault_wire wire;
};

/* Takes the client's socket over and starts connecting to the server. NULL: it was reset. */
struct fault_link *fault_link_open(int client, uint16_t server_port, enum fault_protocol protocol);

/* Closes what is open, without a reset. */
void fault_link_destroy(struct fault_link *link);

/* At both ends. */
void fault_link_reset(struct fault_link *link);

void fault_link_half_close(struct fault_link *link, enum fault_way way);

/*
 * What to wait for at the client's and the server's socket. Lowers `*wake_ms` to when it has
 * something to do anyway.
 */
void fault_link_prepare(struct fault_link *link, const struct fault_rules *rules,
                        struct pollfd fds[2], uint64_t now_ms, uint64_t *wake_ms);

/* Reads and writes what can be. */
void fault_link_work(struct fault_link *link, struct fault_rules *rules, const struct pollfd fds[2],
                     uint64_t now_ms);

#endif
