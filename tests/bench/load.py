# SPDX-License-Identifier: MIT
"""The load: h2load, whose log has a line for each request.

h2load takes what a server answers for an answer, and says nothing of connections that broke. So
the answers' codes are counted here, and so are the connections that are left before the end.
"""
import pathlib
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

import client
from processes import READY_S, die_with_parent, stop
from usage import connections_to

TOOLS = {"h2load": "nghttp2-client"}
FAILED_SHARE_MAX = 0.01
COUNT_BEFORE_END_S = 0.2
# The clients of one h2load all send at the same moment. So each is an h2load of its own, started
# when the one before is, and their requests come spread out.
RATE_CLIENTS, RATE_PER_CLIENT = 200, 10
RATE = RATE_CLIENTS * RATE_PER_CLIENT


@dataclass
class Load:
    """What came of one load; `times_us` has the 2xx answers' microseconds, ascending."""
    seconds: float  # for which it was counted
    times_us: list
    refused: int  # answers other than 2xx
    connections: int
    lost: int  # of these, those that were not there any more before the end
    span_s: float  # from the first request to the last answer

    def answers(self):
        return len(self.times_us)

    def rate(self):
        """2xx answers a second."""
        return self.answers() / self.seconds

    def percentile_ms(self, percent):
        """None: there was no answer."""
        if not self.times_us:
            return None
        return self.times_us[len(self.times_us) * percent // 100] / 1000


def read_logs(logs, seconds, connections, lost):
    times_us, refused, starts, ends = [], 0, [], []
    for log in logs:
        for line in log.read_bytes().splitlines():
            start_us, status, took_us = map(int, line.split()[:3])
            if 200 <= status < 300:
                times_us.append(took_us)
            else:
                refused += 1
            starts.append(start_us)
            ends.append(start_us + took_us)
        log.unlink()
    times_us.sort()
    span_s = (max(ends) - min(starts)) / 1e6 if starts else 0
    return Load(seconds, times_us, refused, connections, lost, span_s)


def require_answers(load, what):
    counted = load.answers() + load.refused
    if (load.refused > FAILED_SHARE_MAX * counted
            or load.lost > FAILED_SHARE_MAX * load.connections):
        sys.exit(f"bench: {what}: {load.refused} of {counted} answers were not 2xx, {load.lost} of"
                 f" {load.connections} connections broke; of each at most {FAILED_SHARE_MAX:.0%}"
                 " may")


class Generator:
    """Loads one server on 127.0.0.1; its files are in `folder`. Every load blocks until its end."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        self.body = folder / "body.json"
        self.body.write_text(client.BODY, encoding="ascii")

    def post(self, seconds, connections, warm_up_s=0, at_middle=lambda: None):
        """Posts orders, each connection the next as soon as the one before is answered."""
        return self.run([[f"--clients={connections}", *self.posting()]], connections, seconds,
                        warm_up_s, at_middle=at_middle)

    def post_at_rate(self, seconds, warm_up_s):
        """Posts RATE orders a second. A client keeps a request back only while the one before it,
        which was sent 1 / RATE_PER_CLIENT s earlier, is not answered."""
        client_alone = ["--clients=1", f"--rps={RATE_PER_CLIENT}", *self.posting()]
        return self.run([client_alone] * RATE_CLIENTS, RATE_CLIENTS, seconds, warm_up_s)

    def get(self, paths, seconds, connections, warm_up_s):
        """Gets the paths in turn."""
        urls = self.folder / "urls.txt"
        urls.write_text("".join(f"{self.url(path)}\n" for path in paths), encoding="ascii")
        return self.run([[f"--clients={connections}", f"--input-file={urls}"]], connections,
                        seconds, warm_up_s)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def posting(self):
        return [f"--data={self.body}", "--header=Content-Type: application/json",
                self.url("/order")]

    def run(self, parts, connections, seconds, warm_up_s, at_middle=lambda: None):
        logs = [self.folder / f"h2load-{number}.log" for number in range(len(parts))]
        began = time.monotonic()
        with ExitStack() as stack:
            started = []
            for log, part in zip(logs, parts):
                started.append(start_h2load(stack, log, seconds, warm_up_s, part))
            sleep_until(began + warm_up_s + seconds / 2)
            at_middle()
            sleep_until(began + warm_up_s + seconds - COUNT_BEFORE_END_S)
            lost = connections - connections_to(self.port)
            if time.monotonic() > began + warm_up_s + seconds:
                lost = 0  # `at_middle` took so long that h2load may have ended by itself
            for process in started:
                finish(process, seconds)
        return read_logs(logs, seconds, connections, lost)


def start_h2load(stack, log, seconds, warm_up_s, arguments):
    pathlib.Path(log).unlink(missing_ok=True)
    command = ["h2load", "--h1", "--threads=1", f"--duration={seconds}s",
               f"--warm-up-time={warm_up_s}s", f"--log-file={log}",
               f"--header=Authorization: Basic {client.AUTHORIZATION}", *arguments]
    process = subprocess.Popen(command, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, preexec_fn=die_with_parent)
    stack.callback(stop, process)
    return process


def finish(process, seconds):
    output = process.communicate(timeout=seconds + READY_S)[0]
    if process.returncode != 0:
        sys.exit(f"bench: h2load failed:\n{output}")


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))
