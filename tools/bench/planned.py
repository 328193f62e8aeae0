"""How long a step of a plan takes, beside what the plan says: tools/bench/planned.

usage: planned.py AXS [--runs N]

First axs plan measure says how fast a core is here: parts of layers of other widths than those of
the models below, no step of any. A replica is a thread, and so needs a core of its own.
"""
import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MEASURED = re.compile(r"measured ([\d.e+-]+) s")
WORDS = "a little text is enough to see how long a step takes".split()
JOB = """version = 1
name = "planned"
seed = 3
[model]
layers = {layers}
heads = {heads}
width = {width}
hidden = {hidden}
context = {context}
[train]
tokens = {tokens}
sequences = {sequences}
"""
SITE = """[[site]]
name = "{name}"
at = [0, 0]
accelerators = [{{ type = "cpu", count = {replicas} }}]
"""
LINK = """[[link]]
between = ["a", "b"]
kind = "wire"
rate = "{rate}"
delay = "5 ms"
"""
# layers, heads, width, hidden, context
SHAPES = {"tiny": (2, 2, 32, 64, 32), "small": (4, 4, 128, 512, 64), "wide": (6, 6, 384, 1024, 128),
          "large": (9, 8, 640, 2560, 64)}
# Name, shape, sequences, steps, replicas of each site, rate of the link. Where it is thin and the
# model so large that what rare exchanges cost of the loss is known, the planner exchanges rarely.
JOBS = (
    ("one replica", "tiny", 48, 200, [1], None),
    ("one replica", "small", 16, 60, [1], None),
    ("one replica", "wide", 4, 25, [1], None),
    ("two replicas", "small", 16, 60, [2], None),
    ("two replicas", "wide", 8, 16, [2], None),
    ("two sites", "small", 16, 60, [1, 1], "1 Gb/s"),
    ("two sites, thin link", "large", 4, 90, [1, 1], "50 Mb/s"),
)


def job_text(shape, sequences, steps, replicas, rate):
    layers, heads, width, hidden, context = SHAPES[shape]
    text = JOB.format(layers=layers, heads=heads, width=width, hidden=hidden, context=context,
                      tokens=sequences * context * steps, sequences=sequences)
    text += "".join(SITE.format(name=name, replicas=count) for name, count in zip("ab", replicas))
    return text + (LINK.format(rate=rate) if rate else "")


def axs(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench planned: axs {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return done.stdout


def measured_core(program):
    """An [[accelerator]] for jobs."""
    core = axs(program, "plan", "measure")
    print("\n".join(f"    {line}" for line in core.strip().splitlines()) + "\n", flush=True)
    return core


def measure(program, text):
    """The plan, and seconds of a step when it is carried out."""
    with tempfile.TemporaryDirectory(prefix="axs-bench-") as folder:
        folder = Path(folder)
        job, file = folder / "job.toml", folder / "plan.json"
        job.write_text(text)
        file.write_text(axs(program, "plan", job, "--json"))
        corpus = folder / "corpus.txt"
        corpus.write_text(" ".join(random.Random(1).choices(WORDS, k=10_000)))
        said = axs(program, "run", job, "--plan", file, "--runs", folder / "runs", "--data", corpus)
        (line,) = [line for line in said.splitlines() if line.startswith("step ")]
        return json.loads(file.read_text()), float(MEASURED.search(line).group(1))


def exchange_text(plan):
    outer = plan.get("outer")
    if len({group["site"] for group in plan["groups"]}) == 1:
        return "none"
    if outer is None:
        return "every step"
    return f"every {outer['period']} steps, {outer['bits']} bits"


def main():
    parser = argparse.ArgumentParser(prog="axs bench planned")
    parser.add_argument("axs")
    parser.add_argument("--runs", type=int, default=3, help="of each job")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("want at least 1 run")
    core = measured_core(options.axs)
    print(f"{os.cpu_count()} cores, median of {options.runs}\n\n"
          "| | model | exchange | planned, s | interval | measured, s (least to most) | off | |\n"
          "|---|---|---|---|---|---|---|---|", flush=True)
    missed = 0
    for name, shape, *job in JOBS:
        runs = [measure(options.axs, job_text(shape, *job) + core) for _ in range(options.runs)]
        plan, times = runs[0][0], [time for _, time in runs]
        median = statistics.median(times)
        inside = plan["low_s"] <= median <= plan["high_s"]
        missed += not inside
        print(f"| {name} | {shape} | {exchange_text(plan)} | {plan['step_s']:.4f} | "
              f"{plan['low_s']:.4f} to {plan['high_s']:.4f} | {median:.4f} ({min(times):.4f} to "
              f"{max(times):.4f}) | {100 * (median / plan['step_s'] - 1):+.1f} % | "
              f"{'in' if inside else 'outside'} |", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
