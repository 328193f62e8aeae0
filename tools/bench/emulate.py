"""Percentiles of delay and rate over `axs emulate --trace`, beside those of the trace.

usage: emulate.py AXS [DELAY CAPACITY]

One direction is kept full and its bytes are counted per step of the capacity, at edges that travel
with the delay of the trace; the other carries a small probe every 2 ms. Arrivals are stamped by the
kernel.
"""
import json
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
LONGEST_S = 120
DELAY_STEP_NS = 10_000_000
PACKET = 1_400
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(p / 100 * len(ordered)))]


def made_up():
    """Delays of 8 to 14 ms and capacities of 20 to 75 Mb/s that wander, for 30 s."""
    rng = random.Random(1)
    folder = tempfile.mkdtemp(prefix="axs-bench-")
    delay, rate = 11.0, 48.0
    with open(f"{folder}/delay.txt", "w", encoding="utf-8") as file:
        for _ in range(3_000):
            delay = min(14, max(8, delay + rng.gauss(0, 0.5)))
            file.write(f"{delay:.0f}\n")
    with open(f"{folder}/capacity.csv", "w", encoding="utf-8") as file:
        file.write("t_ms,mbit_per_s\n")
        for step in range(300):
            rate = min(75, max(20, rate + rng.gauss(0, 8)))
            file.write(f"{100 * step},{rate:.2f}\n")
    return f"{folder}/delay.txt", f"{folder}/capacity.csv"


def monotonic_minus_realtime():
    """From the reading of both clocks that took the least time."""
    readings = []
    for _ in range(1_000):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        readings.append((after - before, (before + after) // 2 - wall))
    return min(readings)[1]


class Receiver(threading.Thread):
    """(When the kernel saw it, on CLOCK_MONOTONIC; its bytes) for all that comes."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # What this program reads too late is not to count as lost; only root gets all of it.
        for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, option, 64 << 20)
            except PermissionError:
                pass
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.connect(("127.0.0.1", port))
        self.offset = monotonic_minus_realtime()
        self.seen = []
        self.socket.send(b"here")

    def run(self):
        while True:
            data, ancillary, _, _ = self.socket.recvmsg(2_000, 64)
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            at = seconds * 1_000_000_000 + nanoseconds + self.offset
            self.seen.append((at, len(data), data[:8]))


def paced(until_ns, every_ns, send):
    next_ns = time.monotonic_ns()
    while next_ns < until_ns:
        send()
        next_ns += every_ns
        wait = next_ns - time.monotonic_ns()
        if wait > 0:
            time.sleep(wait / 1e9)


def show(title, unit, wanted, found):
    print(f"{title:<16}" + "".join(f"{'p' + str(p):>9}" for p in PERCENTILES))
    columns = [(percentile(wanted, p), percentile(found, p)) for p in PERCENTILES]
    print(f"  trace {unit:<8}" + "".join(f"{w:9.2f}" for w, _ in columns))
    print(f"  found {unit:<8}" + "".join(f"{f:9.2f}" for _, f in columns))
    off = [100 * (f - w) / w for w, f in columns]
    print("  off by %      " + "".join(f"{o:9.2f}" for o in off))
    return max(map(abs, off))


def rates(seen, edges, step_ns):
    """Mb/s between each two edges, of arrivals in order."""
    found = []
    arrivals = iter(seen)
    arrival = next(arrivals, None)
    for begin, end in zip(edges, edges[1:]):
        count = 0
        while arrival is not None and arrival[0] < end:
            count += arrival[1] if arrival[0] >= begin else 0
            arrival = next(arrivals, None)
        found.append(count * 8 / step_ns * 1e3)
    return found


def main():
    axs = sys.argv[1]
    delay_file, capacity_file = sys.argv[2:4] if len(sys.argv) > 3 else made_up()
    with open(delay_file, encoding="utf-8") as file:
        delays = [float(line) for line in file if line.strip()]
    with open(capacity_file, encoding="utf-8") as file:
        rows = [line.split(",") for line in file.read().split()[1:]]
    step_ns = int(rows[1][0]) * 1_000_000
    capacities = [float(row[1]) for row in rows]
    lasts_s = min(LONGEST_S, step_ns * len(capacities) / 1e9)
    emulator = subprocess.Popen([axs, "emulate", "--trace", f"{delay_file},{capacity_file}",
                                 "--ports", "--json"], stdout=subprocess.PIPE, text=True)
    try:
        opened = json.loads(emulator.stdout.readline())
        epoch = opened["epoch_ns"]
        ends = [int(opened["links"][0][key].split(":")[1]) for key in ("a_end", "b_end")]
        a, b = Receiver(ends[0]), Receiver(ends[1])
        time.sleep(0.2)
        a.start()
        b.start()
        until = time.monotonic_ns() + int(lasts_s * 1e9)
        most = max(capacities) * 1.1e6 / 8
        burst = 4

        def fill():
            for _ in range(burst):
                a.socket.send(b"x" * PACKET)

        filler = threading.Thread(target=paced,
                                  args=(until, int(burst * PACKET / most * 1e9), fill))
        filler.start()
        begun = time.monotonic_ns()
        paced(until, 2_000_000, lambda: b.socket.send(struct.pack("q", time.monotonic_ns())))
        filler.join()
        time.sleep(0.2)
    finally:
        emulator.send_signal(signal.SIGINT)
        carried = json.loads(emulator.communicate(timeout=30)[0].splitlines()[-1])["carried"]
    probes = [(at - struct.unpack("q", head)[0]) / 1e6 for at, size, head in a.seen if size == 8]

    def edge(k):
        delay = delays[k * step_ns // DELAY_STEP_NS % len(delays)]
        return epoch + k * step_ns + int(delay * 1e6)

    first, last = (begun - epoch) // step_ns + 3, (until - epoch) // step_ns - 1
    found = rates(b.seen, [edge(k) for k in range(first, last + 1)], step_ns)
    wanted = [capacities[k % len(capacities)] for k in range(first, last)]
    window = range((begun - epoch) // DELAY_STEP_NS, (until - epoch) // DELAY_STEP_NS)
    worst = show("one-way delay", "ms", [delays[k % len(delays)] for k in window], probes)
    worst = max(worst, show("rate", "Mb/s", wanted, found))
    print(f"{len(probes)} probes, {len(b.seen)} packets of {PACKET} bytes, {lasts_s:.0f} s; "
          f"released late by {carried[0]['late_p99_ms']:.3f} ms at p99; "
          f"farthest percentile off by {worst:.2f} %")
    return 0 if worst <= 5 else 1


sys.exit(main())
