"""Every satellite of a file of element sets against the reference SGP4 in C++, by the package sgp4.

starlink.py PROGRAM FILE TOOLS: PROGRAM is orbit_states, TOOLS the folder with the Python
environments. Exit code 77 where the file or the package is absent.
"""

import glob
import os
import struct
import subprocess
import sys

MINUTES = [-1440.0, 0.0, 47.3, 720.0, 10080.0]
# Our names for the reference's error codes, in the order of OrbitState.
CODES = [0, 1, 2, 4, 6]


def import_reference(tools):
    found = [path for venv in ("venv-test", "venv")
             for path in glob.glob(f"{tools}/{venv}/lib/python3*/site-packages")
             if os.path.exists(f"{path}/sgp4")]
    if not found:
        return None
    sys.path.insert(0, found[0])
    from sgp4.api import Satrec, accelerated
    return Satrec if accelerated else None


def main(program, tle, tools):
    if not os.path.exists(tle):
        print(f"skipped: no {tle}")
        return 77
    reference = import_reference(tools)
    if reference is None:
        print(f"skipped: no compiled Python package sgp4 below {tools}")
        return 77
    ours = subprocess.run([program, tle, *map(str, MINUTES)], stdout=subprocess.PIPE, check=True)
    rows = struct.iter_unpack("7d", ours.stdout)
    with open(tle) as file:
        lines = file.read().splitlines()
    worst, count, bad = 0.0, 0, 0
    for name, one, two in zip(lines[0::3], lines[1::3], lines[2::3]):
        satellite = reference.twoline2rv(one, two)
        for minutes in MINUTES:
            code, position, _ = satellite.sgp4_tsince(minutes)
            state, x, y, z, *_ = next(rows)
            count += 1
            if code != CODES[int(state)]:
                print(f"{name} at {minutes}: state {state}, the reference's error {code}")
                bad += 1
            elif code in (0, 6):
                error = sum((a - b) ** 2 for a, b in zip(position, (x, y, z))) ** 0.5
                worst = max(worst, error)
                bad += error > 1e-6
    print(f"{len(lines) // 3} satellites, {count} states, worst {worst * 1e3:.1e} m, {bad} wrong")
    return 1 if bad or count == 0 or next(rows, None) is not None else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
