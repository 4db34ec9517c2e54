/* SPDX-License-Identifier: MIT */
/*
 * A TCP proxy before a server on 127.0.0.1 that makes the network, and the moment of a COMMIT, as
 * bad as a test asks for. It runs on a thread of its own and passes everything on until asked
 * otherwise.
 *
 * Every call returns when what it asks for is in force, within milliseconds. Threads: any, at any
 * time, but for start and stop. It fails no test by itself but in fault_proxy_start, and what it
 * has done is counted: a test about a fault asserts on fault_proxy_counts that there was one.
 */
#ifndef TESTS_SUPPORT_FAULT_PROXY_H
#define TESTS_SUPPORT_FAULT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is spoken, so that a COMMIT is recognized. It must be plain text: no TLS. */
enum fault_protocol { FAULT_PLAIN, FAULT_MYSQL, FAULT_POSTGRES };

enum fault_way { FAULT_TO_SERVER, FAULT_TO_CLIENT };

/*
 * What becomes of a COMMIT, which is that statement or, on PostgreSQL, any statement outside of a
 * transaction with INSERT INTO, UPDATE or DELETE FROM in it: it commits by itself.
 */
enum fault_commit {
    FAULT_COMMIT_NONE,
    FAULT_EAT_OK,     /* the server commits; its answer is dropped and the connection reset */
    FAULT_EAT_COMMIT, /* the connection is reset before the server has heard of it */
    FAULT_LATE_COMMIT /* the client's side is reset at once, the server gets it later */
};

struct fault_commits {
    enum fault_commit kind;
    uint32_t every;   /* it happens to every so many-th, from that on; 0 and 1: each */
    uint32_t count;   /* and so many in all; 0: no end */
    uint32_t hold_ms; /* for FAULT_LATE_COMMIT */
};

/* Since the start. */
struct fault_counts {
    size_t open;          /* connections there are now; late COMMITs have one each */
    size_t accepted;      /* connections there have been */
    size_t commands;      /* of clients to MySQL, each with one statement or several */
    size_t commits;       /* COMMITs that were recognized */
    size_t eaten_oks;     /* answers that came and were dropped */
    size_t eaten_commits; /* COMMITs that were dropped */
    size_t late_commits;  /* COMMITs whose client was cut */
    size_t late_answered; /* of them, those the server has answered by now */
    size_t late_lost;     /* of them, those whose server had gone by then */
    size_t resets;        /* connections reset as by fault_proxy_reset and _reset_new */
    size_t half_closes;   /* connections half closed */
    size_t cuts;          /* connections reset by fault_proxy_cut_after */
    uint64_t bytes[2];    /* passed on, for each way */
};

struct fault_proxy;

/*
 * Listens on a free port of 127.0.0.1, which stays the proxy's also while it refuses. The server
 * need not be there: a client's connection is reset when it is not.
 */
struct fault_proxy *fault_proxy_start(uint16_t server_port, enum fault_protocol protocol);

/* Closes all connections. Takes NULL. */
void fault_proxy_stop(struct fault_proxy *proxy);

uint16_t fault_proxy_port(const struct fault_proxy *proxy);

/*
 * Writes `url`, of the server, with the proxy's port instead of its own, and without TLS for a
 * database. False: it has no such port, or does not fit.
 */
bool fault_proxy_url(const struct fault_proxy *proxy, const char *url, char *text, size_t size);

/* Ends all faults that last, also those of COMMITs: what was held back goes on. */
void fault_proxy_pass(struct fault_proxy *proxy);

/* These last until changed or fault_proxy_pass, for all connections, old and new. 0: no longer. */
void fault_proxy_delay(struct fault_proxy *proxy, uint32_t each_way_ms);
void fault_proxy_throttle(struct fault_proxy *proxy, uint32_t bytes_per_s);

/*
 * Connections are accepted and nothing comes through, neither a byte nor an end, as when a cable is
 * pulled or the server hangs.
 */
void fault_proxy_silence(struct fault_proxy *proxy);

/* Nobody listens: connecting is refused. Connections there are stay. */
void fault_proxy_refuse(struct fault_proxy *proxy);

/* New connections are reset as soon as they are there. */
void fault_proxy_reset_new(struct fault_proxy *proxy);

/* A connection is reset after so many more bytes that way; for a new one, from its first on. */
void fault_proxy_cut_after(struct fault_proxy *proxy, enum fault_way way, uint64_t bytes);

/* Resets all connections there are, at both ends. Those of late COMMITs stay. */
void fault_proxy_reset(struct fault_proxy *proxy);

/* For all connections there are: whoever is at the end of that way reads the end of the stream, and
 * no more bytes go there. The other way stays open. */
void fault_proxy_half_close(struct fault_proxy *proxy, enum fault_way way);

/*
 * From now on so. NULL: no more; those under way go on. One statement at a time on a connection, as
 * the store does it; pipelines are not understood.
 */
void fault_proxy_commits(struct fault_proxy *proxy, const struct fault_commits *commits);

struct fault_counts fault_proxy_counts(struct fault_proxy *proxy);

#endif
