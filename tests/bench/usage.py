# SPDX-License-Identifier: MIT
"""What processes use, as /proc has it. A process counts with all below it."""
import os

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
ESTABLISHED = "01"


def read_stat(pid):
    """The fields behind the name, from the state on (proc(5)); None: it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def tree(pid):
    """The stat fields of the process and of all below it, by pid."""
    found = {int(name): read_stat(name) for name in os.listdir("/proc") if name.isdigit()}
    below, size = {pid}, 0
    while len(below) > size:
        size = len(below)
        below |= {child for child, stat in found.items() if stat and int(stat[1]) in below}
    return {child: found[child] for child in below if found.get(child)}


def cpu_seconds(pid):
    """Seconds of processor time, user and system, also of children that have ended meanwhile."""
    return sum(int(ticks) for stat in tree(pid).values() for ticks in stat[11:15]) / TICKS_PER_S


def resident_mb(pid):
    """MiB in memory. Pages that several processes share count in each."""
    kilobytes = 0
    for child in tree(pid):
        try:
            with open(f"/proc/{child}/status", encoding="utf-8", errors="replace") as status:
                kilobytes += sum(int(line.split()[1]) for line in status
                                 if line.startswith("VmRSS:"))
        except OSError:
            pass  # It has ended.
    return kilobytes / 1024


def connections_to(port):
    """How many connections to that port of 127.0.0.1 stand, as their clients' ends have it."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        ends = [line.split()[2:4] for line in table]
    return ends.count([f"0100007F:{port:04X}", ESTABLISHED])
