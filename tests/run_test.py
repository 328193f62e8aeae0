"""The live job from end to end, with real processes: a tiny model, a few seconds.

usage: run_test.py AXS [unittest arguments]
"""

import json
import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

AXS = ""

SITES = ("sfo", "fra", "tyo")
SCENARIO = """
version = 1
name = "tiny"
seed = 3
[model]
layers = 2
heads = 2
width = 32
hidden = 64
context = 32
[train]
tokens = {tokens}
sequences = 3
outer = {{ period = 10, fragments = 2 }}
"""
WORLD = """
[[site]]
name = "{0}"
at = [0, 0]
"""
LINK = """
[[link]]
between = ["{0}", "{1}"]
kind = "wire"
rate = "100 Mb/s"
delay = "{2} ms"
"""


def scenario(tokens, *faults):
    text = SCENARIO.format(tokens=tokens)
    text += "".join(WORLD.format(site) for site in SITES)
    for a, b, delay in (("sfo", "fra", 20), ("sfo", "tyo", 15), ("fra", "tyo", 25)):
        text += LINK.format(a, b, delay)
    return text + "".join(f"\n[[fault]]\n{fault}\n" for fault in faults)


def corpus(size):
    """Text with something to learn in it."""
    draw = random.Random(1)
    words = ["while", "packet", "moves", "slowly", "over", "the", "long", "link", "and", "back"]
    text = ""
    while len(text) < size:
        text += " ".join(draw.choice(words) for _ in range(12)) + ".\n"
    return text


class Run:
    """One run in a folder of its own."""

    def __init__(self, folder, tokens, *faults):
        self.folder = Path(folder)
        self.scenario = self.folder / "tiny.toml"
        self.scenario.write_text(scenario(tokens, *faults))
        (self.folder / "corpus.txt").write_text(corpus(150_000))

    def command(self):
        return [AXS, "run", self.scenario, "--data", self.folder / "corpus.txt",
                "--runs", self.folder / "runs"]

    def resume_command(self):
        return [AXS, "run", "--resume", self.path.name, "--runs", self.folder / "runs"]

    def resume(self):
        return subprocess.run(self.resume_command(), capture_output=True, text=True, check=False,
                              timeout=240)

    def started(self):
        """Whether there is a run that can be resumed."""
        return bool(list((self.folder / "runs").glob("*/plan")))

    @property
    def path(self):
        (plan,) = (self.folder / "runs").glob("*/plan")
        return plan.parent

    def events(self, site=None):
        """Those of a site, or of the launcher, the controller and the emulator."""
        file = (self.path / "sites" / site if site else self.path) / "events.jsonl"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        # What a kill has torn is no fact.
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def facts(self, site, kind):
        return [event for event in self.events(site) if event["type"] == kind]


