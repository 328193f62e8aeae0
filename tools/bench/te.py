"""The tables of tools/bench/te: AXS beside HiGHS on the same problems of traffic engineering.

Times are processor time of one thread, in milliseconds, without building the problem; those of AXS
are the median of several runs with the least and the most, those of HiGHS of a single run.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

import highspy
import numpy

BENCH = "build/release/src/net/te_bench"
SIZES = ((24, 112), (50, 258), (100, 536), (160, 870))
NAME = 36
SOLVERS = ("simplex", "ipm", "pdlp")
# What the default run leaves out, because it takes longer than all the rest.
LONG = {("simplex", 100), ("simplex", 160)}
MAX_MIN_LONG = 160
PDLP_TOLERANCE = 1e-2  # What is asked of AXS; its default, 1e-7, takes it minutes.
KINDS = {
    "light load": {"load": 0.2},
    "heavy load": {"load": 20},
    "capacities over 3 decades": {"decades": 3},
    "weights over 2 decades": {"weights": 2},
    "both, heavy load": {"decades": 3, "weights": 2, "load": 20},
}


def run_axs(**options):
    words = [f"{key}={value}" for key, value in options.items()]
    return json.loads(subprocess.run([BENCH, *words], check=True, capture_output=True).stdout)


def read_problem(name):
    """The file that te_bench wrote, as a linear program: a row per link, then one per demand."""
    with open(name, encoding="ascii") as lines:
        links, demands, paths = map(int, next(lines).split())
        capacity = [float(next(lines)) for _ in range(links)]
        table = numpy.array([next(lines).split() for _ in range(demands)], dtype=float)
        demand_of = numpy.repeat(numpy.arange(demands), table[:, 2].astype(int))
        start, index = [0], []
        for path in range(paths):
            index += [int(word) for word in next(lines).split()[1:]] + [links + demand_of[path]]
            start.append(len(index))
    # HiGHS's tolerances are absolute: the mean capacity is its unit.
    unit = numpy.mean(capacity)
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = paths, links + demands
    program.col_cost_ = table[demand_of, 1]
    program.col_lower_, program.col_upper_ = numpy.zeros(paths), numpy.full(paths, numpy.inf)
    program.row_lower_ = numpy.full(links + demands, -numpy.inf)
    program.row_upper_ = numpy.concatenate([capacity, table[:, 0]]) / unit
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_, program.a_matrix_.index_ = numpy.array(start), numpy.array(index)
    program.a_matrix_.value_ = numpy.ones(len(index))
    program.sense_ = highspy.ObjSense.kMaximize
    return program, unit


def run_highs(program, solver, limit):
    """(milliseconds, optimum in the program's unit), None for what the limit did not allow."""
    highs = highspy.Highs()
    highs.silent()
    for option, value in (("output_flag", False), ("threads", 1), ("solver", solver),
                          ("time_limit", float(limit)), ("run_crossover", "off"),
                          ("pdlp_optimality_tolerance", PDLP_TOLERANCE)):
        highs.setOptionValue(option, value)
    if solver == "pdlp":
        highs.setOptionValue("kkt_tolerance", PDLP_TOLERANCE)
    highs.passModel(program)
    start = time.process_time()
    highs.run()
    ms = (time.process_time() - start) * 1e3
    done = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return (ms, highs.getInfo().objective_function_value) if done else (None, None)


def spread(ms):
    return f"{ms['median']:.2f} ({ms['least']:.2f}-{ms['most']:.2f})"


def measure(folder, seed, solvers, limit, options):
    """One problem by all solvers: what AXS says, {solver: milliseconds}, the true gap."""
    name = os.path.join(folder, "problem")
    axs = run_axs(seed=seed, out=name, **options)
    program, unit = read_problem(name)
    times, optimum = {}, None
    for solver in solvers:
        times[solver], found = run_highs(program, solver, limit)
        if solver != "pdlp":
            optimum = optimum or found
    true_gap = None if optimum is None else 1 - axs["value"] / (optimum * unit)
    return axs, times, true_gap


def print_row(name, axs, times, true_gap):
    known = [ms for ms in times.values() if ms is not None]
    ratio = f"{min(known) / axs['ms']['median']:.0f}x" if known else "-"
    highs = " / ".join(f"{times[solver]:.0f}" if times.get(solver) else "-" for solver in SOLVERS)
    truth = "-" if true_gap is None else f"{100 * true_gap:.2f} %"
    print(f"{name:<{NAME}} {axs['paths']:>7} {spread(axs['ms']):>21} {100 * axs['gap']:>6.2f} % "
          f"{truth:>7} {spread(axs['cut_ms']):>21} {highs:>22} {ratio:>6}", flush=True)


def print_head():
    print(f"{'problem':<{NAME}} {'paths':>7} {'AXS ms':>21} {'proved':>8} {'true':>7} "
          f"{'AXS ms after a cut':>21} {'HiGHS simplex/ipm/pdlp':>22} {'ratio':>6}")


def bench_total_flow(arguments, folder):
    print("Total weighted flow, gap wanted 1 %; ratio: HiGHS's fastest over AXS's median")
    print_head()
    for sites, links in SIZES:
        solvers = [s for s in SOLVERS if arguments.full or (s, sites) not in LONG]
        row = measure(folder, arguments.seed, solvers, arguments.limit,
                      {"sites": sites, "links": links})
        print_row(f"{sites} sites, {links} links", *row)
    for name, kind in KINDS.items():
        options = {"sites": 100, "links": 536, **kind}
        row = measure(folder, arguments.seed + 1, ["ipm", "pdlp"], arguments.limit,
                      options)
        print_row(f"100 sites, {name}", *row)


def bench_max_min(arguments):
    print("\nMax-min fairness in three classes; doubt: what the proof leaves open, relative")
    print(f"{'problem':<{NAME}} {'paths':>7} {'AXS ms':>10} {'doubt':>9} {'levels':>7} "
          f"{'pivots':>8}")
    for sites, links in SIZES:
        if sites >= MAX_MIN_LONG and not arguments.full:
            continue
        axs = run_axs(seed=arguments.seed, sites=sites, links=links, max_min=1)
        name = f"{sites} sites, {links} links"
        print(f"{name:<{NAME}} {axs['paths']:>7} {axs['max_min_ms']:>10.1f} "
              f"{axs['doubt']:>9.1e} {axs['levels']:>7} {axs['pivots']:>8}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also what takes long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=60, help="seconds per run of HiGHS")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench_total_flow(arguments, folder)
    bench_max_min(arguments)


if __name__ == "__main__":
    main()
