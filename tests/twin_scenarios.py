"""Every scenario runs twice in the twin and the digests agree; another seed gives another one.

usage: twin_scenarios.py AXS SCENARIO...
"""
import json
import subprocess
import sys


def simulate(axs, scenario, *options):
    done = subprocess.run([axs, "twin", scenario, "--json", *options], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, (scenario, done.returncode, done.stderr)
    return json.loads(done.stdout)


def check(axs, scenario):
    first, second = simulate(axs, scenario), simulate(axs, scenario)
    assert first["finished"], first
    assert first == second, (first, second)
    assert simulate(axs, scenario, "--seed", "4711")["digest"] != first["digest"]
    print(scenario, first["digest"])


for path in sys.argv[2:]:
    check(sys.argv[1], path)
