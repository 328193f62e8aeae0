"""Every scenario runs twice in the twin and the digests agree; another seed gives another one.

usage: twin_scenarios.py [--once] AXS SCENARIO...    --once: only that it finishes; where a
sanitizer looks at the run, its digest is of no interest
"""
import json
import subprocess
import sys


def simulate(axs, scenario, *options):
    done = subprocess.run([axs, "twin", scenario, "--json", *options], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, (scenario, done.returncode, done.stderr)
    outcome = json.loads(done.stdout)
    assert outcome["finished"], outcome
    return outcome


def check_digest(axs, scenario):
    first, second = simulate(axs, scenario), simulate(axs, scenario)
    assert first == second, (first, second)
    assert simulate(axs, scenario, "--seed", "4711")["digest"] != first["digest"]
    print(scenario, first["digest"])


once = sys.argv[1] == "--once"
axs, *scenarios = sys.argv[1 + once:]
assert scenarios, "no scenario was given"
for path in scenarios:
    simulate(axs, path) if once else check_digest(axs, path)
