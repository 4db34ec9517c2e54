# SPDX-License-Identifier: MIT
"""What nothing on this machine can exceed, or little: libmicrohttpd answering a constant, a
database moving orders in full batches, one fdatasync."""
import os
import sqlite3
import statistics
import sys
import time
from contextlib import ExitStack

import client
import load
from measure import CONNECTIONS, MANY_CONNECTIONS, MANY_WARM_UP_S, WARM_UP_S
from processes import run, say, start, wait_ready

DATABASE = "limits"
BATCH, BATCHES = 1000, 100
FLUSHES, FLUSH_BYTES = 300, 4096
USER, ITEMS, CENTS = "user123", "[101,102]", 25075  # of client.BODY


def estimate_s(databases, seconds):
    """Seconds that measure_limits takes, about."""
    return 4 * (seconds + WARM_UP_S) + 12 * len(databases) + 5


def measure_limits(servers, build, seconds, label):
    say(f"{label}: libmicrohttpd answering a constant, four loads of {seconds} s")
    limits = measure_constant(servers.folder, build / "tests/bench/bench-constant", seconds)
    for title, database in servers.databases.items():
        say(f"{label}: {title}, {BATCHES} transactions of {BATCH:,} rows")
        limits |= measure_batches(database, build / "api-service/order-api", servers.folder)
    say(f"{label}: {FLUSHES} appends and fdatasyncs")
    limits["flush"] = measure_flush(servers.folder)
    return limits


def measure_constant(folder, program, seconds):
    """Answers a second, and the milliseconds to them, of the loads that order-api gets too."""
    log, limits, path = folder / "constant.log", {}, "/order/ORD123456"
    with ExitStack() as stack:
        server = start(stack, log, [program])
        wait_ready(server, log, lambda: "\n" in log.read_text())
        generator = load.Generator(folder, int(log.read_text().partition("port=")[2]))
        for key, done in (
                ("post", generator.post(seconds, CONNECTIONS, WARM_UP_S)),
                ("many", generator.post(seconds, MANY_CONNECTIONS, MANY_WARM_UP_S)),
                ("get", generator.get([path], seconds, CONNECTIONS, WARM_UP_S)),
                ("many_get", generator.get([path], seconds, MANY_CONNECTIONS, MANY_WARM_UP_S))):
            load.require_answers(done, f"libmicrohttpd answering a constant, {key}")
            limits |= {key: done.rate(), f"{key}_p50": done.percentile_ms(50),
                       f"{key}_p99": done.percentile_ms(99)}
    return limits


def measure_flush(folder):
    """The median milliseconds of an append and its fdatasync."""
    times_ms, block = [], bytes(FLUSH_BYTES)
    path = folder / "flushes"
    with open(path, "wb", buffering=0) as file:
        for _ in range(FLUSHES):
            began = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            times_ms.append((time.perf_counter() - began) * 1000)
    path.unlink()
    return statistics.median(times_ms)


# --- what a database does in full batches, one connection after its own commits ----------------

def measure_batches(database, api, folder):
    """Rows a second, inserted, claimed and completed, and orders a second that pass all three."""
    database.create(DATABASE)
    run(api, "migrate", cwd=folder, env=dict(
        os.environ, **client.CREDENTIALS, DATABASE_URL=database.url(DATABASE)))
    seconds = {part: RUNNERS[database.title](database, folder, part)
               for part in ("insert", "claim", "complete")}
    seconds["all"] = sum(seconds.values())
    completed = int(database.sql("SELECT COUNT(*) FROM orders WHERE status = 2", DATABASE))
    if completed != BATCH * BATCHES:
        sys.exit(f"bench: {database.title}: of {BATCH * BATCHES:,} orders {completed:,} completed")
    return {f"{database.title} {part}": BATCH * BATCHES / s for part, s in seconds.items()}


def batches():
    return [range(first, first + BATCH) for first in range(1, BATCH * BATCHES + 1, BATCH)]


