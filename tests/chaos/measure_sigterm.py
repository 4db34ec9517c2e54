# SPDX-License-Identifier: MIT
"""SIGTERM under load, many times: every request that was accepted has its answer."""
import random
import re
import signal
import socket
import threading
import time

from measure_tools import BODY, CREDENTIALS, Failed, Line, Pair
from processes import free_port, say

KEEPING = 12   # clients that send all on one connection
CHANGING = 4   # clients that open a connection for each order
STOP_S = 10
ANSWER_S = 15
LOAD_S = (0.1, 0.5)

REQUEST = (b"POST /order HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic "
           + CREDENTIALS.encode() + b"\r\nContent-Type: application/json\r\nContent-Length: "
           + str(len(BODY)).encode() + b"\r\n\r\n" + BODY)


class Seen:
    """What the clients of all rounds saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.ids, self.others, self.unanswered, self.turned_away = [], [], [], 0


def read_answer(connection):
    """Status, head and body; None when the connection ended before the first byte."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            piece = connection.recv(4096)
        except ConnectionResetError:
            piece = b""
        if not piece:
            if data:
                raise Failed(f"an answer was cut: {data!r}")
            return None
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    while len(body) < length:
        piece = connection.recv(4096)
        if not piece:
            raise Failed(f"an answer was cut: {data!r}")
        body += piece
    return int(head.split()[1]), head, body


class Client(threading.Thread):
    """Sends one order after the other until the service closes the connection or no longer listens."""

    def __init__(self, port, seen, keeps):
        super().__init__(daemon=True)
        self.port, self.seen, self.keeps = port, seen, keeps
        self.failure = None

    def run(self):
        try:
            while self.use_connection():
                pass
        except (OSError, Failed) as failure:
            self.failure = failure

    def use_connection(self):
        """False: nobody listens."""
        connection = socket.socket()
        connection.settimeout(ANSWER_S)
        with connection:
            try:
                connection.connect(("127.0.0.1", self.port))
            except (ConnectionRefusedError, ConnectionResetError):
                return False
            answered = 0
            while self.send_order(connection, answered):
                answered += 1
                if not self.keeps:
                    break
        return True

    def send_order(self, connection, answered):
        """False: the connection is to be used no more."""
        try:
            connection.sendall(REQUEST)
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        else:
            answer = read_answer(connection)
        with self.seen.lock:
            if answer is None and answered == 0:
                self.seen.turned_away += 1  # still in the kernel's queue when the listener closed
            elif answer is None:
                self.seen.unanswered.append(answered)
            elif answer[0] == 200:
                self.seen.ids.append(int(re.search(rb"ORD(\d+)", answer[2]).group(1)))
            else:
                self.seen.others.append(answer[0])
        return answer is not None and b"connection: close" not in answer[1].lower()


def one_round(pair, port, seen):
    api = pair.start_api(port=port)
    clients = [Client(port, seen, number < KEEPING) for number in range(KEEPING + CHANGING)]
    for client in clients:
        client.start()
    time.sleep(random.uniform(*LOAD_S))
    began = time.monotonic()
    api.send_signal(signal.SIGTERM)
    try:
        code = api.wait(timeout=STOP_S)
    except Exception as error:
        raise Failed(f"order-api still ran {STOP_S} s after SIGTERM") from error
    took = time.monotonic() - began
    for client in clients:
        client.join(ANSWER_S)
        if client.failure:
            raise Failed(f"a client failed: {client.failure!r}")
        if client.is_alive():
            raise Failed("a client waits for its answer still")
    return code, took


def sigterm(rig, server):
    seen, codes, took = Seen(), [], []
    with Pair(rig.build, rig.folder, server, rig.redis) as pair:
        pair.start_worker()
        port = free_port()
        for number in range(rig.times):
            code, seconds = one_round(pair, port, seen)
            codes.append(code)
            took.append(seconds)
            if (number + 1) % 10 == 0:
                say(f"  {number + 1} of {rig.times}: {len(seen.ids):,} orders, "
                    f"{len(seen.unanswered)} unanswered, {seen.turned_away} turned away")
        stored = {row[0] for row in pair.orders.rows("SELECT id FROM orders")}
    lost = len(set(seen.ids) - stored)
    unanswered = len(stored - set(seen.ids))
    doubled = len(seen.ids) - len(set(seen.ids))
    what = f"{server.title}: SIGTERM under load, {rig.times} times: "
    return [
        Line(what + "exit code other than 0", "0", str(sum(1 for code in codes if code)),
             not any(codes)),
        Line(what + "accepted requests without an answer", "0",
             f"{len(seen.unanswered)} of {len(seen.ids) + len(seen.others):,}",
             not seen.unanswered),
        # On a new connection the client cannot tell whether its request was accepted; its row can.
        Line(what + "orders stored without an answer to the client", "0", str(unanswered), unanswered == 0),
        Line(what + "orders answered with 200 without a row, or twice", "0", str(lost + doubled),
             lost + doubled == 0),
        Line(what + "answers other than 200", "-", str(len(seen.others))),
        Line(what + "connections never taken from the kernel's queue", "-",
             str(seen.turned_away)),
        Line(what + "the longest stop", "-", f"{max(took):.2f} s")]
