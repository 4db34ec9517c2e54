# SPDX-License-Identifier: MIT
"""The two Markdown tables: the contenders beside their limits, and the limits."""
import statistics
from dataclasses import dataclass

import load
from limits import BATCH
from measure import CONNECTIONS, MANY_CONNECTIONS, STORED_CONNECTIONS


@dataclass
class Row:
    """`limit`: of which limit the figure of ours is a share, "{database}" being that of ours."""
    label: str
    key: str
    digits: int = 0
    has_ratio: bool = True
    limit: str = ""
    is_time: bool = False  # the limit is the least, and what counts is how many times that it takes


def rows(stored):
    """`stored`: how many orders /metrics has found in the end."""
    few, many, rate = f"{CONNECTIONS} connections", f"{MANY_CONNECTIONS:,} connections", load.RATE
    return [
        Row(f"POST, {few}: accepted/s, worker running", "accepted", limit="post"),
        Row(f"POST, {few}: completed/s meanwhile", "completed", 1, limit="{database} all"),
        Row(f"POST, {few}: p50, ms", "p50", 2, limit="post_p50", is_time=True),
        Row(f"POST, {few}: p99, ms", "p99", 2, limit="post_p99", is_time=True),
        Row("Pending at the middle of the load", "pending_middle", has_ratio=False),
        Row("Pending at its end", "pending_end", has_ratio=False),
        Row("backlog growth, orders/s", "growth", has_ratio=False),
        Row("backlog grows, rounds", "grows", has_ratio=False),
        Row("CPU per order: API, us", "cpu_api", 1),
        Row("CPU per order: worker, us", "cpu_worker", 1),
        Row("CPU per order: database, us", "cpu_database", 1),
        Row("CPU per order: Redis, us", "cpu_redis", 1),
        Row(f"POST, {many}: accepted/s, worker running", "many", limit="many"),
        Row(f"POST, {many}: p50, ms", "many_p50", 2, limit="many_p50", is_time=True),
        Row(f"POST, {many}: p99, ms", "many_p99", 2, limit="many_p99", is_time=True),
        Row(f"POST, {few}: accepted/s, worker stopped", "alone", limit="post"),
        Row(f"POST, {many}: accepted/s, worker stopped", "many_alone", limit="many"),
        Row(f"POST at {rate:,}/s: accepted/s", "rate", has_ratio=False),
        Row(f"POST at {rate:,}/s: p50, ms", "rate_p50", 2, limit="flush", is_time=True),
        Row(f"POST at {rate:,}/s: p99, ms", "rate_p99", 2, limit="flush", is_time=True),
        Row(f"GET /order/{{id}}, {few}: answers/s", "reads", limit="get"),
        Row(f"GET /order/{{id}}, {few}: p50, ms", "reads_p50", 2, limit="get_p50", is_time=True),
        Row(f"GET /order/{{id}}, {few}: p99, ms", "reads_p99", 2, limit="get_p99", is_time=True),
        Row(f"GET /order/{{id}}, {many}: answers/s", "many_reads", limit="many_get"),
        Row(f"GET /order/{{id}}, {many}: p50, ms", "many_reads_p50", 2, limit="many_get_p50",
            is_time=True),
        Row(f"GET /order/{{id}}, {many}: p99, ms", "many_reads_p99", 2, limit="many_get_p99",
            is_time=True),
        Row(f"GET /metrics, {few}: answers/s", "metrics", limit="get"),
        Row(f"GET /metrics, {stored:,} orders, {STORED_CONNECTIONS} connections: answers/s",
            "stored", 1),
        Row("API: exec to ready, ms", "ready_api", 1),
        Row("worker: exec to ready, ms", "ready_worker", 1),
        Row("API: RSS idle, MiB", "rss_api_idle", 1),
        Row("worker: RSS idle, MiB", "rss_worker_idle", 1),
        Row("API: RSS after load, MiB", "rss_api_loaded", 1),
        Row("worker: RSS after load, MiB", "rss_worker_loaded", 1),
        Row("answers other than 2xx", "refused", has_ratio=False),
        Row("connections lost", "lost", has_ratio=False),
    ]


def limit_rows(databases):
    batches = [(f"{title} {part}", f"{title}, {BATCH:,} rows a transaction: {what}", 0)
               for title in databases
               for part, what in (("insert", "insert, rows/s"), ("claim", "claim, rows/s"),
                                  ("complete", "complete, rows/s"),
                                  ("all", "all three, orders/s"))]
    loads = (("post", f"POST, {CONNECTIONS} connections"),
             ("many", f"POST, {MANY_CONNECTIONS:,} connections"),
             ("get", f"GET, {CONNECTIONS} connections"),
             ("many_get", f"GET, {MANY_CONNECTIONS:,} connections"))
    constant = [(key + part, f"libmicrohttpd answering a constant, {what}: {unit}", digits)
                for key, what in loads
                for part, unit, digits in (("", "answers/s", 0), ("_p50", "p50, ms", 3),
                                           ("_p99", "p99, ms", 3))]
    return [*constant, *batches, ("flush", "an append of 4 KiB and its fdatasync, ms", 3)]


def medians(rounds):
    """By key, over the rounds; a figure that a round lacks is left out."""
    return {key: statistics.median(values) for key in rounds[0]
            if None not in (values := [found.get(key) for found in rounds])}


def figure(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(ours, theirs):
    return f"{ours / theirs:.3g}" if ours is not None and theirs else "-"


def limit_cells(row, ours, median, limits):
    limit = limits.get(row.limit.format(database=ours.database))
    value = median[ours.name].get(row.key)
    if not limit or value is None:
        return ["", ""]
    reached = f"{value / limit:.1f} times" if row.is_time else f"{value / limit:.0%}"
    return [figure(limit, 3 if row.is_time else 0), reached]


def cells(row, measured, median, results):
    if row.key == "grows":
        return [f"{sum(found['grows'] for found in results[c.name])} of {len(results[c.name])}"
                for c in measured]
    return [figure(median[c.name].get(row.key), row.digits) for c in measured]


def print_lines(lines):
    lines.insert(1, ["---"] + ["---:"] * (len(lines[0]) - 1))
    for line in lines:
        print("| " + " | ".join(line) + " |")


def print_tables(title, stored, measured, results, limits):
    """`results`: by contender what each round measured; `limits`: the same for the limits.

    Ratios and shares are of the first of this project's own that was measured."""
    median = {c.name: medians(results[c.name]) for c in measured}
    limit = medians(limits)
    ours = next((c for c in measured if c.is_ours()), None)
    peers = [c for c in measured if not c.is_ours()] if ours else []
    shares = [f"limit of {ours.title}", "reached"] if ours else []
    lines = [[title, *(c.title for c in measured),
              *(f"{ours.title} / {c.title}" for c in peers), *shares]]
    for row in rows(stored):
        line = [row.label, *cells(row, measured, median, results)]
        line += [ratio(median[ours.name].get(row.key), median[c.name].get(row.key))
                 if row.has_ratio else "" for c in peers]
        lines.append(line + (limit_cells(row, ours, median, limit) if ours else []))
    print_lines(lines)
    print()
    databases = {c.database: None for c in measured}
    print_lines([["limit", "median"]] + [[label, figure(limit.get(key), digits)]
                                         for key, label, digits in limit_rows(databases)])