def time_client(database, folder, statements):
    """Seconds that the database's own client takes for them."""
    path = folder / "batches.sql"
    path.write_text(statements, encoding="ascii")
    with open(path, encoding="ascii") as file:
        began = time.monotonic()
        run(*database.client(DATABASE), stdin=file)
        return time.monotonic() - began


# As common/store/mysql/mysql_session.c, mysql_insert.c and mysql_move.c write them.
MYSQL_SESSION = """SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET SESSION time_zone = '+00:00', in_predicate_conversion_threshold = 0;
"""
MYSQL_INSERT = ("INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
                "created_at, started_at, due_at, completed_at) VALUES ")
MYSQL_MOVES = {
    "claim": "UPDATE orders FORCE INDEX (PRIMARY) SET status = 1, "
             "started_at = GREATEST(UTC_TIMESTAMP(6), created_at), "
             "due_at = GREATEST(UTC_TIMESTAMP(6), created_at) + INTERVAL 0 MICROSECOND "
             "WHERE {ids} AND status = 0;\n",
    "complete": "UPDATE orders FORCE INDEX (PRIMARY) SET status = 2, "
                "completed_at = UTC_TIMESTAMP(6) WHERE {ids} AND status = 1 "
                "AND due_at <= UTC_TIMESTAMP(6);\n",
}
MYSQL_COUNTS = {
    "insert": "created = created + {count}",
    "claim": "started = started + {count}",
    "complete": "completed = completed + {count}, duration_us = duration_us + "
                "(SELECT SUM(TIMESTAMPDIFF(MICROSECOND, created_at, completed_at)) "
                "FROM orders FORCE INDEX (PRIMARY) WHERE {ids})",
}


def mysql_range(ids):
    return f"id BETWEEN {ids[0]} AND {ids[-1]}"


def mysql_move(part, ids):
    if part in MYSQL_MOVES:
        return MYSQL_MOVES[part].format(ids=mysql_range(ids))
    return MYSQL_INSERT + ",".join(
        f"({number},_binary'demo','{USER}','{ITEMS}',{CENTS},0,UTC_TIMESTAMP(6),'1000-01-01',"
        "UTC_TIMESTAMP(6),'1000-01-01')"
        for number in ids) + ";\n"


def run_mariadb(database, folder, part):
    transactions = [
        "START TRANSACTION;\n" + mysql_move(part, ids)
        + "UPDATE counters SET " + MYSQL_COUNTS[part].format(
            count=BATCH, ids=mysql_range(ids))
        + " WHERE slot = 1;\nCOMMIT;\n" for ids in batches()]
    return time_client(database, folder, MYSQL_SESSION + "".join(transactions))


