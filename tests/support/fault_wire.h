/* SPDX-License-Identifier: MIT */
/*
 * Where the messages of MySQL's and PostgreSQL's protocols begin and end, and which of them commit.
 * For one connection of the fault proxy. Does not block; nothing is owned.
 *
 * Of what has come from one side and was not taken yet, the calls say how much may be taken, and
 * what that is; 0: more must come first. They never need more than FAULT_WIRE_MAX bytes.
 */
#ifndef TESTS_SUPPORT_FAULT_WIRE_H
#define TESTS_SUPPORT_FAULT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/fault_proxy.h"

enum { FAULT_WIRE_MAX = 65536, FAULT_WIRE_NAME_SIZE = 8, FAULT_WIRE_WRITERS = 8 };

struct fault_wire {
    enum fault_protocol protocol;
    size_t left[2];     /* of a message that is being taken in parts, for each way */
    bool started;       /* PostgreSQL: its first message, which has no type, was sent */
    size_t raw_answers; /* PostgreSQL: answers of one byte to come */
    bool in_transaction;
    bool committing;                                        /* PostgreSQL: up to the next Sync */
    char writers[FAULT_WIRE_WRITERS][FAULT_WIRE_NAME_SIZE]; /* PostgreSQL: prepared statements */
    size_t writer_count;
};

struct fault_piece {
    size_t len;
    bool begins_command; /* MySQL */
    bool begins_commit;
    bool ends_commit; /* the server has, with this, all it needs */
    bool ends_answer; /* to whatever was asked */
};

struct fault_piece fault_wire_from_client(struct fault_wire *wire, const uint8_t *bytes,
                                          size_t len);
struct fault_piece fault_wire_from_server(struct fault_wire *wire, const uint8_t *bytes,
                                          size_t len);

#endif
