"""The table of tools/bench/bulk. Needs nothing beyond Python; the peers need root and iperf3.

Goodput is bytes of messages that arrived for the first time. What a link carries is counted as the
emulator counts it: UDP payloads between its ports, whole IP packets between its TUN devices.
Payload capacity of a link: its rate times the share of message bytes in a full packet. The limit is
that, less what the link loses at random: nobody can be faster.
"""
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

BENCH = "build/release/src/live/bulk_bench"
WARM_UP = 3
UDP, IP = 1472, 1500  # a full packet, as each kind of port counts it
OURS, TCP = 1382, 1448  # bytes of messages in it; TCP with timestamps
SHARE = {("axs", "sockets"): OURS / UDP, ("axs", "tun"): OURS / IP, ("tcp", "tun"): TCP / IP}
SCENES = {
    "gigabit": {"title": "1 Gb/s, 70 ms there and back, 50 ms of buffer, 1 % random loss each way",
                "rates": [1000], "loss": [0.01], "seconds": 7, "goal": ("of the link", 90)},
    "both": {"title": "fibre (200 Mb/s, 70 ms) and LEO gateway (100 Mb/s, 40 ms, a handover every "
                      "15 s that loses half of 20 ms) at once",
             "rates": [200, 100], "loss": [1e-6, 1e-4], "seconds": 30,
             "goal": ("of the payload capacity", 95)},
}
PRIORITY = ["nice", "-n", "-10"] if os.geteuid() == 0 else []


def output(*line):
    return subprocess.run([str(word) for word in line], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


@contextlib.contextmanager
def emulator(scene, mode, report):
    """Runs the emulator of a scene; its last words go into `report`."""
    process = subprocess.Popen([BENCH, "emulate", scene, mode], stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    if process.poll() is not None:
        raise SystemExit("bulk: the emulator did not start; its error is above")
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        report.update(json.loads(process.communicate()[0]))


def axs(scene, mode, counted):
    record = json.loads(output(*PRIORITY, BENCH, "transfer", scene, mode, counted + WARM_UP))
    if record["wrong"]:
        raise SystemExit(f"bulk: {record['wrong']} messages arrived wrong")
    return {"mbps": record["mbps"], "cpu": record["send_cpu"] + record["receive_cpu"],
            "resent": record["lost"] / record["sent"],
            "control": (record["control_p50"], record["control_p99"])}


def netns(link, side):
    return ["ip", "netns", "exec", f"axs-bulk-{link}-{side}"]


def tcp(scene, algorithm, counted):
    """One flow over each link, all at the same time; their sum."""
    flows = []
    for link in range(len(SCENES[scene]["rates"])):
        for side in (0, 1):
            for name in ("rmem", "wmem"):
                output(*netns(link, side), "sysctl", "-qw",
                       f"net.ipv4.tcp_{name}=4096 131072 67108864")
        server = subprocess.Popen([*PRIORITY, *netns(link, 1), "iperf3", "-s", "-1"],
                                  stdout=subprocess.DEVNULL)
        time.sleep(0.3)
        client = subprocess.Popen([*PRIORITY, *netns(link, 0), "iperf3", "-J", "-C", algorithm,
                                   "-c", f"10.78.{link}.2", "-O", str(WARM_UP), "-t",
                                   str(counted)], stdout=subprocess.PIPE, text=True)
        flows.append((server, client))
    sums = {"mbps": 0.0, "cpu": 0.0, "resent": 0.0, "control": None}
    for server, client in flows:
        end = json.loads(client.communicate(timeout=counted + 30)[0])["end"]
        server.wait(timeout=30)
        sent = end["sum_sent"]
        sums["mbps"] += end["sum_received"]["bits_per_second"] / 1e6
        usage = end["cpu_utilization_percent"]
        sums["cpu"] += (usage["host_total"] + usage["remote_total"]) / 100
        sums["resent"] += sent["retransmits"] * TCP / max(1, sent["bytes"]) / len(flows)
    return sums


def row(scene, name, share, records):
    rates, losses = SCENES[scene]["rates"], SCENES[scene]["loss"]
    goodputs = [record["mbps"] for record in records]
    middle = statistics.median(goodputs)
    limit = share * sum(rate * (1 - loss) for rate, loss in zip(rates, losses))
    ratios = {"of the link": 100 * middle / sum(rates),
              "of the payload capacity": 100 * middle / (share * sum(rates))}
    control = ""
    if records[0]["control"]:
        control = "  {:.0f} / {:.0f} ms".format(
            *(statistics.median(record["control"][i] for record in records) for i in (0, 1)))
    print(f"  {name:22} {middle:6.1f} ({min(goodputs):6.1f} ..{max(goodputs):6.1f}) Mb/s  "
          f"{ratios['of the link']:5.1f} %  {ratios['of the payload capacity']:5.1f} %  "
          f"{100 * middle / limit:5.1f} % of {limit:5.1f}  "
          f"{statistics.median(r['cpu'] for r in records):5.2f}  "
          f"{100 * statistics.median(r['resent'] for r in records):5.2f} %{control}", flush=True)
    return ratios


def words_of(mode, report):
    faults = {key: sum(direction[key] for direction in report["directions"])
              for key in ("no_memory", "refused", "kernel_dropped", "no_peer")}
    late = report["release_error"]
    print(f"  the emulator ({mode}): {100 * report['cpu_us'] / report['ran_us']:.0f} % of a core, "
          f"{report['scheduling']}; late by {late['p50_us']:.0f} us at p50, {late['p99_us']:.0f} "
          f"at p99, {late['max_us']:.0f} at most; lost by its own fault: "
          f"{sum(faults.values())} packets")


def measure(scene, repetitions, peers):
    """Every contender once, then every one again: the machine is faster in some minutes."""
    counted = SCENES[scene]["seconds"]
    rows = {"AXS over UDP ports": []}
    reports = {"sockets": {}, "TUN": {}}
    with emulator(scene, "sockets", reports["sockets"]):
        for _ in range(repetitions):
            rows["AXS over UDP ports"].append(axs(scene, "sockets", counted))
    if peers:
        rows |= {"AXS over TUN": [], "TCP cubic over TUN": [], "TCP bbr over TUN": []}
        with emulator(scene, "tun", reports["TUN"]):
            for _ in range(repetitions):
                rows["AXS over TUN"].append(axs(scene, "tun", counted))
                for algorithm in ("cubic", "bbr"):
                    rows[f"TCP {algorithm} over TUN"].append(tcp(scene, algorithm, counted))
    print(f"{SCENES[scene]['title']}; {repetitions} repetitions of {counted} s")
    print(f"  {'goodput: median (range)':54}{'link':9}{'capacity':10}{'of the limit':17}cores  "
          "resent  control p50 / p99")
    base, goal = SCENES[scene]["goal"]
    for name, records in rows.items():
        key = ("tcp" if name.startswith("TCP") else "axs", "tun" if "TUN" in name else "sockets")
        reached = row(scene, name, SHARE[key], records)[base]
        if name.startswith("AXS"):
            print(f"    goal {goal} % {base}: {'reached' if reached >= goal else 'NOT reached'}")
    for mode, report in reports.items():
        if report:
            words_of(mode, report)


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    peers = os.geteuid() == 0 and shutil.which("iperf3") is not None
    print(f"load before: {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores; {os.uname().release}")
    if not peers:
        print("TCP beside it: not run, because network namespaces need root and TCP needs iperf3")
    for scene in SCENES:
        measure(scene, repetitions, peers)


main()
