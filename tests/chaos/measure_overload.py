# SPDX-License-Identifier: MIT
"""Ten times as many orders as the database can store: how many are stored, and how fast the rest get 503."""
import time
from collections import Counter

from measure_tools import (Failed, Line, Load, Pair, percentile, resident_mb, times)
from processes import say

ROW_DELAY_S = 0.0005  # for each order stored; so a second stores less than 2,000
FACTOR = 13  # ten and what those do not send who wait for their answers
OFFERED_MIN = 10  # a generator that cannot offer more has not made an overload
PEAK_CONNECTIONS = 256
PEAK_S = 6
OVERLOAD_CONNECTIONS = 2400
OVERLOAD_PARTS = 20
FULL_SPEED_CONNECTIONS = 6000  # each sends again as soon as it has its answer
OVERLOAD_S = 10
NORMAL_S = 8
NORMAL_CONNECTIONS = 50
NORMAL_SLACK_MS = 25
RESIDENT_MAX_MB = 128
RESIDENT_GROWTH = 1.1  # from the middle of the overload to its end

SLOW = {
    "MariaDB": f"CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW DO SLEEP({ROW_DELAY_S})",
    "PostgreSQL": "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
                  f"$$ BEGIN PERFORM pg_sleep({ROW_DELAY_S}); RETURN NEW; END $$;"
                  "CREATE TRIGGER slow BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION slow()",
}


def per_second(answers, first, last, status=200):
    """How many a second were answered so, by when the answer came."""
    count = sum(1 for a in answers
                if a.status == status and first <= a.at + a.ms / 1000 < last)
    return count / (last - first)


def find_peak(pair):
    """Orders a second that are stored for clients who wait for their answers."""
    answers = Load(pair, PEAK_S, PEAK_CONNECTIONS).join()
    began = answers[0].at if answers else 0
    peak = per_second(answers, began + 1, began + PEAK_S)
    if peak == 0:
        raise Failed("clients who wait for their answers came to a standstill")
    return peak


def watch_memory(api, load):
    seen = []
    end = time.monotonic() + load.seconds
    while time.monotonic() < end:
        seen.append(resident_mb(api))
        time.sleep(0.1)
    return seen


def normal_again(before, after, ended_at):
    """Seconds until each second is as those before: all stored, p99 about as it was. One without
    an answer is not."""
    usual = percentile(times(before), 99)
    last_bad = 0
    for second in range(NORMAL_S):
        window = [a for a in after if second <= a.at - ended_at < second + 1]
        if not window or any(a.status != 200 for a in window) or \
                percentile(times(window), 99) > 2 * usual + NORMAL_SLACK_MS:
            last_bad = second + 1
    say(f"  p99 {usual:.1f} ms before the overload, {percentile(times(after), 99):.1f} ms after")
    return last_bad


def overloaded(pair, api, peak, slow):
    """What was offered and answered, and the memory meanwhile."""
    if slow:
        load = Load(pair, OVERLOAD_S, OVERLOAD_CONNECTIONS, FACTOR * peak, OVERLOAD_PARTS)
    else:
        load = Load(pair, OVERLOAD_S, FULL_SPEED_CONNECTIONS)
    memory = watch_memory(api, load)
    answers = load.join()
    if not answers:
        raise Failed("nothing was answered")
    ended_at = time.time()
    began = answers[0].at
    counts = Counter(a.status for a in answers)
    offered = len(answers) / (answers[-1].at - began)
    good = per_second(answers, began + 1, began + OVERLOAD_S)
    accepted, refused = times(answers), times(answers, 503)
    say(f"  peak {peak:,.0f}/s, offered {offered:,.0f}/s, stored {good:,.0f}/s; answers "
        f"{dict(counts)}; 200: p50 {percentile(accepted, 50):.0f} p99 {percentile(accepted, 99):.0f}"
        f" ms; 503: p50 {percentile(refused, 50):.1f} p99 {percentile(refused, 99):.1f} ms; memory "
        f"{memory[0]:.0f} to {max(memory):.0f} MB")
    return {"offered": offered, "good": good, "accepted": accepted, "refused": refused,
            "others": len(answers) - counts[200] - counts[503], "memory": memory,
            "ended_at": ended_at}


def describe(server, condition, peak, seen):
    what = f"{server.title}, {condition}, overloaded"
    share, memory = seen["good"] / peak, seen["memory"]
    accepted, refused = percentile(seen["accepted"], 99), percentile(seen["refused"], 99)
    grows = max(memory) > RESIDENT_GROWTH * max(memory[:len(memory) // 2 + 1])
    return [
        Line(what + ": offered, of the peak", f"{OFFERED_MIN:g}x",
             f"{seen['offered'] / peak:.1f}x", seen["offered"] >= OFFERED_MIN * peak),
        Line(what + ": stored, of the peak", "90 %", f"{share:.0%} of {peak:,.0f}/s", share >= 0.9),
        Line(what + ": p99 of what is stored", "1 s", f"{accepted / 1000:.2f} s", accepted < 1000),
        Line(what + ": p99 of 503", "20 ms", f"{refused:.1f} ms", refused < 20),
        Line(what + ": neither 200 nor 503", "0", str(seen["others"]), seen["others"] == 0),
        Line(what + ": resident memory of order-api", f"{RESIDENT_MAX_MB} MB",
             f"{max(memory):.0f} MB{', and grows' if grows else ''}",
             max(memory) <= RESIDENT_MAX_MB and not grows)]


def measure(rig, server, condition, slow):
    with Pair(rig.build, rig.folder, server, rig.redis) as pair:
        rig.redis.do("FLUSHALL")
        api = pair.start_api()
        pair.start_worker()
        if slow:
            pair.orders.sql(SLOW[server.title])
        peak = find_peak(pair)
        before = Load(pair, NORMAL_S // 2, NORMAL_CONNECTIONS, peak / 4).join()
        seen = overloaded(pair, api, peak, slow)
        after = Load(pair, NORMAL_S, NORMAL_CONNECTIONS, peak / 4).join()
    back = normal_again(before, after, seen["ended_at"])
    return [*describe(server, condition, peak, seen),
            Line(f"{server.title}, {condition}: a quarter of the peak is served as before again "
                 "after", "5 s", f"{back} s", back <= 5)]


def overload(rig, server):
    return measure(rig, server, "slowed by 0.5 ms an order", True)


def saturation(rig, server):
    """The generator is on the same cores, so nothing is promised."""
    lines = measure(rig, server, "at full speed", False)
    for line in lines:
        line.limit, line.held = f"({line.limit})", None
    return lines
