#!/usr/bin/python3
"""The round trips that `axs sky rtt` prints against a reference series.
usage: kuiper_rtt.py PATH-OF-AXS SHELL SERIES"""
import subprocess
import sys

MANILA, DALIAN = "14.6042,120.9822", "38.913811,121.602322"


def main(axs, shell, reference):
    out = subprocess.run(
        [axs, "sky", "rtt", "--shell", shell, "--from", MANILA, "--to", DALIAN, "--start",
         "2000-01-01T00:00:00Z", "--duration", "200s", "--step", "100ms", "--csv"],
        check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    assert out[0] == "t_ns,rtt_ns", out[0]
    with open(reference) as file:
        theirs = [line.split(",") for line in file.read().split()]
    ours = [line.split(",") for line in out[1:]]
    assert [row[0] for row in ours] == [row[0] for row in theirs]
    worst = max(abs(float(a[1]) / float(b[1]) - 1) for a, b in zip(ours, theirs))
    print(f"{len(ours)} samples, worst difference {100 * worst:.4f} %")
    assert worst <= 0.01


if __name__ == "__main__":
    main(*sys.argv[1:])
