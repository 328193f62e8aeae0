"""Every scenario runs twice in the twin and the digests agree; another seed gives another one. Of
those with fleets twenty minutes are played.

usage: twin_scenarios.py [--once] AXS SCENARIO...    --once: only that it finishes; where a
sanitizer looks at the run, its digest is of no interest
"""
import json
import subprocess
import sys
import tomllib

FLEETS = ("--for", "20min")


def has_fleets(scenario):
    with open(scenario, "rb") as file:
        sites = tomllib.load(file)["site"]
    return any(a["type"] != "cpu" for site in sites for a in site["accelerators"])


def simulate(axs, scenario, *options):
    fleets = has_fleets(scenario)
    done = subprocess.run([axs, "twin", scenario, "--json", *options, *(FLEETS if fleets else ())],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (scenario, done.returncode, done.stderr)
    outcome = json.loads(done.stdout)
    if fleets:
        outcome["digest"] = [run["digest"] for run in outcome["runs"]]
        assert all(run["syncs"] > 5 and run["goodput"] > 0.3 for run in outcome["runs"]), outcome
    else:
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
