"""A live run with sync = "every-step": two workers are killed on the way, and all sites still do
every step with the same outcome.

usage: every_step_test.py AXS
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

SITES = ("a", "b", "c")
STEPS = 130
TOKENS_PER_STEP = 32  # Of one site.
SCENARIO = f"""version = 1
name = "every-step"
[model]
layers = 1
heads = 1
width = 32
hidden = 64
context = 16
[train]
sync = "every-step"
tokens = "{STEPS * TOKENS_PER_STEP * len(SITES)}"
sequences = 6
[train.outer]
fragments = 1
[[site]]
name = "a"
at = [0, 0]
[[site]]
name = "b"
at = [0, 1]
[[site]]
name = "c"
at = [0, 2]
"""
LINK = """[[link]]
between = ["{}", "{}"]
kind = "wire"
rate = "100 Mb/s"
delay = "5 ms"
"""
PATIENCE = 120


def facts(folder, site):
    """Of all that is written so far; the last line may not be whole yet."""
    path = f"{folder}/runs/{os.listdir(folder + '/runs')[0]}/sites/{site}/events.jsonl"
    lines = open(path).read().split("\n")[:-1] if os.path.exists(path) else []
    return [json.loads(line) for line in lines]


def applied(folder, site):
    """By step: the hashes after it, one for each time that it was done."""
    hashes = {}
    for fact in facts(folder, site):
        if fact["type"] == "SyncApplied":
            hashes.setdefault(fact["sync"], []).append(fact["hash"])
            begin = fact["sync"] * TOKENS_PER_STEP
            expected = [{"site": s, "begin": begin, "end": begin + TOKENS_PER_STEP} for s in SITES]
            assert fact["members"] == expected, fact
    return hashes


def wait_for_step(folder, run, step):
    until = time.monotonic() + PATIENCE
    while True:
        started = os.path.isdir(folder + "/runs") and os.listdir(folder + "/runs")
        if started and any(done >= step for done in applied(folder, "a")):
            return
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < until, f"step {step} was not reached"
        time.sleep(0.02)


def kill_worker(folder, site):
    started = [fact for fact in facts(folder, site) if fact["type"] == "WorkerStarted"]
    os.kill(started[-1]["pid"], signal.SIGKILL)


def main():
    axs = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/text", "w") as text:
            text.writelines(f"for item in range({i * 7 % 97}): print(item)\n" for i in range(6000))
        with open(folder + "/scenario.toml", "w") as scenario:
            scenario.write(SCENARIO)
            scenario.writelines(LINK.format(*pair) for pair in ("ab", "bc", "ac"))
        run = subprocess.Popen([axs, "run", "scenario.toml", "--data", "text"], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            wait_for_step(folder, run, 60)
            kill_worker(folder, "b")
            wait_for_step(folder, run, 110)
            kill_worker(folder, "c")
            said = run.communicate(timeout=PATIENCE)[0]
        except BaseException:
            run.send_signal(signal.SIGTERM)  # It ends its agents, which do not die with it.
            run.communicate(timeout=PATIENCE)
            raise
        assert run.returncode == 0, said
        reference = applied(folder, "a")
        assert sorted(reference) == list(range(STEPS)), said
        for site in SITES:
            hashes = applied(folder, site)
            assert sorted(hashes) == sorted(reference), site
            for step, seen in hashes.items():
                assert set(seen) == set(reference[step]) and len(set(seen)) == 1, (site, step)
        assert len(reference[55]) > 1, "nobody went back after the kill"
        assert not any(fact["type"] == "Diverged" for site in SITES for fact in facts(folder, site))
        print(f"{STEPS} steps, all sites alike; step 55 was done {len(reference[55])} times")


if __name__ == "__main__":
    main()
