"""Every satellite of a file of element sets against the reference SGP4 in C++, by the package sgp4.

starlink.py PROGRAM FILE TOOLS: PROGRAM is orbit_states, TOOLS the folder with the Python
environments. Exit code 77 where the file or the package is absent.
"""

import glob
import os
import struct
import subprocess
import sys

NOON = 1_759_924_800  # 2025-10-08T12:00:00Z
MINUTES = [-1440, 0, 47.3, 720, 10080]
DAY = 86400


def import_reference(tools):
    found = [path for venv in ("venv-test", "venv-peers")
             for path in glob.glob(f"{tools}/{venv}/lib/python3*/site-packages")
             if os.path.exists(f"{path}/sgp4")]
    if not found:
        return None
    sys.path.insert(0, found[0])
    from sgp4 import api
    return api if api.accelerated else None


def compare(api, program, tle, gravity):
    """Worst difference in km, number of states, number of wrong ones."""
    times = [round((NOON + 60 * minutes) * 1e9) for minutes in MINUTES]
    ours = subprocess.run([program, tle, gravity, *map(str, times)], stdout=subprocess.PIPE,
                          check=True)
    rows = struct.iter_unpack("7d", ours.stdout)
    with open(tle) as file:
        lines = file.read().splitlines()
    constants = {"wgs72": api.WGS72, "wgs84": api.WGS84}[gravity]
    satellites = [(name, api.Satrec.twoline2rv(one, two, constants))
                  for name, one, two in zip(lines[0::3], lines[1::3], lines[2::3])]
    worst, bad = 0.0, 0
    for at in times:
        days, rest = divmod(at, DAY * 10**9)
        for name, satellite in satellites:
            code, position, _ = satellite.sgp4(2440587.5 + days, rest / (DAY * 1e9))
            state, x, y, z, *_ = next(rows)
            if code != int(state):
                print(f"{name} at {at}: state {state}, the reference's error {code}")
                bad += 1
            elif code in (0, 6):
                error = sum((a - b) ** 2 for a, b in zip(position, (x, y, z))) ** 0.5
                worst = max(worst, error)
                bad += error > 1e-6
    return worst, len(times) * len(satellites), bad + (next(rows, None) is not None)


def main(program, tle, tools):
    if not os.path.exists(tle):
        print(f"skipped: no {tle}")
        return 77
    api = import_reference(tools)
    if api is None:
        print(f"skipped: no compiled Python package sgp4 below {tools}")
        return 77
    failed = False
    for gravity in ("wgs72", "wgs84"):
        worst, count, bad = compare(api, program, tle, gravity)
        print(f"{gravity}: {count} states, worst {worst * 1e3:.1e} m, {bad} wrong")
        failed = failed or bad > 0 or count == 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
