# SPDX-License-Identifier: MIT
"""Programs the benchmarks run and servers they start: in order, and gone when the benchmark is."""
import ctypes
import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

READY_S = 30


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    """Run to the end and return what it printed; a failure ends the benchmark and shows why."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, start_new_session=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def missing_tools(tools):
    """Of programs and the Debian packages they are in, the packages whose programs are missing."""
    return {package for tool, package in tools.items() if not shutil.which(tool)}


def install_packages(missing):
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *sorted(missing)]
    if os.geteuid() != 0:
        sys.exit("bench: missing packages; install them with\n  sudo " + " ".join(command))
    say("installing " + " ".join(sorted(missing)))
    run(*command, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def die_with_parent(number=signal.SIGKILL):
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)


def start(stack, log, command, env=None, user=None, stop_by=signal.SIGTERM,
          die_by=signal.SIGKILL):
    """Start a process that the stack stops. Its own session keeps Ctrl-C for this script alone."""
    with open(log, "wb") as output:
        process = subprocess.Popen([str(part) for part in command],
                                   env=dict(os.environ, **(env or {})), user=user, group=user,
                                   extra_groups=None if user is None else [],
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   cwd=log.parent, start_new_session=True,
                                   preexec_fn=functools.partial(die_with_parent, die_by))
    stack.callback(stop, process, stop_by)
    return process


def wait_ready(process, log, ready, poll_s=0.05):
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
        time.sleep(poll_s)
    sys.exit(f"bench: {log.stem} did not get ready:\n{log.read_text()[-2000:]}")


def stop(process, number=signal.SIGTERM, seconds=20):
    if process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        say(f"process {process.pid} did not stop when asked to")
    finally:
        process.kill()
        process.wait()


def leave_by_signals():
    """Leave by way of the stacks that clean up; a second Ctrl-C must not cut them short."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(number, _frame):
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        sys.exit(f"bench: stopped by {signal.Signals(number).name}")

    for number in numbers:
        signal.signal(number, leave)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
