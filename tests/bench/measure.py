# SPDX-License-Identifier: MIT
"""One contender's visit of a round: its loads, and what is looked at meanwhile."""
import sys
import time
from contextlib import ExitStack

import load
import seeding
from contenders import start_api, start_contender
from processes import say, stop
from usage import cpu_seconds, resident_mb

CONNECTIONS, MANY_CONNECTIONS = 64, 1000
DATABASE = "bench"
IDLE_S = 1
RATE_WARM_UP_S = 3  # longer than an order is in Processing
WARM_UP_S = 2  # as long as that: what completes in a load was accepted at the same pace
MANY_WARM_UP_S = 1
IDS_READ = 1000
# A backlog grows when it takes in more than this share of what is accepted meanwhile.
GROWS_SHARE = 0.05
# Of all orders, counted by each request of a peer: with more at once none might be answered.
STORED_CONNECTIONS, STORED_S, STORED_WARM_UP_S = 2, 10, 1

PEER_ORDERS = """
INSERT INTO orders (user_id, item_ids, total_amount, status, processing_time)
SELECT CONCAT('user', seq % 100000), CONCAT('[', seq % 1000, ',', seq % 777 + 1000, ']'),
       (seq * 7919 % 100000) / 100, 'Completed', 2 + seq % 1000 / 100000
FROM seq_1_to_{count};
ANALYZE TABLE orders"""


def estimate_s(contender, seconds):
    """Seconds that a visit takes, about."""
    loads = 8 if contender.worker else 6
    warm_ups = RATE_WARM_UP_S + 2 * MANY_WARM_UP_S + 3 * WARM_UP_S
    return loads * seconds + warm_ups + IDLE_S + 8


