# SPDX-License-Identifier: MIT
"""Fills a database with completed orders through SQL, as the services would have left them.

Each chunk is one transaction that moves rows, counters and reserved ids together, so that
`order-api verify` finds nothing wrong, and a run that was stopped has not left nonsense either.
"""
import math
import sys
import time

from processes import say

CHUNK_MAX = 100_000
SLOTS = 64
PERIOD_US = 30 * 24 * 3600 * 1_000_000  # the orders came in over that time, up to an hour ago
KEYED_EVERY = 10  # one order in ten came with an idempotency key
SHOW_S = 1

# What the databases say differently. Of an order only its number is given; all else follows.
DIALECTS = {
    "MariaDB": {
        "before": "SET sql_mode = 'PIPES_AS_CONCAT', time_zone = '+00:00';",
        "numbers": "(SELECT seq AS id FROM seq_{first}_to_{last}) AS numbers",
        "time": "TIMESTAMP '1970-01-01 00:00:00' + INTERVAL ({us}) MICROSECOND",
        "now": "UTC_TIMESTAMP(6)",
        "duration": "TIMESTAMPDIFF(MICROSECOND, created_at, completed_at)",
        "text": "CAST(({number}) AS CHAR)",
        "key": "MD5(id)", "fingerprint": "UNHEX(MD5(-id))",
        "slots": SLOTS, "make_slot": "",
        "microseconds": "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {time})",
        "after": "ANALYZE TABLE orders, idempotency_keys",
    },
    "PostgreSQL": {
        "before": "",
        "numbers": "generate_series({first}::bigint, {last}::bigint) AS numbers (id)",
        "time": "timestamptz 'epoch' + ({us}) * interval '1 microsecond'",
        "now": "clock_timestamp()",
        "duration": "extract(epoch FROM completed_at - created_at) * 1000000",
        "text": "({number})::text",
        "key": "md5(id::text)", "fingerprint": "decode(md5((-id)::text), 'hex')",
        "slots": SLOTS,
        "make_slot": "INSERT INTO counters (slot) VALUES ({slot}) ON CONFLICT DO NOTHING;",
        "microseconds": "(extract(epoch FROM {time}) * 1000000)::bigint",
        "after": "VACUUM (ANALYZE)",
    },
    "SQLite": {
        "before": "",
        "numbers": "(WITH RECURSIVE n (id) AS (VALUES ({first}) UNION ALL "
                   "SELECT id + 1 FROM n WHERE id < {last}) SELECT id FROM n) AS numbers",
        "time": "{us}",
        "now": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000",
        "duration": "completed_at - created_at",
        "text": "CAST(({number}) AS TEXT)",
        "key": "lower(hex(randomblob(16)))", "fingerprint": "randomblob(16)",
        "slots": 1, "make_slot": "",
        "microseconds": "{time}",
        "after": "ANALYZE",
    },
}

CHUNK = """{before}
BEGIN;
INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status,
                    created_at, started_at, due_at, completed_at)
SELECT id, 'demo', 'user' || {user}, '[' || {item} || ',' || {other_item} || ']',
       id * 7919 % 100000, 2, {created}, {started}, {due}, {completed} FROM {numbers};
INSERT INTO idempotency_keys (client_id, idempotency_key, order_id, fingerprint, created_at)
SELECT client_id, {key}, id, {fingerprint}, created_at FROM orders
WHERE id BETWEEN {first} AND {last} AND id % {keyed_every} = 0;
{make_slot}
UPDATE counters SET created = created + {count}, started = started + {count},
       completed = completed + {count}, duration_us = duration_us +
       (SELECT SUM({duration}) FROM orders WHERE id BETWEEN {first} AND {last})
WHERE slot = {slot};
UPDATE id_blocks SET next_id = {last} + 1 WHERE name = 'orders';
COMMIT"""

PENDING = """{before}
BEGIN;
INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, created_at, due_at)
SELECT id, 'demo', 'user' || {user}, '[101,102]', 25075, 0, clock.now_at, clock.now_at
FROM {numbers} CROSS JOIN (SELECT {now} AS now_at) AS clock;
UPDATE counters SET created = created + {count} WHERE slot = 0;
UPDATE id_blocks SET next_id = {last} + 1 WHERE name = 'orders';
COMMIT"""


def statements(template, database, first, last, slot=0, **more):
    dialect = DIALECTS[database.title]
    values = {"first": first, "last": last, "count": last - first + 1, "slot": slot,
              "keyed_every": KEYED_EVERY, **more}
    for name in ("before", "numbers", "now", "duration", "key", "fingerprint", "make_slot"):
        values[name] = dialect[name].format(**values)
    for name, number in (("user", "id % 100000"), ("item", "id % 1000"),
                         ("other_item", "id % 777 + 1000")):
        values[name] = dialect["text"].format(number=number)
    return template.format(**values)


def chunk(database, first, last, slot, start_us, spacing_us):
    """Each order waits 1 to 10 ms, is processed for 2 s, and completes up to 10 ms after that."""
    created = f"{start_us} + id * {spacing_us}"
    started = f"{created} + 1000 + id * 31 % 9000"
    due = f"{started} + 2000000"
    times = {"created": created, "started": started, "due": due,
             "completed": f"{due} + id * 37 % 10000"}
    time_of = DIALECTS[database.title]["time"]
    return statements(CHUNK, database, first, last, slot,
                      **{name: time_of.format(us=us) for name, us in times.items()})


class Progress:
    """A line that changes on a terminal; elsewhere one a tenth, unless all is quickly done."""

    def __init__(self, what):
        self.what, self.shown = what, 0
        self.began = self.at = time.monotonic()

    def show(self, share):
        if time.monotonic() - self.at < SHOW_S and (share < 1 or self.shown == 0):
            return
        if sys.stderr.isatty():
            print(f"\r{self.what}: {share:4.0%}", end="\n" if share == 1 else "",
                  file=sys.stderr, flush=True)
        elif int(share * 10) > int(self.shown * 10):
            say(f"{self.what}: {share:.0%}")
        else:
            return
        self.shown, self.at = share, time.monotonic()

    def seconds(self):
        return time.monotonic() - self.began


def seed(database, name, orders):
    """Returns the seconds it took. Small tables too get a chunk for each slot of the counters."""
    size = min(CHUNK_MAX, math.ceil(orders / SLOTS))
    spacing_us = max(1, PERIOD_US // orders)
    start_us = int((time.time() - 3600) * 1_000_000) - orders * spacing_us
    progress = Progress(f"{database.title}: storing {orders:,} orders")
    for turn, first in enumerate(range(1, orders + 1, size)):
        last = min(first + size - 1, orders)
        slot = turn % DIALECTS[database.title]["slots"]
        database.sql(chunk(database, first, last, slot, start_us, spacing_us), name)
        progress.show(last / orders)
    database.sql(DIALECTS[database.title]["after"], name)
    return progress.seconds()


def add_pending(database, name, count):
    """As an API would have stored them, but without a hint. Returns their ids. Nothing else may
    reserve ids meanwhile."""
    first = int(database.sql("SELECT next_id FROM id_blocks WHERE name = 'orders'", name))
    database.sql(statements(PENDING, database, first, first + count - 1), name)
    return range(first, first + count)


def microseconds(database, column):
    return DIALECTS[database.title]["microseconds"].format(time=column)
