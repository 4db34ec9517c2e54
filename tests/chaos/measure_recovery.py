# SPDX-License-Identifier: MIT
"""Workers killed, hints flushed, Redis gone: when the orders complete all the same."""
import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack

from measure_tools import (Failed, Line, Load, Pair, kill, percentile, wait_until)
from processes import say, start, wait_ready

ORPHAN_DELAY_S = 8
ORPHAN_RATE = 2000
ORPHAN_SECONDS = 3
LIVE_RATE = 300

FLUSH_DELAY_MS = 1000
FLUSH_CAPACITY = 1000  # of each of the two workers, so they complete about 2,000 orders a second
FLUSH_PENDING = 10000
FLUSH_ORDERS = 16000  # of which the rest has begun or ended by then

REDIS_RATE = 400
REDIS_CONNECTIONS = 40
REDIS_BEFORE_S = 13  # as many seconds as after it, since the worst of more is worse
REDIS_AWAY_S = 8
REDIS_BACK_S = 5


def orphans(rig, server):
    """Kill a worker that holds thousands of orders, while another one is busy with new ones."""
    with Pair(rig.build, rig.folder, server, rig.redis, PROCESSING_DELAY_MS=ORPHAN_DELAY_S * 1000) \
            as pair:
        orders = pair.orders
        pair.start_api()
        doomed = pair.start_worker()
        Load(pair, ORPHAN_SECONDS, 100, ORPHAN_RATE).join()
        wait_until(lambda: orders.pending() == 0, 5, "all orders claimed by the first worker")
        last = orders.newest_id()
        pair.start_worker()
        load = Load(pair, 2, 50, LIVE_RATE)
        time.sleep(1)
        due = orders.count(f"id <= {last} AND status = 2")
        kill(doomed)
        held = orders.count(f"id <= {last} AND status = 1")
        load.join()
        if due or not held:
            raise Failed(f"{due} orders were completed before the kill, {held} were not")
        orders.await_all_completed(ORPHAN_DELAY_S + 20)
        late = orders.seconds("due_at", "completed_at", f"id <= {last}")
    p99, most = percentile(late, 99), max(late)
    what = f"{server.title}: worker killed with {len(late):,} orders in Processing"
    return [Line(what + ": 99 % after their deadline by", "1 s", f"{p99:.2f} s", p99 <= 1),
            Line(what + ": all by", "3 s", f"{most:.2f} s", most <= 3)]


def drain(rig, server, flush):
    """Seconds from the end of the posting until all are Completed; the hints gone on the way."""
    with Pair(rig.build, rig.folder, server, rig.redis, PROCESSING_DELAY_MS=FLUSH_DELAY_MS,
              WORKER_CAPACITY=FLUSH_CAPACITY) as pair:
        orders = pair.orders
        rig.redis.do("FLUSHALL")  # what an earlier measurement has left
        pair.start_api()
        while orders.pending() < FLUSH_ORDERS:
            Load(pair, 1, 64).join()
        for _ in range(2):
            pair.start_worker()
        at = time.monotonic()
        wait_until(lambda: orders.pending() <= FLUSH_PENDING + 500, 60, "10,000 Pending")
        pending = orders.pending()
        if flush:
            rig.redis.do("FLUSHALL")
        flushed_at = time.monotonic()
        orders.await_all_completed(120)
        took = time.monotonic() - flushed_at
        say(f"  {orders.count():,} orders, {flushed_at - at:.1f} s until {pending:,} were Pending, "
            f"then {took:.2f} s")
        if orders.count("status <> 2"):
            raise Failed("not all orders are Completed")
        return took, pending


def flushall(rig, server):
    undisturbed, pending = drain(rig, server, False)
    flushed, pending_then = drain(rig, server, True)
    # The two may have started from a few orders more or less.
    expected = undisturbed * pending_then / pending
    more = flushed - expected
    return [Line(f"{server.title}: FLUSHALL with {pending_then:,} Pending and two busy workers: all "
                 f"complete later by", "3 s", f"{more:+.2f} s ({flushed:.2f} s, else "
                 f"{expected:.2f} s)", more <= 3)]


# --- Redis away -------------------------------------------------------------------------------

