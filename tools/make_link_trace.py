#!/usr/bin/python3
"""Writes a made-up trace of a link through the sky: nobody has measured it.

usage: make_link_trace.py delay|capacity > FILE
A minute of one-way delays in ms, one for each 10 ms; or of rates, one for each 100 ms. Every 15 s a
handover to another satellite changes both, and for a tenth of a second nearly nothing gets through.
"""
import math
import random
import sys

HANDOVER_S, LENGTH_S = 15, 60


def delay_ms(at_s, draw):
    satellite = int(at_s // HANDOVER_S)
    into_s = at_s % HANDOVER_S
    base = (22, 27, 20, 31)[satellite] + 2 * math.cos(into_s / HANDOVER_S * math.pi)
    return base + draw.expovariate(1) + (15 if into_s < 0.1 else 0)


def rate_mbps(at_s, draw):
    satellite = int(at_s // HANDOVER_S)
    if at_s % HANDOVER_S < 0.1:
        return 2.0
    return (120, 80, 150, 60)[satellite] * draw.uniform(0.8, 1.1)


draw = random.Random(1)
if sys.argv[1:] == ["delay"]:
    for step in range(LENGTH_S * 100):
        print(f"{delay_ms(step / 100, draw):.2f}")
elif sys.argv[1:] == ["capacity"]:
    print("t_ms,mbit_per_s")
    for step in range(LENGTH_S * 10):
        print(f"{step * 100},{rate_mbps(step / 10, draw):.1f}")
else:
    sys.exit(__doc__)