def wait_for(condition, limit_s):
    """Until it is true; an error if that takes too long."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {limit_s} s")
        time.sleep(0.05)


def orders(run):
    """What sites have rerouted because the controller said so."""
    if not run.started():
        return []
    return [fact for site in SITES for fact in run.facts(site, "RouteChanged")
            if fact["reason"] == "order"]


def measured_by(run, term):
    """What the controller of that term has heard of the routes."""
    facts = run.events()
    begun = [i for i, fact in enumerate(facts)
             if fact["type"] == "ControllerStarted" and fact["term"] == term]
    return [fact for fact in facts[begun[0]:] if fact["type"] == "RouteMeasured"] if begun else []


def hashes(run):
    """By sync: the hash at each site."""
    found = {}
    for site in SITES:
        for fact in run.facts(site, "SyncApplied"):
            found.setdefault(fact["sync"], {}).setdefault(site, set()).add(fact["hash"])
    return found


def tensors(path):
    """Name: (shape, bytes) of a safetensors file of float32."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    body = data[8 + size:]
    return {name: (entry["shape"], body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def processes_of(run):
    """The pids of all processes whose command line names the folder that the run is in."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if str(run.folder).encode() in command:
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            pass  # It has ended meanwhile.
    return found


def kill_everything(run):
    """SIGKILL to all processes of the run until none is left. Workers die with their agents."""
    while pids := processes_of(run):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def merged_ranges(run):
    """By fragment and site: the ranges in the order of their syncs, each sync once."""
    members = {}
    for site in SITES:
        for fact in run.facts(site, "SyncApplied"):
            members.setdefault(fact["sync"], fact["members"])
    found = {}
    for sync in sorted(members):
        for part in members[sync]:
            found.setdefault((sync % 2, part["site"]), []).append((part["begin"], part["end"]))
    return found


class RunTest(unittest.TestCase):
    def check_same_everywhere(self, run):
        """Every sync was merged by every site, with one and the same outcome; what a kill kept it
        from noting, it noted when it came back."""
        merged = hashes(run)
        self.assertGreater(len(merged), 5)
        self.assertEqual(sorted(merged), list(range(len(merged))))
        for sync, sites in merged.items():
            self.assertEqual(set(sites), set(SITES), f"sync {sync}")
            self.assertEqual(len(set.union(*sites.values())), 1, f"sync {sync}: {sites}")

    def check_tokens(self, run, budget):
        """Each token of a shard counts once in each fragment, and all are the budget, to a step of
        32 tokens per site."""
        totals = {}
        for (fragment, site), ranges in merged_ranges(run).items():
            at = 0
            for begin, end in ranges:
                self.assertEqual(begin, at, f"fragment {fragment} of {site}")
                self.assertLess(begin, end)
                at = end
            totals[fragment] = totals.get(fragment, 0) + at
        self.assertEqual(sorted(totals), [0, 1])
        for total in totals.values():
            self.assertLessEqual(abs(total - budget), 32 * len(SITES), totals)

    def check_model(self, run):
        config = json.loads((run.path / "model/config.json").read_text())
        self.assertEqual(config["hidden_size"], 32)
        self.assertTrue((run.path / "model/tokenizer.json").exists())
        found = tensors(run.path / "model/model.safetensors")
        self.assertEqual(found["model.embed_tokens.weight"][0], [256, 32])
        for name, (shape, values) in found.items():
            count = 1
            for dimension in shape:
                count *= dimension
            self.assertEqual(len(values), 4 * count, name)
            numbers = struct.unpack(f"<{count}f", values)
            self.assertTrue(all(abs(number) < 100 for number in numbers), name)

    def check_keys(self, run):
        """Each site was enrolled with a key of its own, which is nowhere but in its folder."""
        keys = {}
        for site in SITES:
            own = run.path / "sites" / site
            self.assertFalse((own / "token").exists())
            self.assertEqual((own / "credentials/key.pem").stat().st_mode & 0o777, 0o600)
            keys[site] = (own / "credentials/key.pem").read_text().split("\n")[1].encode()
        self.assertEqual(len(set(keys.values())), len(SITES))
        for path in run.path.rglob("*"):
            if path.is_file():
                found = [site for site, key in keys.items() if key in path.read_bytes()]
                own = path.match("sites/*/credentials/key.pem")
                self.assertEqual(found, [path.parts[-3]] if own else [], path)

    def check_finished(self, run, outcome, killed=False):
        said = outcome.stdout + outcome.stderr
        self.assertEqual(outcome.returncode, 0, said)
        self.assertIn("validation loss", outcome.stdout)
        self.check_same_everywhere(run)
        ledger = subprocess.run([AXS, "ledger", run.path], capture_output=True, text=True,
                                check=False)
        self.assertEqual(ledger.returncode, 0, ledger.stdout)
        self.check_model(run)
        self.assertEqual(processes_of(run), [])
        self.check_keys(run)
        for site in SITES:
            if not killed:
                self.assertEqual(len(run.facts(site, "Enrolled")), 1)
            self.assertEqual((run.path / "sites" / site / "stage").read_text(), "finished")
            self.assertEqual(run.facts(site, "SiteStopped")[-1]["reason"], "finished")
            exported = run.facts(site, "Exported")
            if not killed:
                self.assertEqual(len(exported), 1 if site == "sfo" else 0)
        evaluated = run.facts("sfo", "Evaluated")[-1]
        # The whole validation split; untrained, the loss is that of 256 equal bytes, 5.5.
        validation = run.facts("sfo", "WorkerReady")[0]["validation_bytes"]
        self.assertGreater(evaluated["tokens"], 0.9 * validation)
        self.assertLess(evaluated["loss"], 5)

    def test_a_run_ends_by_itself_with_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 60_000)
            outcome = subprocess.run(run.command(), capture_output=True, text=True, check=False,
                                     timeout=120)
            self.check_finished(run, outcome)
            self.assertEqual(len(run.facts(None, "RunStarted")), 1)
            self.assertEqual(len(run.facts(None, "RunFinished")), 1)
            self.check_predicted(run, outcome.stdout)

    def check_predicted(self, run, output):
        """It was rehearsed, of which nothing is left, and what the twin made of that is on record
        and was said before the run began."""
        (predicted,) = run.facts(None, "Predicted")
        self.assertGreater(predicted["duration"], predicted["finishing"])
        self.assertIn(f"{predicted['syncs']} syncs (calibrated on 50 steps", output)
        self.assertLess(output.index("predicted"), output.index("run /"))
        self.assertEqual(list((run.folder / "runs").iterdir()), [run.path])
        self.assertGreater(predicted["syncs"], 0)
        self.assertGreater(predicted["bytes"], 0)

    def test_a_rehearsal_that_fails_says_where_its_logs_are(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 500_000)
            text = run.scenario.read_text().replace("context = 32", "context = 512")
            run.scenario.write_text(text)
            (run.folder / "corpus.txt").write_text(corpus(4_200))
            outcome = subprocess.run(run.command(), capture_output=True, text=True, check=False,
                                     timeout=120)
            self.assertEqual(outcome.returncode, 1)
            logs = Path(outcome.stderr.rsplit("its logs are in ", 1)[1].strip())
            self.assertIn("bytes for validation", (logs / "sfo.log").read_text())
            self.assertFalse(run.started())
            self.assertEqual(processes_of(run), [])

    def test_faults_are_inflicted_and_survived(self):
        faults = [
            'at = "5%"\nkill = "controller"',
            'at = "15%"\ncut = "sfo-fra"\nkind = "wire"\nfor = "3s"',
            'at = "30%"\nslow = "tyo"\nby = 50\nfor = "3s"',
            'at = "50%"\nkill = "fra"',
            'at = "60%"\nkill = "tyo"\nprocess = "agent"',
        ]
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 400_000, *faults)
            outcome = subprocess.run(run.command(), capture_output=True, text=True, check=False,
                                     timeout=240)
            self.check_finished(run, outcome, killed=True)
            began = {fact["fault"]: fact for fact in run.facts(None, "FaultBegan")}
            ended = [fact["fault"] for fact in run.facts(None, "FaultEnded")]
            self.assertEqual(sorted(began), [0, 1, 2, 3, 4])
            self.assertEqual(sorted(ended), [1, 2])
            for number, done in ((0, "SIGKILL"), (1, "cuts both"), (2, "50 times slower"),
                                 (3, "SIGKILL to the worker"), (4, "its worker dies with it")):
                self.assertIn(done, began[number]["done"])
            self.assertTrue(run.facts("sfo", "PathDown"))
            self.assertEqual(len(run.facts("fra", "WorkerLost")), 1)
            self.assertEqual(len(run.facts("tyo", "SiteStarted")), 2)
            self.assertEqual([fact["process"] for fact in run.facts(None, "ProcessLost")],
                             ["controller", "agent of tyo"])
            self.check_slow(run, began[2]["at"], 3e9)

    def test_nobody_waits_for_the_controller(self):
        with tempfile.TemporaryDirectory() as folder:
            # When the cut is over the sites stay on the way round; only the controller moves them.
            run = Run(folder, 300_000, 'at = "2%"\ncut = "sfo-fra"\nkind = "wire"\nfor = "3s"')
            with subprocess.Popen(run.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True) as process:
                # Its orders are obeyed.
                wait_for(lambda: run.started() and run.facts(None, "FaultEnded"), 30)
                wait_for(lambda: orders(run), 30)
                (started,) = run.facts(None, "ControllerStarted")
                os.kill(started["pid"], signal.SIGKILL)
                before = len(run.facts("fra", "SyncApplied"))
                wait_for(lambda: len(run.facts("fra", "SyncApplied")) > before + 20, 30)
                # Another one takes over, without the launcher's minute.
                own = [AXS, "controller", run.path, "--term", "7"]
                with subprocess.Popen(own, stderr=subprocess.PIPE) as second:
                    wait_for(lambda: measured_by(run, 7), 30)
                    process.wait(60)
                    second.terminate()
                    self.assertEqual(second.wait(10), 0)
                output = process.stdout.read()
            self.assertEqual(process.returncode, 0, output)
            self.check_same_everywhere(run)

    def test_interrupted_and_resumed(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 200_000)
            with subprocess.Popen(run.command(), stdout=subprocess.PIPE, text=True) as process:
                wait_for(lambda: run.started() and run.facts("sfo", "SyncApplied"), 30)
                process.send_signal(signal.SIGINT)
                output = process.stdout.read()
                self.assertEqual(process.wait(30), 1)
            self.assertIn("--resume", output)
            self.assertEqual(processes_of(run), [])
            self.assertEqual(run.facts("fra", "SiteStopped")[-1]["reason"], "asked to stop")
            self.check_finished(run, run.resume())
            self.check_tokens(run, 200_000)
            # There is nothing left to do.
            again = run.resume()
            self.assertEqual(again.returncode, 0, again.stderr)
            self.assertEqual(len(run.facts(None, "RunFinished")), 1)

    def test_who_reads_the_results_may_leave_early(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 60_000)
            with (run.folder / "seen").open("w") as seen, \
                    subprocess.Popen(run.command(), stdout=subprocess.PIPE, stderr=seen,
                                     text=True) as process:
                self.assertIn("predicted ", process.stdout.readline())
                self.assertIn("run ", process.stdout.readline())
                process.stdout.close()
                self.assertEqual(process.wait(120), 0, (run.folder / "seen").read_text())
            self.assertEqual(processes_of(run), [])
            self.assertEqual(len(run.facts(None, "RunFinished")), 1)
            self.assertTrue((run.path / "report.html").exists())

    def test_without_anyone_to_see_it_a_run_ends_as_by_ctrl_c(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 200_000)
            with subprocess.Popen(run.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True) as process:
                wait_for(lambda: run.started() and run.facts("sfo", "SyncApplied"), 30)
                process.stdout.close()
                self.assertEqual(process.wait(30), 1)
            self.assertEqual(processes_of(run), [])
            for site in SITES:
                self.assertEqual(run.facts(site, "SiteStopped")[-1]["reason"], "asked to stop")
            self.check_finished(run, run.resume())

    def test_everything_killed_at_random_moments(self):
        kills = int(os.environ.get("AXS_TEST_KILLS", "3"))
        seed = int(os.environ.get("AXS_TEST_SEED", str(random.randrange(10**6))))
        print(f"{kills} kills, AXS_TEST_SEED={seed}", file=sys.stderr)
        draw = random.Random(seed)
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 150_000)
            command = run.command()
            for kill in range(kills):
                with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL) as process:
                    wait_for(run.started, 30)
                    # The first one comes while agents are being enrolled.
                    time.sleep(draw.uniform(0, 4 if kill else 0.6))
                    kill_everything(run)
                    process.wait(10)
                command = run.resume_command()
            self.check_finished(run, run.resume(), killed=True)
            self.check_tokens(run, 150_000)

    def check_slow(self, run, begin, lasts):
        steps = [(fact["at"], fact["step_time"]) for fact in run.facts("tyo", "Progress")]
        slow = [time for at, time in steps if begin + 1e9 < at < begin + lasts]
        other = [time for at, time in steps if at < begin]
        self.assertTrue(slow and other, steps)
        self.assertGreater(max(slow), 5 * statistics.median(other), steps)


if __name__ == "__main__":
    AXS = sys.argv.pop(1)
    unittest.main()
