# SPDX-License-Identifier: MIT
"""Who is measured, what each needs to run, and how it is started."""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import client
from processes import free_port, missing_tools, run, say, start, wait_ready
from servers import MariaDB, PostgreSQL, Redis, SQLite

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
BULLMQ = CACHE / "orders-bench" / "bullmq"
DATABASES = {kind.title: kind for kind in (MariaDB, PostgreSQL, SQLite)}
READY_POLL_S = 0.001

NODE_TOOLS = {"node": "nodejs", "npm": "npm"}
PYTHON_MODULES = {name: "python3-" + name for name in
                  ("fastapi", "uvicorn", "sqlalchemy", "pymysql", "uvloop", "httptools")}


@dataclass
class Contender:
    """One of those measured. `pending` and `completed` are its own SQL for the two states.

    Without a worker the API is its own. Where `ready` is empty, the API is ready with its first
    answer, else when its log has that text.
    """
    name: str
    title: str
    api: list
    worker: list = None
    env: dict = field(default_factory=dict)
    database: str = MariaDB.title
    url_scheme: str = ""
    uses_redis: bool = False
    ready: str = ""
    pending: str = "'Pending'"
    completed: str = "'Completed'"

    def is_ours(self):
        return self.name.startswith("orders-")


def orders(build, database, with_worker):
    return Contender(f"orders-{database.lower()}", f"orders on {database}",
                     [build / "api-service/order-api"],
                     [build / "worker-service/order-worker"] if with_worker else None,
                     env=client.CREDENTIALS, database=database, uses_redis=with_worker,
                     ready="ready port=", pending="0", completed="2")


def contenders(build):
    uvicorn = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", HERE / "peers/fastapi",
               "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    return [
        orders(build, MariaDB.title, with_worker=True),
        orders(build, PostgreSQL.title, with_worker=True),
        orders(build, SQLite.title, with_worker=False),
        Contender("bullmq", "BullMQ", ["node", BULLMQ / "api.js"], ["node", BULLMQ / "worker.js"],
                  env={"NODE_ENV": "production"}, uses_redis=True),
        Contender("fastapi", "FastAPI", uvicorn, url_scheme="mysql+pymysql"),
        Contender("fastapi-tuned", "FastAPI, tuned", [*uvicorn, "--workers", os.cpu_count()],
                  env={"EXPIRE_ON_COMMIT": "no"}, url_scheme="mysql+pymysql"),
    ]


# --- what must be there -----------------------------------------------------------------------

def missing_packages(measured):
    tools = {}
    for contender in measured:
        tools |= DATABASES[contender.database].tools
        tools |= Redis.tools if contender.uses_redis else {}
        tools |= NODE_TOOLS if contender.name == "bullmq" else {}
    modules = PYTHON_MODULES if any(c.name.startswith("fastapi") for c in measured) else {}
    return missing_tools(tools) | {package for module, package in modules.items()
                                   if not importlib.util.find_spec(module)}


def install_bullmq():
    """The peer runs from the cache, because Node looks for modules beside the script."""
    source = HERE / "peers/bullmq"
    BULLMQ.mkdir(parents=True, exist_ok=True)
    lock, installed = source / "package-lock.json", BULLMQ / "node_modules/.orders-bench-lock"
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, BULLMQ)
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        say(f"npm ci in {BULLMQ}")
        run("npm", "ci", "--no-audit", "--no-fund", cwd=BULLMQ)
        shutil.copy(lock, installed)


# --- the servers ------------------------------------------------------------------------------

class Servers:
    """The databases and the Redis that those measured need, in a temporary folder."""

    def __init__(self, stack, folder, measured):
        self.folder = folder
        titles = {contender.database for contender in measured}
        self.databases = {title: kind(stack, folder) for title, kind in DATABASES.items()
                          if title in titles}
        uses_redis = any(contender.uses_redis for contender in measured)
        self.redis = Redis(stack, folder) if uses_redis else None

    def all(self):
        return [*self.databases.values(), *([self.redis] if self.redis else [])]

    def empty(self, contender, name):
        self.databases[contender.database].create(name)
        if self.redis:
            self.redis.do("FLUSHALL")

    def sql(self, contender, statement, name):
        return self.databases[contender.database].sql(statement, name)

    def environment(self, contender, port, name):
        database = self.databases[contender.database]
        dialect = [contender.url_scheme] if contender.url_scheme else []
        return dict(contender.env, PORT=str(port), UVICORN_PORT=str(port),
                    PYTHONDONTWRITEBYTECODE="1", DATABASE_URL=database.url(name, *dialect),
                    REDIS_URL=self.redis.url() if contender.uses_redis else "")


# --- starting ---------------------------------------------------------------------------------

@dataclass
class Running:
    """A contender's processes, and the milliseconds from exec until each was ready."""
    port: int
    api: subprocess.Popen
    api_ready_ms: float
    worker: subprocess.Popen = None
    worker_ready_ms: float = None

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=5)
    except urllib.error.HTTPError:
        pass  # A refusal is an answer, too.
    except OSError:
        return False
    return True


def start_timed(stack, log, command, env, ready):
    """Returns the process and the milliseconds it took to get ready."""
    began = time.monotonic()
    process = start(stack, log, command, env)
    wait_ready(process, log, ready, READY_POLL_S)
    return process, (time.monotonic() - began) * 1000


def start_api(stack, servers, contender, name):
    """Starts the API alone, on the database of that name."""
    port, log = free_port(), servers.folder / f"{contender.name}-api.log"

    def ready():
        if contender.ready:
            return contender.ready in log.read_text()
        return answers(f"http://127.0.0.1:{port}")

    env = servers.environment(contender, port, name)
    return Running(port, *start_timed(stack, log, contender.api, env, ready))


def start_contender(stack, servers, contender, name):
    running = start_api(stack, servers, contender, name)
    if contender.worker:
        log = servers.folder / f"{contender.name}-worker.log"
        env = servers.environment(contender, running.port, name)
        running.worker, running.worker_ready_ms = start_timed(
            stack, log, contender.worker, env, lambda: "msg=ready" in log.read_text())
    return running
