#!/usr/bin/env python3
"""Fits the cost model to published runs and writes catalog/xray-fit.toml.

usage: .axs/venv-peers/bin/python tools/fit_xray.py RUNS.csv [--golden FILE]
--golden also writes inputs and predictions of every run, which src/plan compares itself with, and
beside it, as FILE-uneven, of some with widths that divide neither heads nor nodes: of published
runs all do.
`./axs bench xray` tells how good such a fit is.

It minimises the soft absolute error of the logarithm of time, at a scale of 6 %. A run weighs as
one over the square root of the runs of its source, so that the large tables do not decide alone.
Each number is drawn to a start value by a weak prior, which matters where few runs speak of it.
"""
import argparse
import collections
import copy
import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).parent / "xray"))
import memory  # noqa: E402
import model  # noqa: E402
import runs as published  # noqa: E402

SCALE, PRIOR = 0.06, 0.02
OUT = Path(__file__).parents[1] / "catalog" / "xray-fit.toml"


def as_fit(x):
    return dict(zip(model.NUMBERS, np.exp(x)))


def fit(c):
    start = np.log([value for value, _ in model.NUMBERS.values()])
    width = np.array([sigma for _, sigma in model.NUMBERS.values()])
    sizes = collections.Counter(c.source)
    weight = np.array([sizes[source] ** -0.5 for source in c.source])
    weight /= np.sqrt(np.mean(weight ** 2) * len(weight))

    def residuals(x):
        z = (np.log(model.step_time(c, as_fit(x))) - np.log(c.time)) / SCALE
        soft = np.sign(z) * np.sqrt(2 * (np.sqrt(1 + z * z) - 1))
        return np.concatenate([weight * soft, np.sqrt(PRIOR) * (x - start) / width])

    return as_fit(least_squares(residuals, start, max_nfev=80, diff_step=1e-4).x)


def irreproducible(runs):
    """vTrain's runs that differ only in the micro-batch: without the bubble, time may not rise with
    it by more than 7 %, nor (up to 8 tensor devices) be 20 % above the best. No model is asked."""
    families, bad = collections.defaultdict(list), {}
    for run in runs:
        if run.source == "vTrain":
            families[run.layers, run.hidden, run.devices, run.tensor, run.pipeline,
                     run.data].append(run)

    def without_bubble(run):
        count = run.global_batch / run.data / run.micro_batch
        return run.time / (1 + (run.pipeline - 1) / count)

    for family in families.values():
        best, least = min(map(without_bubble, family)), float("inf")
        for run in sorted(family, key=lambda r: r.micro_batch):
            time = without_bubble(run)
            if time > 1.07 * least:
                bad[run.line] = f"rises by {time / least - 1:.0%} with the micro-batch"
            elif time > 1.2 * best and run.tensor <= 8:
                bad[run.line] = f"{time / best - 1:.0%} above the best micro-batch"
            least = min(least, time)
    return bad


def table(c, error, title):
    print(f"\n{title}\nsource          n   MAPE median    p90 signed")
    for source in [*dict.fromkeys(c.source), "all"]:
        e = 100 * error[(c.source == source) | (source == "all")]
        size = np.abs(e)
        print(f"{source:12} {len(e):4} {size.mean():6.2f} {np.median(size):6.2f} "
              f"{np.percentile(size, 90):6.2f} {e.mean():+6.2f}")


