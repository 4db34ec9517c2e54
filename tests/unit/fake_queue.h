/* SPDX-License-Identifier: MIT */
/*
 * A queue that behaves like the one on Redis: it can be away, and it can hang. It uses the real
 * in-memory queue. The functions below may be called from any thread.
 */
#ifndef TESTS_UNIT_FAKE_QUEUE_H
#define TESTS_UNIT_FAKE_QUEUE_H

#include <stdbool.h>

#include "common/queue/queue.h"

/* End it with queue_close. */
struct queue *fake_queue_open(void);

/* While it is away, pushes and pops return STATUS_UNAVAILABLE at once. */
void fake_queue_set_away(struct queue *queue, bool away);

/* While it hangs, pushes do not return. Set it to false before the queue's user is stopped. */
void fake_queue_set_hanging(struct queue *queue, bool hanging);

/* From now on each pop returns one id at once, counting up from `first`; pushed ids are ignored. */
void fake_queue_set_endless(struct queue *queue, order_id first);

/* Wait until a push or pop was refused, a push hangs, or a pop waits for ids; false: timeout. */
bool fake_queue_wait_refused(struct queue *queue);
bool fake_queue_wait_hung(struct queue *queue);
bool fake_queue_wait_popping(struct queue *queue);

#endif
