# SPDX-License-Identifier: MIT
"""The benchmarks' own databases and Redis, in a temporary folder, on free ports.

Every database flushes at each commit. They have the same methods, as far as table_size needs them.
"""
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

from processes import free_port, run, say, start, stop, wait_ready

STOP_AND_FLUSH_S = 600


def as_other_user():
    return os.geteuid() == 0


class MariaDB:
    title = "MariaDB"
    tools = {"mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server",
             "mariadb": "mariadb-client"}

    def __init__(self, stack, folder, memory_mb=512):
        """A server that starts removes temporary tables from its temporary folder, whosever."""
        self.stack, self.memory_mb = stack, memory_mb
        self.log, self.data = folder / "mariadb.log", folder / "mariadb"
        self.socket, self.port = folder / "mariadb.sock", free_port()
        self.user = ["--user=root"] if as_other_user() else []
        run("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
            f"--datadir={self.data}", "--skip-test-db", *self.user,
            env=dict(os.environ, TMPDIR=str(folder)))
        self.start()
        self.sql("CREATE USER bench@'127.0.0.1' IDENTIFIED BY 'bench'", "mysql")

    def start(self):
        self.process = start(self.stack, self.log, [
            "mariadbd", "--no-defaults", *self.user, f"--datadir={self.data}",
            f"--tmpdir={self.data.parent}",
            f"--socket={self.socket}", "--bind-address=127.0.0.1", f"--port={self.port}",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=1",
            f"--innodb-buffer-pool-size={self.memory_mb}M", "--innodb-log-file-size=512M",
            "--max-connections=200"])
        ping = ["mariadb-admin", "--no-defaults", f"--socket={self.socket}", "--user=root", "ping"]
        wait_ready(self.process, self.log,
                   lambda: subprocess.run(ping, capture_output=True).returncode == 0)

    def restart(self):
        stop(self.process, signal.SIGTERM, STOP_AND_FLUSH_S)
        self.start()

    def create(self, name):
        self.sql(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4;"
                 f"GRANT ALL ON {name}.* TO bench@'127.0.0.1'", "mysql")

    def client(self, database):
        """The command of a client that reads statements from its standard input."""
        return ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root",
                "--skip-column-names", "--batch", database]

    def sql(self, statements, database):
        return run(*self.client(database), f"--execute={statements}")

    def url(self, database, dialect="mysql"):
        return f"{dialect}://bench:bench@127.0.0.1:{self.port}/{database}"

    def megabytes(self, database):
        return float(self.sql("SELECT SUM(data_length + index_length) / 1e6 FROM "
                              f"information_schema.tables WHERE table_schema = '{database}'",
                              database))

    def version(self):
        return run("mariadbd", "--version").split(" for ")[0]


