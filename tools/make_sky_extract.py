#!/usr/bin/env python3
"""Cuts one shell out of a file of three-line element sets: make_sky_extract.py FILE > EXTRACT

Keeps the sets with 53.14 to 53.40 degrees of inclination and 15.08 to 15.10 revolutions per day, in
the order of the file; their two lines stay as they are, their names become LEO-0001 and so on.
"""

import sys

INCLINATION = (53.14, 53.40)
MEAN_MOTION = (15.08, 15.10)


def main(path):
    with open(path, encoding="ascii") as file:
        lines = file.read().splitlines()
    count = 0
    for one, two in zip(lines[1::3], lines[2::3]):
        inclination, mean_motion = float(two[8:16]), float(two[52:63])
        if not INCLINATION[0] <= inclination <= INCLINATION[1]:
            continue
        if not MEAN_MOTION[0] <= mean_motion <= MEAN_MOTION[1]:
            continue
        count += 1
        print(f"LEO-{count:04d}\n{one}\n{two}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_sky_extract.py FILE > EXTRACT")
    main(sys.argv[1])