# As common/store/postgres/postgres_insert.c and postgres_move.c write them, with the parameters put in.
POSTGRES = {
    "insert": """WITH sent AS MATERIALIZED (SELECT * FROM unnest({ids}::bigint[],
array_fill('demo'::text, ARRAY[{count}]), array_fill('{user}'::text, ARRAY[{count}]),
array_fill('{items}'::text, ARRAY[{count}]), array_fill({cents}::bigint, ARRAY[{count}]),
array_fill(''::text, ARRAY[{count}]), array_fill('\\x00'::bytea, ARRAY[{count}])) WITH ORDINALITY
AS t (id, client_id, user_id, item_ids, total_cents, key, fingerprint, place)),
keys AS (INSERT INTO idempotency_keys AS k
(client_id, idempotency_key, order_id, fingerprint, created_at)
SELECT DISTINCT ON (client_id COLLATE "C", key COLLATE "C")
client_id, key, id, fingerprint, statement_timestamp() FROM sent WHERE key <> ''
ORDER BY client_id COLLATE "C", key COLLATE "C", place
ON CONFLICT (client_id, idempotency_key) DO UPDATE SET order_id = k.order_id
RETURNING client_id, idempotency_key, order_id, fingerprint),
stored AS (INSERT INTO orders
(id, client_id, user_id, item_ids, total_cents, status, created_at, due_at)
SELECT id, client_id, user_id, item_ids, total_cents, 0, statement_timestamp(),
statement_timestamp() FROM sent WHERE key = '' OR (client_id, key, id) IN
(SELECT client_id, idempotency_key, order_id FROM keys) RETURNING 1),
counted AS (INSERT INTO counters AS c (slot, created)
SELECT pg_backend_pid() % 64, count(*) FROM stored HAVING count(*) > 0
ON CONFLICT (slot) DO UPDATE SET created = c.created + excluded.created)
SELECT s.place, k.order_id, (k.fingerprint <> s.fingerprint)::int FROM sent s
JOIN keys k ON k.client_id = s.client_id AND k.idempotency_key = s.key;
""",
    "claim": """WITH moved AS (UPDATE orders SET status = 1,
started_at = greatest(statement_timestamp(), created_at),
due_at = greatest(statement_timestamp(), created_at) + 0::bigint * interval '1 ms'
WHERE id = ANY ({ids}::bigint[]) AND status + 0 = 0 RETURNING id, started_at - created_at AS age),
counted AS (INSERT INTO counters AS c (slot, started)
SELECT pg_backend_pid() % 64, count(*) FROM moved HAVING count(*) > 0
ON CONFLICT (slot) DO UPDATE SET started = c.started + excluded.started)
SELECT id, (extract(epoch FROM age) * 1000000)::bigint FROM moved;
""",
    "complete": """WITH moved AS (UPDATE orders SET status = 2,
completed_at = statement_timestamp()
WHERE id = ANY ({ids}::bigint[]) AND status + 0 = 1 AND due_at <= statement_timestamp()
RETURNING completed_at - created_at AS duration),
counted AS (INSERT INTO counters AS c (slot, completed, duration_us)
SELECT pg_backend_pid() % 64, count(*),
(extract(epoch FROM sum(duration)) * 1000000)::bigint FROM moved HAVING count(*) > 0
ON CONFLICT (slot) DO UPDATE SET completed = c.completed + excluded.completed,
duration_us = c.duration_us + excluded.duration_us)
SELECT count(*) FROM moved;
""",
}


def run_postgresql(database, folder, part):
    return time_client(database, folder, "".join(
        POSTGRES[part].format(ids="'{" + ",".join(map(str, ids)) + "}'", count=BATCH, user=USER,
                              items=ITEMS, cents=CENTS) for ids in batches()))


# As common/store/sqlite/sqlite_statements.c has them.
SQLITE = {
    "insert": "INSERT INTO orders (id, client_id, user_id, item_ids, total_cents, status, "
              "created_at, due_at) VALUES (:id, 'demo', :user, :items, :cents, 0, :now, :now) "
              "ON CONFLICT (id) DO NOTHING",
    "claim": "UPDATE orders SET status = 1, started_at = max(:now, created_at), "
             "due_at = max(:now, created_at) + 0 WHERE id = :id AND status = 0 "
             "RETURNING started_at - created_at",
    "complete": "UPDATE orders SET status = 2, completed_at = :now "
                "WHERE id = :id AND status = 1 AND due_at <= :now "
                "RETURNING completed_at - created_at",
}
SQLITE_COUNT = ("UPDATE counters SET created = created + ?1, started = started + ?2, "
                "completed = completed + ?3, duration_us = duration_us + ?4 WHERE slot = 0")


def run_sqlite(database, _folder, part):
    moved = [BATCH if part == name else 0 for name in ("insert", "claim", "complete")]
    connection = sqlite3.connect(database.path(DATABASE), isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        began = time.monotonic()
        for ids in batches():
            values = {"user": USER, "items": ITEMS, "cents": CENTS,
                      "now": time.time_ns() // 1000}
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(SQLITE[part], ({"id": number, **values} for number in ids))
            connection.execute(SQLITE_COUNT, (*moved, 0))
            connection.execute("COMMIT")
        return time.monotonic() - began
    finally:
        connection.close()


RUNNERS = {"MariaDB": run_mariadb, "PostgreSQL": run_postgresql, "SQLite": run_sqlite}
