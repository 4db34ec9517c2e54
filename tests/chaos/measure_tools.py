# SPDX-License-Identifier: MIT
"""What the measurements share: the pair on one database, open-loop load, and lines of the table."""
import base64
import math
import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass

from processes import die_with_parent, free_port, start, stop, wait_ready

BODY = b'{"user_id":"user123","item_ids":[101,102],"total_amount":250.75}'
CREDENTIALS = base64.b64encode(b"demo:demo-secret").decode()
STEP_S = 0.02


@dataclass
class Line:
    """One line of the table. `held` is None where nothing is promised."""
    what: str
    limit: str
    measured: str
    held: bool = None


def percentile(values, share):
    """The smallest value that so large a share of them does not pass."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * share / 100) - 1] if ordered else math.nan


class Failed(Exception):
    """A measurement could not be made; the others go on."""


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failed(f"after {seconds} s still not: {what}")
        time.sleep(STEP_S)


class Orders:
    """The orders in one database, asked by SQL. Times are the database's own, in microseconds."""

    def __init__(self, server, name="orders"):
        self.server, self.name = server, name

    def us(self, first, last):
        if self.server.title == "MariaDB":
            return f"TIMESTAMPDIFF(MICROSECOND, {first}, {last})"
        return f"CAST(EXTRACT(EPOCH FROM ({last} - {first})) * 1000000 AS bigint)"

    def sql(self, statements):
        return self.server.sql(statements, self.name)

    def rows(self, query):
        return [[int(value) for value in line.split("\t")]
                for line in self.sql(query).splitlines() if line]

    def number(self, query):
        return self.rows(query)[0][0]

    def count(self, condition="1 = 1"):
        return self.number(f"SELECT count(*) FROM orders WHERE {condition}")

    def pending(self):
        """From the counters, which costs the same however many there are."""
        return self.number("SELECT COALESCE(SUM(created - started), 0) FROM counters")

    def incomplete(self):
        return self.number("SELECT COALESCE(SUM(created - completed), 0) FROM counters")

    def newest_id(self):
        return self.number("SELECT COALESCE(MAX(id), 0) FROM orders")

    def seconds(self, first, last, condition="1 = 1"):
        """From one column to another, of each order."""
        return [row[0] / 1e6 for row in
                self.rows(f"SELECT {self.us(first, last)} FROM orders WHERE {condition}")]

    def await_all_completed(self, seconds):
        wait_until(lambda: self.incomplete() == 0, seconds, "all orders Completed")


class Pair:
    """order-api and order-workers on one database and, unless it is None, one Redis."""

    def __init__(self, build, folder, server, redis, **settings):
        self.build, self.folder, self.redis = build, folder, redis
        self.orders = Orders(server)
        self.settings = {key: str(value) for key, value in settings.items()}
        self.stack, self.started = ExitStack(), 0

    def __enter__(self):
        self.orders.server.create(self.orders.name)
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self, program, **settings):
        self.started += 1
        log = self.folder / f"{program}-{self.started}.log"
        env = {"API_CLIENT_ID": "demo", "API_CLIENT_SECRET": "demo-secret",
               "DATABASE_URL": self.orders.server.url(self.orders.name),
               "REDIS_URL": self.redis.url() if self.redis else "", **self.settings, **settings}
        service = program.removeprefix("order-").replace("api", "api-service").replace(
            "worker", "worker-service")
        process = start(self.stack, log, [self.build / service / program], env=env)
        process.log = log
        wait_ready(process, log, lambda: "msg=ready" in log.read_text())
        return process

    def start_api(self, port=None, **settings):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        return self.start("order-api", PORT=str(self.port), **settings)

    def start_worker(self, **settings):
        return self.start("order-worker", **settings)


def kill(process):
    process.kill()
    process.wait()


@dataclass
class Answer:
    at: float  # seconds since the epoch, when the request was sent
    status: int
    ms: float


class Load:
    """
    Orders posted at a rate, or, without one, as fast as they are answered, by h2load. Its clients
    all fire at once, so several of it start one after the other, to spread the requests out.
    """
    tools = {"h2load": "nghttp2-client"}

    def __init__(self, pair, seconds, connections, rate=None, parts=10):
        self.parts, self.seconds = [], seconds
        body = pair.folder / "body.json"
        body.write_bytes(BODY)
        parts = parts if rate else 1
        each = max(1, connections // parts)
        per_client = rate / (each * parts) if rate else None
        for part in range(parts):
            log = pair.folder / f"h2load-{part}.log"
            log.unlink(missing_ok=True)
            command = ["h2load", "--h1", f"--clients={each}", f"--duration={seconds}",
                       f"--log-file={log}", f"--data={body}",
                       f"--header=Authorization: Basic {CREDENTIALS}",
                       "--header=Content-Type: application/json", pair.url + "/order"]
            if rate:
                command.append(f"--rps={per_client:.6f}")
                time.sleep(1 / per_client / parts)
            process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       start_new_session=True, preexec_fn=die_with_parent)
            pair.stack.callback(stop, process)
            self.parts.append((process, log))

    def join(self):
        """What was answered, in the order of asking; status -1: the connection broke."""
        answers = []
        for process, log in self.parts:
            try:
                output = process.communicate(timeout=self.seconds + 30)[0]
            except subprocess.TimeoutExpired:
                stop(process)
                raise Failed("h2load did not end") from None
            if process.returncode != 0:
                raise Failed(f"h2load failed:\n{output[-1000:]}")
            for line in log.read_text().splitlines():
                at, status, us = line.split("\t")[:3]
                answers.append(Answer(int(at) / 1e6, int(status), int(us) / 1000))
        return sorted(answers, key=lambda answer: answer.at)


def times(answers, status=200):
    return [answer.ms for answer in answers if answer.status == status]


def resident_mb(process):
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


# --- who else used the machine ----------------------------------------------------------------

def stat_of(pid):
    """Its parent, and the seconds it and the children it has waited for have run; None: ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def seconds_of_ours():
    """Of this process and all below it."""
    found = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    ours, size = {os.getpid()}, 0
    while len(ours) > size:
        size = len(ours)
        ours |= {pid for pid, stat in found.items() if stat and stat[0] in ours}
    return sum(found[pid][1] for pid in ours if found.get(pid))


def seconds_of_all():
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _wait, *interrupts = map(int, stat.readline().split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


class Others:
    """What share of the processors' time went to programs that have no part in this."""

    def __init__(self):
        self.at, self.all, self.ours = time.monotonic(), seconds_of_all(), seconds_of_ours()

    def share(self):
        theirs = seconds_of_all() - self.all - (seconds_of_ours() - self.ours)
        return max(0, theirs) / (time.monotonic() - self.at) / os.cpu_count()