class FarRedis:
    """A Redis in a network namespace of its own, to which packets can be lost."""

    def __init__(self, stack, folder):
        self.stack = stack
        holder = start(stack, folder / "far.log", ["unshare", "--net", "sleep", "3600"])
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") !=
                   os.readlink("/proc/self/ns/net"), 5, "a network namespace")
        inside = ["nsenter", f"--target={holder.pid}", "--net"]
        for command in (["ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns",
                         str(holder.pid)],
                        ["ip", "addr", "add", "198.18.0.1/30", "dev", "near"],
                        ["ip", "link", "set", "near", "up"],
                        [*inside, "ip", "addr", "add", "198.18.0.2/30", "dev", "far"],
                        [*inside, "ip", "link", "set", "far", "up"],
                        [*inside, "ip", "link", "set", "lo", "up"]):
            subprocess.run(command, check=True)
        stack.callback(subprocess.run, ["ip", "link", "del", "near"])
        log = folder / "far-redis.log"
        self.process = start(stack, log, [*inside, "redis-server", "--bind", "198.18.0.2", "--port",
                                          "6379", "--protected-mode", "no", "--save", "",
                                          "--appendonly", "no"])
        wait_ready(self.process, log, lambda: "Ready to accept" in log.read_text())

    def url(self):
        return "redis://198.18.0.2:6379/0"

    @staticmethod
    def lose_packets():
        """They go to a hardware address that nobody has, and so does nothing come back."""
        subprocess.run(["ip", "neigh", "replace", "198.18.0.2", "lladdr", "02:00:00:00:00:99", "dev",
                        "near", "nud", "permanent"], check=True)

    @staticmethod
    def pass_packets():
        subprocess.run(["ip", "neigh", "del", "198.18.0.2", "dev", "near"], check=True)


def stopped(rig, stack):
    return rig.redis, rig.redis.stop, rig.redis.start


def hung(rig, stack):
    process = rig.redis.process
    stack.callback(process.send_signal, signal.SIGCONT)
    return (rig.redis, lambda: process.send_signal(signal.SIGSTOP),
            lambda: process.send_signal(signal.SIGCONT))


def unreachable(rig, stack):
    if not rig.own_network:
        return None, None, None
    far = FarRedis(stack, rig.folder)
    return far, far.lose_packets, far.pass_packets


def worst_second(answers, first, seconds):
    """The highest p99 of any second."""
    windows = ([a.ms for a in answers if first + i <= a.at < first + i + 1]
               for i in range(seconds))
    return max(percentile(window, 99) for window in windows if window)


def redis_away(rig, server, name, prepare):
    with ExitStack() as stack:
        redis, away, back = prepare(rig, stack)
        if redis is None:
            return [Line(f"{server.title}: Redis {name}", "", "not measured: needs root and "
                         "network namespaces", False)]
        pair = stack.enter_context(Pair(rig.build, rig.folder, server, redis))
        pair.start_api()
        for _ in range(2):
            pair.start_worker()
        Load(pair, 2, REDIS_CONNECTIONS, REDIS_RATE).join()  # warm
        load = Load(pair, REDIS_BEFORE_S + REDIS_AWAY_S + REDIS_BACK_S, REDIS_CONNECTIONS,
                    REDIS_RATE)
        began = time.time()
        time.sleep(REDIS_BEFORE_S)
        away_at = time.time()
        done = pair.orders.number("SELECT MAX(id) FROM orders WHERE status = 2")
        away()
        time.sleep(REDIS_AWAY_S)
        back()
        answers = load.join()
        pair.orders.await_all_completed(30)
        normal = max(pair.orders.seconds("created_at", "completed_at", f"id <= {done}"))
        slowest = max(pair.orders.seconds("created_at", "completed_at", f"id > {done}"))
    before = worst_second(answers, began, REDIS_BEFORE_S)
    worst = worst_second(answers, away_at, REDIS_AWAY_S + REDIS_BACK_S)
    failed = sum(1 for a in answers if a.status != 200)
    what = f"{server.title}: Redis {name} at {REDIS_RATE} orders/s: "
    over_all = [percentile([a.ms for a in answers if (a.at < away_at) == is_before], 99)
                for is_before in (True, False)]
    say(f"  p99 {over_all[0]:.1f} ms before, {over_all[1]:.1f} ms since; of the worst second "
        f"{before:.1f} ms before, {worst:.1f} ms since")
    rise = worst - before
    return [Line(what + "p99 of POST in the worst second rises by", "25 ms",
                 f"{rise:+.1f} ms (from {before:.1f} ms; {over_all[1] - over_all[0]:+.1f} ms over "
                 "all seconds)", rise < 25),
            Line(what + "requests that failed", "0", f"{failed} of {len(answers):,}", failed == 0),
            Line(what + "orders complete later than normally by", "2 s",
                 f"{slowest - normal:+.2f} s ({normal:.2f} s before)", slowest - normal <= 2)]


def redis(rig, server):
    lines = []
    for name, prepare in (("stopped", stopped), ("hung", hung), ("unreachable", unreachable)):
        say(f"  {name}")
        lines += redis_away(rig, server, name, prepare)
    return lines


def has_network_tools():
    return all(shutil.which(tool) for tool in ("ip", "unshare", "nsenter"))
