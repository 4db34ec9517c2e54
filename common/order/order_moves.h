/* SPDX-License-Identifier: MIT */
/*
 * The two legal moves of an order, Pending -> Processing -> Completed, and the numbers of the
 * states for SQL. The SQL of each database takes both from here, so a state or a move is changed in
 * one place. Pure data and pure functions.
 */
#ifndef COMMON_ORDER_ORDER_MOVES_H
#define COMMON_ORDER_ORDER_MOVES_H

#include <stdbool.h>

#include "common/order/order.h"

enum order_move {
    ORDER_CLAIM,
    ORDER_COMPLETE,
    ORDER_MOVES,
};

struct order_transition {
    const char *name; /* "claim", "complete": for logs */
    enum order_status from;
    enum order_status to;
};

extern const struct order_transition order_moves[ORDER_MOVES];

/* Whether there is such a move. Staying where it is, is none. */
bool order_may_move(enum order_status from, enum order_status to);

/* The numbers of the enum once more, because a macro can be a part of a string. */
#define ORDER_NUMBER_PENDING 0
#define ORDER_NUMBER_PROCESSING 1
#define ORDER_NUMBER_COMPLETED 2
_Static_assert(ORDER_NUMBER_PENDING == ORDER_PENDING, "SQL and the enum agree");
_Static_assert(ORDER_NUMBER_PROCESSING == ORDER_PROCESSING, "SQL and the enum agree");
_Static_assert(ORDER_NUMBER_COMPLETED == ORDER_COMPLETED, "SQL and the enum agree");
_Static_assert(ORDER_STATUS_COUNT == 3, "a new state needs its number and its moves here");

#define ORDER_SQL_TEXT(number) #number
#define ORDER_SQL(number) ORDER_SQL_TEXT(number)

/* As SQL has them, for constant statements: "status = " ORDER_SQL_PENDING. */
#define ORDER_SQL_PENDING ORDER_SQL(ORDER_NUMBER_PENDING)
#define ORDER_SQL_PROCESSING ORDER_SQL(ORDER_NUMBER_PROCESSING)
#define ORDER_SQL_COMPLETED ORDER_SQL(ORDER_NUMBER_COMPLETED)

/* A move as the two halves of its UPDATE. */
#define ORDER_SQL_CLAIM_FROM ORDER_SQL_PENDING
#define ORDER_SQL_CLAIM_TO ORDER_SQL_PROCESSING
#define ORDER_SQL_COMPLETE_FROM ORDER_SQL_PROCESSING
#define ORDER_SQL_COMPLETE_TO ORDER_SQL_COMPLETED

#endif
