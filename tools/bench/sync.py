"""The table of tools/bench/sync: nanoGPT's CPU recipe at three sites, by four ways to synchronise.

All train the same model from the same initial parameters on the same text, joined by the same
emulated links. Bytes are those of IP payload (UDP or TCP header included) that the sites sent into
the emulator, over all links, start and end of the run included, divided by the steps. The loss is
over the whole validation split, computed by one program for all.
"""
import argparse
import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import ddp

SITES = 3
SEQUENCES = 12  # Per step, over all sites together.
CONTEXT = 64
PARAMETERS = 812_160  # Of llama-shakespeare.
PORT = 29500
BUILD = "build/release"
UDP_HEADER, IP_HEADER = 8, 20

SCENARIO = """version = 1
name = "bench-sync"
seed = {seed}
[model]
preset = "llama-shakespeare"
[train]
tokens = "{tokens}"
sequences = {sequences}
{train}
"""
SITE = '[[site]]\nname = "s{site}"\nat = [0, {site}]\n'
LINK = """[[link]]
between = ["s{a}", "s{b}"]
kind = "wire"
rate = "{rate} Mb/s"
delay = "{delay} ms"
jitter = "0 ms"
loss = 0
"""
DEFAULT, FREE = "outer", "outer, free links"
AXS_WAYS = {
    "every-step": 'sync = "every-step"',
    DEFAULT: "",
    "H = 10": "outer.period = 10",
    "H = 50": "outer.period = 50",
    FREE: "",
}
DDP = "torch DDP, Gloo"
FREE_RATE = 10_000  # Mb/s, without a delay: the least that a run can take on this machine.


def fail(what):
    print(f"bench sync: {what}", file=sys.stderr)
    sys.exit(1)


def scenario(way, seed, options):
    text = SCENARIO.format(seed=seed, tokens=options.steps * SEQUENCES * CONTEXT,
                           sequences=SEQUENCES, train=AXS_WAYS[way])
    text += "".join(SITE.format(site=site) for site in range(SITES))
    rate, delay = (FREE_RATE, 0) if way == FREE else (options.rate, options.rtt / 2)
    for a in range(SITES):
        for b in range(a + 1, SITES):
            text += LINK.format(a=a, b=b, rate=rate, delay=delay)
    return text


def sent(underlay, header):
    """Bytes of IP payload; `header`: what the emulator counts too little for each packet."""
    pipes = [direction["pipe"] for direction in underlay["directions"]]
    return sum(pipe["offered_bytes"] + header * pipe["offered"] for pipe in pipes)


def loss_of(model, folder):
    config = json.load(open(model + "/config.json"))
    network = ddp.Llama(config)
    network.load_state_dict(ddp.load_safetensors(model + "/model.safetensors"))
    return ddp.loss_on(network, folder + "/validation", CONTEXT)


def facts(run, kind):
    """By site: the times, in seconds of the run's clock."""
    times = {}
    for path in glob.glob(run + "/sites/*/events.jsonl"):
        for line in open(path):
            fact = json.loads(line)
            if fact["type"] == kind:
                times.setdefault(fact["site"], []).append(fact["at"] * 1e-9)
    return times


def run_axs(way, seed, folder, options):
    open(folder + "/scenario.toml", "w").write(scenario(way, seed, options))
    command = [BUILD + "/bin/axs", "run", folder + "/scenario.toml", "--runs", folder + "/runs"]
    if options.data:
        command += ["--data", options.data]
    done = subprocess.run(command, capture_output=True, text=True)
    runs = glob.glob(folder + "/runs/*")
    if done.returncode != 0 or len(runs) != 1:
        fail(f"{way}, seed {seed}: axs run failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    begin = max(times[0] for times in facts(runs[0], "WorkerReady").values())
    end = max(times[0] for times in facts(runs[0], "SiteFinished").values())
    underlay = json.load(open(runs[0] + "/underlay.json"))
    return {"seconds": end - begin, "bytes": sent(underlay, UDP_HEADER),
            "loss": loss_of(runs[0] + "/model", folder)}


def start_mesh(folder, options):
    stats = open(folder + "/mesh.json", "w")
    mesh = subprocess.Popen([BUILD + "/src/live/tun_mesh", str(SITES), str(options.rate),
                             str(options.rtt / 2)], stdout=stats)
    far = ["ip", "netns", "exec", f"axs-bench-{SITES - 1}"]
    while subprocess.run(far + ["ping", "-c", "1", "-W", "1", "10.77.0.1"],
                         capture_output=True).returncode != 0:
        if mesh.poll() is not None:
            fail("tun_mesh ended")
        time.sleep(0.1)
    return mesh


def run_ddp(seed, folder, options):
    mesh = start_mesh(folder, options)
    try:
        ranks = []
        for rank in range(SITES):
            command = ["ip", "netns", "exec", f"axs-bench-{rank}", "nice", "-n", "10",
                       sys.executable, "tools/bench/ddp.py", folder, str(rank), str(SITES),
                       str(options.steps), "10.77.0.1", str(PORT)]
            environment = dict(os.environ, OMP_NUM_THREADS="1", TORCH_CPP_LOG_LEVEL="ERROR")
            ranks.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment))
        said = [rank.communicate()[0] for rank in ranks]
        if any(rank.returncode != 0 for rank in ranks):
            fail(f"{DDP}, seed {seed}: a rank failed")
    finally:
        mesh.send_signal(signal.SIGTERM)
        mesh.wait()
    underlay = json.load(open(folder + "/mesh.json"))
    return {**json.loads(said[0]), "bytes": sent(underlay, -IP_HEADER)}


