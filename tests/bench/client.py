# SPDX-License-Identifier: MIT
"""An HTTP client that adds as little as Python can to the times it measures.

Times are in milliseconds. An answer other than 200 ends the benchmark.
"""
import base64
import select
import socket
import sys
import time

CREDENTIALS = {"API_CLIENT_ID": "demo", "API_CLIENT_SECRET": "demo-secret"}
TIMEOUT_S = 30
AUTHORIZATION = base64.b64encode(":".join(CREDENTIALS.values()).encode()).decode()
HEAD = f"Host: 127.0.0.1\r\nAuthorization: Basic {AUTHORIZATION}\r\n"
BODY = '{"user_id":"user123","item_ids":[101,102],"total_amount":250.75}'


def get(path):
    return f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode()


def get_order(number):
    return get(f"/order/ORD{number}")


def post_order(key=None):
    key_line = f"Idempotency-Key: {key}\r\n" if key else ""
    return (f"POST /order HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n{key_line}"
            f"Content-Length: {len(BODY)}\r\n\r\n{BODY}").encode()


class Connection:
    """Kept alive; one request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def send(self, request):
        self.received = b""
        self.socket.sendall(request)

    def receive(self):
        """The body, once all of it has come; before that None."""
        part = self.socket.recv(65536)
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not part or (end and not head.startswith(b"HTTP/1.1 200 ")):
            sys.exit(f"bench: an answer other than 200:\n{self.received.decode()}")
        if not end:
            return None
        lower = head.lower()
        at = lower.index(b"content-length:") + len(b"content-length:")
        length = int(lower[at:].split(b"\r\n", 1)[0])
        return body if len(body) == length else None

    def ask(self, request):
        self.send(request)
        while (body := self.receive()) is None:
            pass
        return body

    def time(self, request):
        start = time.perf_counter()
        self.ask(request)
        return (time.perf_counter() - start) * 1000


def ask(port, request):
    connection = Connection(port)
    try:
        return connection.ask(request)
    finally:
        connection.close()


def open_loop(port, plan, connections):
    """Sends each request of `plan`, triples of kind, request and the second it is due, when it is
    due, whether those before are answered or not. Returns triples of kind, time and body. The time
    counts from when the request was due, so waiting for a free connection counts too."""
    idle = [Connection(port) for _ in range(connections)]
    everyone, busy, answers = list(idle), {}, []
    waiting = sorted(plan, key=lambda entry: entry[2], reverse=True)
    start = time.perf_counter()
    try:
        while waiting or busy:
            now = time.perf_counter() - start
            while waiting and idle and waiting[-1][2] <= now:
                kind, request, due_s = waiting.pop()
                connection = idle.pop()
                busy[connection] = kind, due_s
                connection.send(request)
            wait_s = TIMEOUT_S
            if waiting and idle:
                wait_s = max(0, waiting[-1][2] - (time.perf_counter() - start))
            for connection in select.select(list(busy), [], [], wait_s)[0]:
                body = connection.receive()
                if body is not None:
                    kind, due_s = busy.pop(connection)
                    answers.append((kind, (time.perf_counter() - start - due_s) * 1000, body))
                    idle.append(connection)
    finally:
        for connection in everyone:
            connection.close()
    return answers
