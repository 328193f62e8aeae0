"""The table of tools/bench/tunnel: medians over the repetitions of tunnel_bench, in Gb/s of payload
per second of processor time, and the books of every packet. Needs nothing beyond Python.
"""
import collections
import contextlib
import json
import os
import statistics
import subprocess
import time

BENCH = "build/release/src/live/tunnel_bench"
SENDER, RECEIVER = "axs-bench-send", "axs-bench-receive"
DEVICES = {SENDER: "axsb0", RECEIVER: "axsb1"}
ADDRESSES = {SENDER: "10.77.1.1", RECEIVER: "10.77.1.2"}
INSIDE = {SENDER: "10.77.2.1", RECEIVER: "10.77.2.2"}
OFFLOADS = ("gso", "gro", "tso", "tx-udp-segmentation")
GOAL = 30
WIREGUARD_SECONDS, WIREGUARD_REPETITIONS = 3, 3


def command(line, **options):
    return subprocess.run(line.split(), check=True, stdout=subprocess.PIPE, text=True,
                          **options).stdout


def inside(namespace, line, **options):
    return command(f"ip netns exec {namespace} {line}", **options)


def measured(*arguments):
    """The lines of tunnel_bench by what they tell of."""
    lines = collections.defaultdict(list)
    for line in command(" ".join((BENCH, *arguments))).splitlines():
        record = json.loads(line)
        lines[record["what"]].append(record)
    return lines


def cell(values):
    middle = statistics.median(values)
    return f"{middle:6.1f} ({min(values):5.1f} ..{max(values):6.1f})"


def row(name, records, note=""):
    """Prints the medians and returns them: sender's and receiver's."""
    sides = [[record[side] for record in records] for side in ("send", "receive")]
    print(f"{name:34} {cell(sides[0])}  {cell(sides[1])}  {note}")
    return [statistics.median(side) for side in sides]


def books(records):
    total = {key: sum(record[key] for record in records)
             for key in ("sent", "refused", "received", "kernel_drops", "wrong")}
    lost = total["sent"] - total["refused"] - total["received"]
    return (f"{total['sent'] / 1e6:.1f} M packets sent, {total['refused']} refused, {lost} lost, "
            f"{total['kernel_drops']} datagrams dropped by the socket, {total['wrong']} wrong")


def share(part, whole):
    return f"{100 * part / whole:.0f} %"


def place(title, *arguments):
    """Prints what one kind of wire gives. All parts of a repetition follow one another, because the
    machine is faster in some minutes than in others."""
    lines = measured(*arguments)
    crypto = row(f"{title}, AES-256-GCM alone", lines["crypto"])
    bare = row(f"{title}, sockets alone", lines["bare"])
    tunnel = row(f"{title}, everything on", lines["tunnel"])
    row(f"{title}, every byte verified", lines["verified"])
    limits = [1 / (1 / a + 1 / b) for a, b in zip(bare, crypto)]
    print(f"  of libcrypto alone: {share(tunnel[0], crypto[0])} / {share(tunnel[1], crypto[1])}; "
          f"of libcrypto and sockets one after the other: {share(tunnel[0], limits[0])} / "
          f"{share(tunnel[1], limits[1])}")
    for what in ("bare", "tunnel", "verified"):
        print(f"  {what}: {books(lines[what])}")
    sizes, probes, found = ({record[key] for record in lines["mtu"]}
                            for key in ("size", "probes", "ms"))
    print(f"  path MTU found: {sorted(sizes)} bytes of UDP payload, {max(probes)} probes, "
          f"at most {max(found):.1f} ms; new keys: "
          f"{sum(record['count'] for record in lines['epochs'])} times")
    return tunnel


@contextlib.contextmanager
def veth(without=OFFLOADS):
    """Two namespaces with a cable between them that cannot do `without`; whatever a killed run left
    behind is replaced."""
    def remove():
        for namespace in DEVICES:
            subprocess.run(["ip", "netns", "delete", namespace], stderr=subprocess.DEVNULL)

    remove()
    try:
        for namespace in DEVICES:
            command(f"ip netns add {namespace}")
        command(f"ip link add {DEVICES[SENDER]} netns {SENDER} type veth "
                f"peer name {DEVICES[RECEIVER]} netns {RECEIVER}")
        for namespace, device in DEVICES.items():
            inside(namespace, f"ip address add {ADDRESSES[namespace]}/24 dev {device}")
            inside(namespace, f"ip link set {device} up")
            for offload in without:
                inside(namespace, f"ethtool -K {device} {offload} off", stderr=subprocess.DEVNULL)
        yield
    finally:
        remove()


def control_socket(device):
    return f"/var/run/wireguard/{device}wg.sock"


@contextlib.contextmanager
def wireguard():
    """A wireguard-go in each namespace, as {namespace: process}."""
    keys = {namespace: command("wg genkey").strip() for namespace in DEVICES}
    processes = {}
    try:
        for namespace, device in DEVICES.items():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(control_socket(device))
            processes[namespace] = subprocess.Popen(
                ["ip", "netns", "exec", namespace, "wireguard-go", "-f", device + "wg"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for namespace, device in DEVICES.items():
            other = RECEIVER if namespace == SENDER else SENDER
            while not os.path.exists(control_socket(device)):
                if processes[namespace].poll() is not None:
                    raise SystemExit("tunnel: wireguard-go ended at once; it needs /dev/net/tun")
                time.sleep(0.01)
            public = command("wg pubkey", input=keys[other]).strip()
            inside(namespace, f"wg set {device}wg listen-port 51820 private-key /dev/stdin peer "
                              f"{public} endpoint {ADDRESSES[other]}:51820 allowed-ips "
                              f"{INSIDE[other]}/32", input=keys[namespace])
            inside(namespace, f"ip address add {INSIDE[namespace]}/24 dev {device}wg")
            inside(namespace, f"ip link set {device}wg mtu 1420 up")
        yield processes
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()


def processor_seconds(process):
    """User and system time of a process, from fields 14 and 15 of /proc/PID/stat."""
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def iperf(processes):
    before = {namespace: processor_seconds(process) for namespace, process in processes.items()}
    server = subprocess.Popen(["ip", "netns", "exec", RECEIVER, "iperf3", "-s", "-1"],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    report = json.loads(inside(SENDER, f"iperf3 -J -c {INSIDE[RECEIVER]} -t {WIREGUARD_SECONDS}"))
    server.wait()
    gigabits = report["end"]["sum_received"]["bytes"] * 8e-9
    used = {namespace: processor_seconds(process) - before[namespace]
            for namespace, process in processes.items()}
    return {"send": gigabits / used[SENDER], "receive": gigabits / used[RECEIVER]}


def main():
    print(f"load before: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; {os.uname().release}")
    print("Gb/s of payload per second of processor time; UDP payloads of 1,472 bytes, 44 to a send")
    print(f"{'':34} {'sender: median (range)':24} {'receiver: median (range)':24}")
    tunnel = place("loopback", "loopback")
    print(f"  goal {GOAL} each way: {'reached' if min(tunnel) >= GOAL else 'NOT reached'}")
    if os.geteuid() != 0:
        print("veth and wireguard-go: not run, because network namespaces need root")
        return
    with veth():
        place("veth, no offload", "veth", SENDER, RECEIVER)
        with wireguard() as processes:
            row("wireguard-go, TCP, same veth",
                [iperf(processes) for _ in range(WIREGUARD_REPETITIONS)],
                "its process alone; Debian's build of 2022, before it had UDP GSO")


if __name__ == "__main__":
    main()