def spans(lines):
    """ "2-5, 9" of [2, 3, 4, 5, 9]."""
    out = []
    for line in sorted(lines):
        if out and line == out[-1][1] + 1:
            out[-1][1] = line
        else:
            out.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def write(numbers, fitted):
    lines = ["# Written by tools/fit_xray.py from the runs below; src/plan/calibration.h says what",
             "# each number means. The three of [[memory]] are set by hand.", "version = 1"]
    for family in ("A100", "Hopper"):
        lines += ["", "[[family]]", f'name = "{family}"']
        lines += [f"{key.partition('.')[2]} = {value:.5g}" for key, value in numbers.items()
                  if key.startswith(family + ".")]
        names = dict.fromkeys(run.accelerator["name"] for run in fitted
                              if run.accelerator["family"] == family)
        lines.append(f"accelerators = {json.dumps(list(names))}")
    lines += ["", "[shared]"]
    lines += [f"{key} = {value:.5g}" for key, value in numbers.items() if "." not in key]
    lines += ["", "[memory]"] + [f"{key} = {value:.5g}" for key, value in memory.NUMBERS.items()]
    for source in dict.fromkeys(run.source for run in fitted):
        of_source = [run.line for run in fitted if run.source == source]
        lines += ["", "[[source]]", f'name = "{source}"', f"runs = {len(of_source)}",
                  f'lines = "{spans(of_source)}"']
    OUT.write_text("\n".join(lines) + "\n")


def rounded(numbers):
    """As the file has them."""
    return {key: float(f"{value:.5g}") for key, value in numbers.items()}


def score(runs, c, numbers):
    """Of the times of `c` and of the memory of all runs."""
    table(c, model.step_time(c, numbers) / c.time - 1, "time, % (every usable run)")
    held = [run for run in runs if run.memory and not run.suspect_memory]
    m = published.columns(held)
    table(m, memory.use(m, memory.NUMBERS) / memory.GIB / m.memory - 1, "memory, %")


def unevenly(runs):
    """Every seventh run, cut over as many devices as divide next to nothing."""
    some = [copy.copy(run) for run in runs[::7]]
    for i, run in enumerate(some):
        run.tensor = (3, 5, 6, 7, 11)[i % 5]
        run.devices = run.tensor * run.data * run.pipeline * run.context
    return some


def write_golden(path, runs, numbers):
    c = published.columns(runs)
    times = model.step_time(c, numbers)
    bytes_ = memory.use(c, memory.NUMBERS)
    keys = published.PLAIN[:10] + published.PLAIN[11:]
    with open(path, "w", encoding="ascii") as file:
        file.write("# Written by tools/fit_xray.py --golden: inputs and what it predicts\n")
        file.write(",".join(["line", "accelerator", "software", "notes", *keys, "stages",
                             "seconds", "bytes"]) + "\n")
        for i, run in enumerate(runs):
            plain = [int(getattr(run, key)) for key in keys]
            stages = "+".join(map(str, run.stages if run.balanced else []))
            row = [run.line, run.accelerator["name"], run.software["match"],
                   run.software["pointwise"] + "/" + str(int(run.software["overlaps-tensor"])),
                   *plain, stages, f"{times[i]:.17g}", f"{bytes_[i]:.17g}"]
            file.write(",".join(map(str, row)) + "\n")


def read(path):
    """(runs, those with a time to be believed, which of these may be fitted); tells the others."""
    runs, left = published.read(path)
    left += [(run.line, run.source, run.suspect_time) for run in runs if run.suspect_time]
    for line, source, reason in sorted(left):
        print(f"line {line}, {source}: left out, {reason}")
    timed = [run for run in runs if run.time and not run.suspect_time]
    bad = irreproducible(timed)
    for line, reason in sorted(bad.items()):
        print(f"line {line}, vTrain: scored, not fitted, time without bubble {reason}")
    return runs, timed, np.array([run.line not in bad for run in timed])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runs")
    parser.add_argument("--golden")
    options = parser.parse_args()
    runs, timed, clean = read(options.runs)
    c = published.columns(timed)
    numbers = rounded(fit(published.chosen(c, clean)))
    score(runs, c, numbers)
    write(numbers, [run for run, fitted in zip(timed, clean) if fitted])
    if options.golden:
        write_golden(options.golden, runs, numbers)
        uneven = Path(options.golden)
        write_golden(uneven.with_stem(uneven.stem + "-uneven"), unevenly(runs), numbers)


if __name__ == "__main__":
    main()