class PostgreSQL:
    title = "PostgreSQL"
    tools = {"psql": "postgresql", "initdb": "postgresql", "postgres": "postgresql"}

    def __init__(self, stack, folder, memory_mb=512):
        """The server refuses to run as root, and then is Debian's user for it."""
        self.stack, self.memory_mb = stack, memory_mb
        self.folder, self.port = folder / "postgresql", free_port()
        self.log = folder / "postgresql.log"
        self.user = "postgres" if as_other_user() else None
        self.folder.mkdir(mode=0o700)
        if self.user:
            folder.chmod(0o711)
            shutil.chown(self.folder, self.user, self.user)
        run("initdb", "--pgdata", self.folder / "data", "--username=postgres", "--encoding=UTF8",
            "--locale=C", "--auth-local=trust", "--auth-host=scram-sha-256", cwd=self.folder,
            user=self.user, group=self.user, extra_groups=[] if self.user else None)
        self.start()
        self.sql("CREATE ROLE bench LOGIN PASSWORD 'bench'", "postgres")

    def start(self):
        fast_shutdown, immediate_shutdown = signal.SIGINT, signal.SIGQUIT
        self.process = start(self.stack, self.log, [
            "postgres", "-D", self.folder / "data", "-h", "127.0.0.1", "-p", self.port,
            "-k", self.folder, "-c", f"shared_buffers={self.memory_mb}MB",
            "-c", "max_wal_size=4GB", "-c", "max_connections=200"],
            user=self.user, stop_by=fast_shutdown, die_by=immediate_shutdown)
        ping = ["pg_isready", "-q", "-h", str(self.folder), "-p", str(self.port)]
        wait_ready(self.process, self.log, lambda: subprocess.run(ping).returncode == 0)

    def restart(self):
        stop(self.process, signal.SIGINT, STOP_AND_FLUSH_S)
        self.start()

    def create(self, name):
        for statement in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} OWNER bench"):
            self.sql(statement, "postgres")

    def client(self, database):
        """The command of a client that reads statements from its standard input."""
        return ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
                "--field-separator=\t", "--set=ON_ERROR_STOP=1", "-h", self.folder,
                "-p", self.port, "-U", "postgres", "-d", database]

    def sql(self, statements, database):
        return run(*self.client(database), "-c", statements)

    def url(self, database):
        return f"postgresql://bench:bench@127.0.0.1:{self.port}/{database}"

    def megabytes(self, database):
        return float(self.sql(f"SELECT pg_database_size('{database}') / 1e6", database))

    def version(self):
        return run("postgres", "--version").strip()


class SQLite:
    """No server: a database is a file, and its memory is the programs' own setting."""
    title = "SQLite"
    tools = {}
    process = None

    def __init__(self, _stack, folder, memory_mb=0):
        self.folder, self.memory_mb = folder, 0

    def restart(self):
        pass

    def create(self, name):
        for suffix in ("", "-wal", "-shm"):
            self.path(name).with_name(name + ".db" + suffix).unlink(missing_ok=True)

    def path(self, name):
        return self.folder / f"{name}.db"

    def sql(self, statements, database):
        """Each statement by itself; the rows of the last that has any, as the others print them."""
        connection = sqlite3.connect(self.path(database), timeout=30, isolation_level=None)
        try:
            rows = []
            for statement in statements.split(";"):
                rows = connection.execute(statement).fetchall() or rows
        finally:
            connection.close()
        return "".join("\t".join(map(str, row)) + "\n" for row in rows)

    def url(self, database):
        return f"sqlite:///{self.path(database)}"

    def megabytes(self, database):
        return self.path(database).stat().st_size / 1e6

    def version(self):
        return f"sqlite {sqlite3.sqlite_version}"


class Redis:
    tools = {"redis-server": "redis-server", "redis-cli": "redis-tools"}

    def __init__(self, stack, folder):
        self.stack, self.log, self.port = stack, folder / "redis.log", free_port()
        self.start()

    def start(self):
        self.process = start(self.stack, self.log, [
            "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--save", "",
            "--appendonly", "no"])
        wait_ready(self.process, self.log, lambda: b"PONG" in subprocess.run(
            ["redis-cli", "-p", str(self.port), "ping"], capture_output=True).stdout)

    def stop(self):
        stop(self.process)

    def do(self, *command, number=0):
        return run("redis-cli", "-p", self.port, "-n", number, *command)

    def url(self, number=0):
        return f"redis://127.0.0.1:{self.port}/{number}"

    def version(self):
        return run("redis-server", "--version").split(" sha=")[0]


def add_to_path():
    """Debian keeps mariadbd out of a user's path, and the newest PostgreSQL in its own folder."""
    postgres = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder:
                      [int(part) for part in folder.parent.name.split(".") if part.isdigit()])
    os.environ["PATH"] = ":".join([*map(str, postgres[-1:]), os.environ["PATH"], "/usr/sbin"])


def say_where(folder, *servers):
    kind = run("stat", "--file-system", "--format=%T", folder).strip()
    if kind == "tmpfs":
        say(f"{folder} is in memory, so a commit costs no flush: set TMPDIR to a folder on a disk")
    versions = ", ".join(server.version() for server in servers)
    say(f"{os.cpu_count()} CPUs, data on {kind}, {versions}")