def run(way, seed, options):
    folder = tempfile.mkdtemp(prefix="axs-bench-")
    try:
        inputs = [BUILD + "/src/learn/learn_bench_inputs", folder, options.data, str(seed),
                  str(options.steps)]
        if subprocess.run(inputs).returncode != 0:
            fail("learn_bench_inputs failed")
        outcome = (run_ddp(seed, folder, options) if way == DDP
                   else run_axs(way, seed, folder, options))
    finally:
        shutil.rmtree(folder)
    print(f"  {way}, seed {seed}: {outcome['seconds']:.1f} s, loss {outcome['loss']:.4f}, "
          f"{outcome['bytes'] / options.steps / 1e3:.1f} kB/step", file=sys.stderr, flush=True)
    return outcome


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def least_per_step(parameters, options):
    """A ring's last piece has passed when all bytes have left, one trip later; or, if the links are
    fast, after its 2 (n - 1) hops."""
    sending = 2 * (SITES - 1) / SITES * parameters * 4 * 8 / (options.rate * 1e6)
    trip = options.rtt / 2 * 1e-3
    return max(sending + trip, 2 * (SITES - 1) * trip)


def print_table(outcomes, options):
    least = least_per_step(PARAMETERS, options)
    print(f"\n{options.steps} steps, {options.seeds} seeds, {SITES} sites, {options.rate} Mb/s, "
          f"{options.rtt} ms round trip: median (least–most)\n")
    print("| Way | kB/step, all links | Wall time, s | s/step | Least by the links, s/step | "
          "Reached | Validation loss |\n|---|---|---|---|---|---|---|")
    for way, found in outcomes.items():
        seconds = [outcome["seconds"] for outcome in found]
        step = statistics.median(seconds) / options.steps
        each = way in ("every-step", DDP)
        limit = f"{least:.3f} | {100 * least / step:.0f} %" if each else "– | –"
        kilobytes = [outcome["bytes"] / options.steps / 1e3 for outcome in found]
        losses = [outcome["loss"] for outcome in found]
        print(f"| {way} | {spread(kilobytes, '.1f')} | {spread(seconds, '.1f')} | {step:.3f} | "
              f"{limit} | {spread(losses, '.4f')} |")
    print()
    compare(outcomes)


def means(outcomes, key):
    return {way: statistics.mean(run[key] for run in found) for way, found in outcomes.items()}


def compare(outcomes):
    """What outer synchronisation gains and costs, over the mean of the seeds."""
    losses, sent, times = (means(outcomes, key) for key in ("loss", "bytes", "seconds"))
    if DEFAULT in outcomes and "every-step" in outcomes:
        print(f"outer against every-step: validation loss "
              f"{100 * (losses[DEFAULT] / losses['every-step'] - 1):+.2f} %, "
              f"{sent['every-step'] / sent[DEFAULT]:.1f} times fewer bytes, "
              f"{times['every-step'] / times[DEFAULT]:.1f} times faster")
    if DEFAULT in outcomes and FREE in outcomes:
        print(f"outer takes {times[DEFAULT] / times[FREE]:.3f} times as long as on links without "
              f"limit or delay")


def parse():
    parser = argparse.ArgumentParser(prog="axs bench sync")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="60 steps, one seed")
    parser.add_argument("--rate", type=float, default=100, help="of each link, in Mb/s")
    parser.add_argument("--rtt", type=float, default=150, help="round trip of each link, in ms")
    parser.add_argument("--data", help="the text; else tinyshakespeare if it is there, else "
                                       "Python's own library")
    parser.add_argument("--ways", help="only these, separated by semicolons: "
                                       + "; ".join([*AXS_WAYS, DDP]))
    options = parser.parse_args()
    if options.quick:
        options.steps, options.seeds = 60, 1
    if options.steps < 1 or options.seeds < 1 or options.rate <= 0 or options.rtt <= 0:
        parser.error("steps, seeds, rate and rtt: want more than 0")
    options.ways = options.ways.split(";") if options.ways else [*AXS_WAYS, DDP]
    options.ways = [way.strip() for way in options.ways]
    if unknown := set(options.ways) - {*AXS_WAYS, DDP}:
        parser.error(f"ways: {', '.join(sorted(unknown))} unknown")
    shared = "../shared/data/tinyshakespeare.txt"
    if options.data is None:
        options.data = shared if os.path.exists(shared) else ""
    return options


def main():
    options = parse()
    print(f"text: {options.data or 'the default corpus'}; load before: "
          f"{open('/proc/loadavg').read().split()[0]}; {os.cpu_count()} cores", file=sys.stderr)
    ways = options.ways
    if DDP in ways and os.geteuid() != 0:
        ways = [way for way in ways if way != DDP]
        print(f"{DDP}: skipped, network namespaces need root", file=sys.stderr)
    # Seed by seed, so that what else the machine does falls on all alike.
    outcomes = {way: [] for way in ways}
    for seed in range(1, options.seeds + 1):
        for way in ways:
            outcomes[way].append(run(way, seed, options))
    print_table(outcomes, options)


if __name__ == "__main__":
    main()
