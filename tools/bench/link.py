"""The table of tools/bench/link: goodput of iperf3 and who paid for it in processor time. Needs
nothing beyond Python and iperf3."""
import collections
import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time

from tunnel import (ADDRESSES, INSIDE, RECEIVER, SENDER, cell, command, processor_seconds, veth,
                    wireguard)

AXS = "build/release/bin/axs"
SECONDS, REPETITIONS, GOAL = 3, 5, 10
CORES = len(os.sched_getaffinity(0))
TUN = ("10.77.3.1", "10.77.3.2")
Process = collections.namedtuple("Process", "pid")


def within(namespace, line):
    return command(f"ip netns exec {namespace} {line}" if namespace else line)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Wire:
    """Where iperf3 runs, and the processes that carry what it sends."""
    def __init__(self, address, processes=(), namespaces=(None, None), ports=(5201, 5201)):
        self.address, self.processes, self.namespaces = address, list(processes), namespaces
        self.client_port, self.server_port = ports

    def iperf(self):
        """One run: gigabits, and processor seconds of iperf3 and of each carrying process."""
        prefix = ["ip", "netns", "exec", self.namespaces[1]] if self.namespaces[1] else []
        server = subprocess.Popen(prefix + ["iperf3", "-s", "-1", "-p", str(self.server_port)],
                                  stdout=subprocess.DEVNULL)
        time.sleep(0.3)
        before = [processor_seconds(process) for process in self.processes]
        report = json.loads(within(self.namespaces[0], f"iperf3 -J -c {self.address} "
                                   f"-p {self.client_port} -t {SECONDS}"))
        server.wait()
        used = [processor_seconds(process) - start
                for process, start in zip(self.processes, before)]
        end = report["end"]
        share = end["cpu_utilization_percent"]
        return {"gigabits": end["sum_received"]["bytes"] * 8e-9,
                "seconds": end["sum_received"]["seconds"], "ends": used,
                "iperf": (share["host_total"] + share["remote_total"]) / 100 * SECONDS}


def row(name, wire, note=""):
    runs = [wire.iperf() for _ in range(REPETITIONS)]
    rates = [run["gigabits"] / run["seconds"] for run in runs]
    per_core = [[run["gigabits"] / max(run["ends"][i], 0.001) for run in runs]
                for i in range(len(wire.processes))]
    alone = statistics.median(run["gigabits"] / (sum(run["ends"]) + run["iperf"]) for run in runs)
    iperf = statistics.median(run["iperf"] / run["seconds"] for run in runs)
    ends = " / ".join(f"{statistics.median(values):4.1f}" for values in per_core) or "-"
    print(f"{name:38} {cell(rates)}  {ends:13} {iperf:6.2f} {CORES * alone:12.1f}  {note}",
          flush=True)
    return statistics.median(rates)


@contextlib.contextmanager
def link(*arguments):
    """A link with both ends here, as their processes: the first end, the second."""
    with tempfile.TemporaryDirectory() as folder:
        command(f"{AXS} link create sfo fra --dir {folder} {' '.join(arguments)}")
        try:
            yield ends_of(folder)
        finally:
            command(f"{AXS} link rm sfo-fra --dir {folder}")


def ends_of(folder):
    time.sleep(1.2)  # Until the path's width is known and the statistics say so.
    ends = json.loads(command(f"{AXS} link stats sfo-fra --json --dir {folder}"))["ends"]
    return [Process(end["pid"]) for end in ends.values()]


@contextlib.contextmanager
def link_between_machines():
    """A link over the cable, each end in its own namespace as on a machine of its own."""
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        invitation = f"{here}/invitation"
        within(SENDER, f"{AXS} link create sfo fra --tun {','.join(TUN)} --from-at "
                       f"{ADDRESSES[SENDER]}:7000 --invite {invitation} --dir {here}/links")
        within(RECEIVER, f"{AXS} link join {invitation} --dir {there}/links")
        time.sleep(1)
        try:
            yield ends_of(f"{here}/links") + ends_of(f"{there}/links")
        finally:
            for folder in (here, there):
                command(f"{AXS} link rm sfo-fra --dir {folder}/links")


def tcp_port():
    near, far = free_port(), free_port()
    with link(f"--tcp {near}:127.0.0.1:{far}") as ends:
        row("TCP port, loopback", Wire("127.0.0.1", ends, ports=(near, far)), "no root")
    row("no link, loopback", Wire("127.0.0.1", ports=(far, far)), "plain TCP")


def tun():
    spaces = (SENDER, RECEIVER)
    with veth(without=()):
        with link(f"--tun {','.join(TUN)} --netns {','.join(spaces)}") as ends:
            best = row("TUN, loopback (path of 9,216 bytes)", Wire(TUN[1], ends, spaces))
        with link_between_machines() as ends:
            row("TUN, veth (path of 1,472 bytes)", Wire(TUN[1], ends, spaces))
        with wireguard() as processes:
            row("wireguard-go, same veth",
                Wire(INSIDE[RECEIVER], [processes[space] for space in spaces], spaces),
                "Debian's build of 2022, before it had UDP GSO")
        row("no link, same veth", Wire(ADDRESSES[RECEIVER], namespaces=spaces), "plain TCP")
    print(f"goal {GOAL} Gb/s: {'reached' if best >= GOAL else 'NOT reached'}")


def main():
    print(f"load before: {os.getloadavg()[0]:.1f}; {CORES} cores; {os.uname().release}; iperf3, "
          f"one TCP connection, {REPETITIONS} times {SECONDS} s")
    for titles in (("Gb/s: median (range)", "ends, Gb/s", "iperf3", "all cores"),
                   ("", "per core-s", "cores", "ours: Gb/s")):
        print(f"{'':38} {titles[0]:24} {titles[1]:13} {titles[2]:>6} {titles[3]:>12}")
    tcp_port()
    if os.geteuid() != 0:
        print("TUN and wireguard-go: not run, because network namespaces need root")
        return
    tun()


main()
