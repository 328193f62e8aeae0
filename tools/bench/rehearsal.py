"""How long live jobs take, beside how long the twin says that they will: tools/bench/rehearsal.

usage: rehearsal.py AXS [options]

Each run is one `axs run`: it rehearses the first steps with all workers at work, so that they
compete for the cores as they will, gives the speeds that it measured to the twin, and says what the
twin says before the run begins (`Predicted`). All times are by the run's clock. The median of a
size counts. What else the machine does changes between rehearsal and run; so the load is printed,
and what the twin says of the training from the speeds of the run itself: that is off by the twin
alone.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED = 5  # per cent
SEQUENCES = 4  # Per step and site.
CONTEXT = 64
SCENARIO = """version = 1
name = "rehearsal-{sites}"
seed = {seed}
[model]
preset = "llama-shakespeare"
[train]
tokens = {tokens}
sequences = {sequences}
"""
SITE = '[[site]]\nname = "s{site}"\nat = [0, {site}]\n'
LINK = """[[link]]
between = ["s{a}", "s{b}"]
kind = "wire"
rate = "100 Mb/s"
delay = "40 ms"
"""


def scenario(sites, seed, steps):
    sequences = SEQUENCES * sites
    text = SCENARIO.format(sites=sites, seed=seed, tokens=steps * sequences * CONTEXT,
                           sequences=sequences)
    text += "".join(SITE.format(site=site) for site in range(sites))
    return text + "".join(LINK.format(a=a, b=b) for a in range(sites) for b in range(a + 1, sites))


def facts(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def seconds(fact, key="at"):
    return fact[key] * 1e-9


def load():
    return float(Path("/proc/loadavg").read_text().split()[0])


def measure(axs, sites, seed, options):
    """Seconds that were predicted and that it took, and those of the training alone: measured, and
    as the twin says afterwards."""
    with tempfile.TemporaryDirectory(prefix="axs-bench-") as folder:
        job = Path(folder) / "job.toml"
        job.write_text(scenario(sites, seed, options.steps))
        before = load()
        command = [axs, "run", job, "--runs", f"{folder}/runs"]
        command += ["--data", options.data] if options.data else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench rehearsal: {sites} sites, seed {seed}: {done.stdout}{done.stderr}")
        (run,) = [path.parent for path in Path(folder).glob("runs/*/plan")]
        world = facts(run / "events.jsonl")
        (predicted,) = [fact for fact in world if fact["type"] == "Predicted"]
        (finished,) = [fact for fact in world if fact["type"] == "RunFinished"]
        trained = max(seconds(fact) for path in run.glob("sites/*/events.jsonl")
                      for fact in facts(path) if fact["type"] == "SiteFinished")
        twin = subprocess.run([axs, "twin", job, "--speeds", run, "--json"], capture_output=True,
                              text=True, check=True)
    return {"predicted": seconds(predicted, "duration"), "measured": seconds(finished),
            "load": (before, load()), "trained": trained,
            "in the twin": json.loads(twin.stdout)["duration_s"]}


def off(predicted, measured):
    """By how many per cent the prediction is above what was measured."""
    return 100 * (predicted / measured - 1)


def parse():
    parser = argparse.ArgumentParser(prog="axs bench rehearsal")
    parser.add_argument("axs")
    parser.add_argument("--runs", type=int, default=3, help="of each size, with seeds 1, 2 ...")
    parser.add_argument("--steps", type=int, default=400, help="of each site; at least 250")
    parser.add_argument("--sites", default="4 8")
    parser.add_argument("--data", help="the text; else tinyshakespeare if it is there, else "
                                       "Python's own library")
    options = parser.parse_args()
    options.sites = [int(sites) for sites in options.sites.split()]
    if options.runs < 1 or options.steps < 250 or min(options.sites) < 2:
        parser.error("want at least 1 run, 250 steps, 2 sites")
    shared = "../shared/data/tinyshakespeare.txt"
    if options.data is None:
        options.data = shared if os.path.exists(shared) else ""
    return options


def main():
    options = parse()
    print(f"{options.steps} steps at each site, {os.cpu_count()} cores\n\n"
          "| sites | seed | predicted, s | measured, s | off | training, s | with its speeds, s | "
          "off | load |\n|---|---|---|---|---|---|---|---|---|", flush=True)
    medians = {}
    for sites in options.sites:
        runs = []
        for seed in range(1, options.runs + 1):
            run = measure(options.axs, sites, seed, options)
            runs.append(run)
            print(f"| {sites} | {seed} | {run['predicted']:.1f} | {run['measured']:.1f} | "
                  f"{off(run['predicted'], run['measured']):+.1f} % | {run['trained']:.1f} | "
                  f"{run['in the twin']:.1f} | {off(run['in the twin'], run['trained']):+.1f} % | "
                  f"{run['load'][0]:.1f} to {run['load'][1]:.1f} |", flush=True)
        medians[sites] = statistics.median(abs(off(run["predicted"], run["measured"]))
                                           for run in runs)
    print()
    for sites, median in medians.items():
        verdict = "as wanted" if median <= WANTED else "missed"
        print(f"{sites} sites: off by {median:.1f} % (median), wanted {WANTED} % at most: "
              f"{verdict}")
    sys.exit(0 if max(medians.values()) <= WANTED else 1)


if __name__ == "__main__":
    main()
