/* SPDX-License-Identifier: MIT */
/*
 * A queue as the one on Redis behaves, without Redis: it can be away, and it can hang. Behind it is
 * the real in-memory queue. The functions below may be called from any thread.
 */
#ifndef TESTS_UNIT_FAKE_QUEUE_H
#define TESTS_UNIT_FAKE_QUEUE_H

#include <stdbool.h>

#include "common/queue/queue.h"

/* End it with queue_close. */
struct queue *fake_queue_open(void);

/* Away, pushes and pops answer STATUS_UNAVAILABLE at once. */
void fake_queue_set_away(struct queue *queue, bool away);

/* Hanging, pushes do not return. Let it go before the queue's user is stopped. */
void fake_queue_set_hanging(struct queue *queue, bool hanging);

/* From now on each pop gets one id at once, `first` and those after it, and not what is pushed. */
void fake_queue_set_endless(struct queue *queue, order_id first);

/* Waits until a push or pop was refused, a push hangs, or a pop waits for ids; false: that did not
 * come about. */
bool fake_queue_wait_refused(struct queue *queue);
bool fake_queue_wait_hung(struct queue *queue);
bool fake_queue_wait_popping(struct queue *queue);

#endif