class Visit:
    """`result` takes in what is measured, by the keys of the table's rows."""

    def __init__(self, servers, contender, running, seconds, label):
        self.servers, self.contender, self.running = servers, contender, running
        self.seconds, self.label = seconds, label
        self.generator = load.Generator(servers.folder, running.port)
        self.result = {"refused": 0, "lost": 0}

    def begin(self, what):
        say(f"{self.label}: {what}, {self.seconds} s")

    def checked(self, what, done):
        load.require_answers(done, f"{self.contender.name}, {what}")
        self.result["refused"] += done.refused
        self.result["lost"] += done.lost
        return done

    def sql(self, statement):
        return self.servers.sql(self.contender, statement, DATABASE)

    def snapshot(self):
        """When, and how many orders are stored, Pending and Completed at that time."""
        now = time.monotonic()
        pending, completed = (f"COALESCE(SUM(CASE WHEN status = {state} THEN 1 ELSE 0 END), 0)"
                              for state in (self.contender.pending, self.contender.completed))
        row = self.sql(f"SELECT COUNT(*), {pending}, {completed} FROM orders")
        return (now, *map(int, row.split()))

    def cpu(self):
        """Seconds of processor time so far, by what spent them."""
        processes = {"api": self.running.api, "worker": self.running.worker,
                     "database": self.servers.databases[self.contender.database].process,
                     "redis": self.servers.redis.process if self.contender.uses_redis else None}
        return {name: cpu_seconds(process.pid) for name, process in processes.items() if process}

    def note_memory(self, when):
        self.result[f"rss_api_{when}"] = resident_mb(self.running.api.pid)
        if self.running.worker:
            self.result[f"rss_worker_{when}"] = resident_mb(self.running.worker.pid)

    def measure_at_rest(self):
        time.sleep(IDLE_S)
        self.note_memory("idle")
        self.result["ready_api"] = self.running.api_ready_ms
        if self.running.worker:
            self.result["ready_worker"] = self.running.worker_ready_ms

    def measure_rate(self):
        what = f"POST at {load.RATE:,}/s"
        self.begin(what)
        posts = self.checked(what, self.generator.post_at_rate(self.seconds, RATE_WARM_UP_S))
        self.result.update(rate=posts.rate(), rate_p50=posts.percentile_ms(50),
                           rate_p99=posts.percentile_ms(99))

    def measure_processing(self):
        """Posts orders while the worker runs, and looks at the database before, midway, after."""
        what = f"POST, {CONNECTIONS} connections"
        self.begin(what)
        self.generator.post(WARM_UP_S, CONNECTIONS)
        seen, cpu = [self.snapshot()], self.cpu()
        posts = self.checked(what, self.generator.post(
            self.seconds, CONNECTIONS, at_middle=lambda: seen.append(self.snapshot())))
        spent = {name: seconds - cpu[name] for name, seconds in self.cpu().items()}
        seen.append(self.snapshot())
        self.result.update(accepted=posts.rate(), p50=posts.percentile_ms(50),
                           p99=posts.percentile_ms(99))
        completed = self.note_backlog(posts, *seen)
        for name, seconds in spent.items():
            count = completed if name == "worker" else posts.answers()
            self.result[f"cpu_{name}"] = seconds * 1e6 / count if count else None

    def note_backlog(self, posts, before, middle, after):
        """Returns how many orders completed."""
        (t0, stored0, _, done0), (t1, _, pending1, _), (t2, stored2, pending2, done2) = (
            before, middle, after)
        if stored2 - stored0 < posts.answers():
            sys.exit(f"bench: {self.contender.name} accepted {posts.answers()} orders,"
                     f" stored {stored2 - stored0}")
        growth = (pending2 - pending1) / (t2 - t1)
        self.result.update(completed=(done2 - done0) / (t2 - t0), pending_middle=pending1,
                           pending_end=pending2, growth=growth,
                           grows=growth > GROWS_SHARE * posts.rate())
        return done2 - done0

    def measure_many(self):
        what = f"POST, {MANY_CONNECTIONS:,} connections"
        self.begin(what)
        posts = self.checked(what, self.generator.post(self.seconds, MANY_CONNECTIONS,
                                                       MANY_WARM_UP_S))
        self.result.update(many=posts.rate(), many_p50=posts.percentile_ms(50),
                           many_p99=posts.percentile_ms(99))
        self.note_memory("loaded")

    def measure_alone(self):
        if not self.running.worker:
            return
        stop(self.running.worker)
        for key, connections in (("alone", CONNECTIONS), ("many_alone", MANY_CONNECTIONS)):
            what = f"POST, {connections:,} connections, worker stopped"
            self.begin(what)
            self.result[key] = self.checked(
                what, self.generator.post(self.seconds, connections)).rate()

    def measure_reads(self):
        ids = self.sql(f"SELECT id FROM orders ORDER BY id DESC LIMIT {IDS_READ}").split()
        paths = [f"/order/ORD{number}" for number in ids]
        for key, connections, warm_up_s in (("reads", CONNECTIONS, WARM_UP_S),
                                            ("many_reads", MANY_CONNECTIONS, MANY_WARM_UP_S)):
            what = f"GET, {connections:,} connections"
            self.begin(what)
            reads = self.checked(what, self.generator.get(paths, self.seconds, connections,
                                                          warm_up_s))
            self.result.update({key: reads.rate(), f"{key}_p50": reads.percentile_ms(50),
                                f"{key}_p99": reads.percentile_ms(99)})

    def measure_metrics(self):
        what = f"GET /metrics, {CONNECTIONS} connections"
        self.begin(what)
        reads = self.checked(what, self.generator.get(["/metrics"], self.seconds, CONNECTIONS,
                                                      WARM_UP_S))
        self.result["metrics"] = reads.rate()


def measure(servers, contender, seconds, label):
    """The services are started twice, because the first start makes the schema."""
    servers.empty(contender, DATABASE)
    with ExitStack() as stack:
        start_contender(stack, servers, contender, DATABASE)
    with ExitStack() as stack:
        running = start_contender(stack, servers, contender, DATABASE)
        visit = Visit(servers, contender, running, seconds, label)
        visit.measure_at_rest()
        visit.measure_rate()
        visit.measure_processing()
        visit.measure_many()
        visit.measure_alone()
        visit.measure_reads()
        visit.measure_metrics()
    return visit.result


# --- /metrics with many orders stored ---------------------------------------------------------

def stored_name(contender):
    return "stored_" + contender.name.replace("-", "_")


def store_orders(servers, contender, count):
    """Through SQL, into a database of the contender's own, whose schema its API has made."""
    name, database = stored_name(contender), servers.databases[contender.database]
    database.create(name)
    with ExitStack() as stack:
        start_api(stack, servers, contender, name)
    if contender.is_ours():
        seeding.seed(database, name, count)
    else:
        database.sql(PEER_ORDERS.format(count=count), name)


def measure_stored(servers, contender):
    """Answers a second, over the time until the last answer, since a peer's are few."""
    with ExitStack() as stack:
        running = start_api(stack, servers, contender, stored_name(contender))
        generator = load.Generator(servers.folder, running.port)
        reads = generator.get(["/metrics"], STORED_S, STORED_CONNECTIONS, STORED_WARM_UP_S)
        load.require_answers(reads, f"{contender.name}, /metrics with many orders stored")
    return {"stored": reads.answers() / reads.span_s if reads.span_s else 0}
