"""The table of tools/bench/sky. The reference is Vallado's C++ code in the package sgp4; all others
are compared with its positions over a week. One thread, processor time, median of repetitions.
"""
import json
import os
import statistics
import struct
import subprocess
import sys
import time
import warnings
from datetime import datetime, timedelta, timezone

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ASTROZ_NUM_THREADS"):
    os.environ[threads] = "1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy
from sgp4.api import Satrec, SatrecArray

BUILD = "build/release/src/orbit"
START = datetime(2025, 10, 8, 12, tzinfo=timezone.utc)
JULIAN_START = 2460957.0  # The same.
REPETITIONS = 7
CHECKED_MINUTES = numpy.array([0.0, 47.3, 720.0, 1440.0, 4320.0, 10080.0])
DATA = "data/leo-53-550.tle"


def processor_time(work):
    """Seconds of each repetition; one before them warms up."""
    work()
    seconds = []
    for _ in range(REPETITIONS):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return seconds


def row(name, rates, positions, reference, note=""):
    if positions is None:
        error = "-"
    else:
        errors = numpy.linalg.norm(positions - reference, axis=-1) * 1000
        error = f"{errors.max():.1e} m"
    rate = statistics.median(rates)
    spread = (max(rates) - min(rates)) / rate
    print(f"{name:34} {rate / 1e6:8.2f} M/s  +-{100 * spread / 2:4.1f} %   {error:>10}   {note}")


def rates_of(states, work):
    return [states / seconds for seconds in processor_time(work)]


def ours(path, reference):
    times = [round((START.timestamp() + 60 * minutes) * 1e9) for minutes in CHECKED_MINUTES]
    out = subprocess.run([f"{BUILD}/reference/orbit_states", path, "wgs72", *map(str, times)],
                         stdout=subprocess.PIPE, check=True).stdout
    states = numpy.array(list(struct.iter_unpack("7d", out)))
    positions = states[:, 1:4].reshape(len(times), -1, 3).swapaxes(0, 1)
    speed = json.loads(subprocess.run([f"{BUILD}/sky_speed", path, str(REPETITIONS), "200"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    levels = [level for level in ("scalar", "avx2", "avx512") if level in speed]
    # The positions are those of the widest level; that all have the same bits is a unit test.
    for level in levels:
        row(f"AXS, {level}", speed[level], positions if level == levels[-1] else None, reference)
    operations, peak = speed["operations_per_state"], statistics.median(speed["peak"])
    limit, best = peak / operations, statistics.median(speed[levels[-1]])
    print(f"limit: {operations} operations a state, and this core does {peak / 1e9:.1f} G fused "
          f"multiply-adds a second: {limit / 1e6:.0f} M/s; reached {100 * best / limit:.0f} %")


def vallado(satellites, minutes):
    jd = numpy.full(len(minutes), JULIAN_START)
    _, positions, _ = SatrecArray(satellites).sgp4(jd, minutes / 1440)
    return positions


def measure_vallado(satellites, reference):
    array, minutes = SatrecArray(satellites), numpy.arange(20.0)
    jd = numpy.full(len(minutes), JULIAN_START)
    rates = rates_of(len(satellites) * 20, lambda: array.sgp4(jd, minutes / 1440))
    row("sgp4 2.27 (Vallado's C++)", rates, reference, reference, "the reference")


def measure_heyoka(satellites, reference):
    import heyoka
    propagator = heyoka.model.sgp4_propagator(satellites)
    # Day and fraction apart: a Julian date in one double is good for 40 microseconds only.
    start = numpy.array([(JULIAN_START - s.jdsatepoch) - s.jdsatepochF for s in satellites]) * 1440

    def since_epochs(minutes):
        return numpy.ascontiguousarray(start + minutes[:, None])

    positions = propagator(since_epochs(CHECKED_MINUTES))[:, :3, :].transpose(2, 0, 1)
    minutes = numpy.arange(50.0)
    since = since_epochs(minutes)
    out = numpy.empty((len(minutes), 7, len(satellites)))
    row("heyoka 7.13", rates_of(since.size, lambda: propagator(since, out=out)), positions,
        reference, "no deep space")


def measure_astroz(path, reference):
    import astroz
    constellation = astroz.Constellation(path)

    def run(minutes):
        return astroz.propagate(constellation, minutes, start_time=START, output="teme",
                                velocities=True)

    positions = numpy.asarray(run(CHECKED_MINUTES)[0]).swapaxes(0, 1)
    same_order = positions.shape == reference.shape
    minutes = numpy.arange(200.0)
    rates = rates_of(reference.shape[0] * len(minutes), lambda: run(minutes))
    row("astroz 0.17", rates, positions if same_order else None, reference)


def measure_skyfield(lines, reference):
    from skyfield.api import EarthSatellite, load
    timescale = load.timescale()
    satellites = [EarthSatellite(one, two, name, timescale) for name, one, two in lines[:50]]
    times = timescale.from_datetimes([START + timedelta(minutes=i) for i in range(100)])
    rates = rates_of(50 * 100, lambda: [s.at(times) for s in satellites])
    row("skyfield 1.55", rates, None, reference, "in GCRS, other frame: not compared")


def main(path=DATA):
    warnings.simplefilter("ignore")
    with open(path) as file:
        text = [line.rstrip() for line in file if line.strip()]
    lines = list(zip(text[0::3], text[1::3], text[2::3]))
    satellites = [Satrec.twoline2rv(one, two) for _, one, two in lines]
    reference = vallado(satellites, CHECKED_MINUTES)
    print(f"{path}: {len(satellites)} satellites; one core, processor time, "
          f"{REPETITIONS} repetitions; worst position error over a week")
    ours(path, reference)
    for measure in (lambda: measure_vallado(satellites, reference),
                    lambda: measure_heyoka(satellites, reference),
                    lambda: measure_astroz(path, reference),
                    lambda: measure_skyfield(lines, reference)):
        measure()


if __name__ == "__main__":
    main(*sys.argv[1:])
