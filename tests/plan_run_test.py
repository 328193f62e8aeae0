"""A plan as JSON is what is carried out: planned, run live and played by the twin, from end to end.

usage: plan_run_test.py AXS [unittest arguments]
"""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from run_test import corpus

AXS = ""

CONTEXT = 32
SEQUENCES = 12
STEPS = 60
JOB = f"""version = 1
name = "planned"
seed = 3
[model]
layers = 2
heads = 2
width = 32
hidden = 64
context = {CONTEXT}
[train]
tokens = {STEPS * SEQUENCES * CONTEXT}
sequences = {SEQUENCES}
[[site]]
name = "sfo"
at = [0, 0]
accelerators = [{{ type = "cpu", count = 2 }}]
[[site]]
name = "fra"
at = [0, 0]
accelerators = [{{ type = "cpu", count = 2 }}]
[[link]]
between = ["sfo", "fra"]
kind = "wire"
rate = "1 Gb/s"
delay = "5 ms"
"""
OUTER = {"period": 6, "fragments": 2, "overlap": 1, "bits": 16, "during_backward": False,
         "loss_gap": 0.01}


def group(plan, site, replicas, micro_batches):
    """Replicas like those that the planner has found."""
    return {**plan["groups"][0], "site": site, "replicas": replicas,
            "micro_batches": micro_batches}


class PlanRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="axs-plan-run-")
        cls.folder = Path(cls.scratch.name)
        cls.job = cls.folder / "job.toml"
        cls.job.write_text(JOB)
        cls.corpus = cls.folder / "corpus.txt"
        cls.corpus.write_text(corpus(150_000))
        done = subprocess.run([AXS, "plan", cls.job, "--json"], capture_output=True, text=True,
                              check=True)
        cls.found = json.loads(done.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def axs(self, verb, plan, *more):
        file = self.folder / f"{self.id()}.json"
        file.write_text(plan if isinstance(plan, str) else json.dumps(plan))
        return subprocess.run([AXS, verb, self.job, "--plan", file, *more], capture_output=True,
                              text=True, check=False, timeout=240)

    def run_live(self, plan):
        """What it printed, and the facts of each site."""
        runs = Path(tempfile.mkdtemp(dir=self.folder))
        done = self.axs("run", plan, "--data", self.corpus, "--runs", runs)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        (path,) = [file.parent for file in runs.glob("*/plan")]
        read = lambda file: [json.loads(line) for line in file.read_text().splitlines()]
        self.world = read(path / "events.jsonl")
        sites = {file.parent.name: read(file) for file in path.glob("sites/*/events.jsonl")}
        started = {fact["process"] for fact in self.of_type(self.world, "ProcessStarted")}
        self.assertEqual("underlay" in started, len(sites) > 1)  # Alone, it has no links.
        return done.stdout, sites

    @staticmethod
    def of_type(facts, kind):
        return [fact for fact in facts if fact["type"] == kind]

    def check_comparison(self, text):
        """Every run of a plan says what was planned beside what was measured."""
        (planned,) = self.of_type(self.world, "Planned")
        self.assertAlmostEqual(planned["step"] * 1e-9, self.found["step_s"], places=8)
        self.assertEqual(planned["spread"], self.found["spread"])
        for what in ("step", "training"):
            self.assertRegex(text, rf"(?m)^{what} +planned [\d.e-]+ s \(.* to .*\), measured ")
        self.assertIn("the speed of cpu is declared, not measured", text)

    def test_the_plan_that_was_found(self):
        text, sites = self.run_live(self.found)
        groups = self.found["groups"]
        self.assertEqual(set(sites), {group["site"] for group in groups})
        for name, facts in sites.items():
            own = sum(group["replicas"] * group["micro_batches"] for group in groups
                      if group["site"] == name) * self.found["micro_batch"]
            steps = self.of_type(facts, "SyncApplied")
            self.assertEqual(len(steps), STEPS)
            for step in steps:
                (member,) = [m for m in step["members"] if m["site"] == name]
                self.assertEqual(member["end"] - member["begin"], own * CONTEXT)
        self.check_comparison(text)

    def test_every_step_over_unequal_sites(self):
        plan = {**self.found, "micro_batch": 2}
        plan["groups"] = [group(plan, "sfo", 1, 3), group(plan, "sfo", 1, 2),
                          group(plan, "fra", 1, 1)]
        text, sites = self.run_live(plan)
        self.assertIn("sfo 3 + 2, fra 1 micro-batches of 2, exchanged in every step", text)
        shares = {"sfo": 10 * CONTEXT, "fra": 2 * CONTEXT}
        for facts in sites.values():
            self.assertEqual(len(self.of_type(facts, "WorkerStarted")), 1)
            for step in self.of_type(facts, "SyncApplied"):
                self.assertEqual({member["site"]: member["end"] - member["begin"]
                                  for member in step["members"]}, shares)
            self.assertEqual(len(self.of_type(facts, "SyncApplied")), STEPS)

    def outer(self, bits):
        plan = {**self.found, "micro_batch": 2, "outer": {**OUTER, "bits": bits}}
        plan["groups"] = [group(plan, "sfo", 2, 2), group(plan, "fra", 1, 2)]
        return plan

    def test_outer_exchanges(self):
        shares = {"sfo": 8 * CONTEXT, "fra": 4 * CONTEXT}
        apart = OUTER["period"] // OUTER["fragments"]
        for bits, most in ((16, 2.3), (4, 0.8)):
            text, sites = self.run_live(self.outer(bits))
            self.assertIn("sfo 2 + 2, fra 2 micro-batches of 2, exchanged every 6 steps in 2 "
                          f"fragments of {bits} bits, needed 1 steps later", text)
            self.check_comparison(text)
            steps = []  # That contributions are of.
            for name, facts in sites.items():
                made = [fact for fact in self.of_type(facts, "Contributed")
                        if fact["end"] > fact["begin"]]
                ends = [fact["end"] for fact in made if fact["sync"] < STEPS // apart - 4]
                done = [divmod(b - a, shares[name]) for a, b in zip(ends, ends[1:])]
                self.assertEqual({rest for _, rest in done}, {0})
                steps += [count for count, _ in done]
                sent = sum(max(fact["bytes"] for fact in made
                               if fact["sync"] % OUTER["fragments"] == fragment)
                           for fragment in range(OUTER["fragments"]))
                (ready,) = self.of_type(facts, "WorkerReady")
                self.assertLess(sent, most * ready["parameters"] + 1024)
                if bits == 16:
                    self.assertGreater(sent, 0.8 * ready["parameters"])
            # Who is slow sends what it has; the fastest sets the pace.
            self.assertEqual(max(steps), apart)
            tokens = self.of_type(sites["sfo"], "SiteFinished")[0]["tokens"]
            self.assertLess(abs(tokens - STEPS * SEQUENCES * CONTEXT), 2 * shares["sfo"])

    def test_the_twin_plays_it(self):
        done = self.axs("twin", self.outer(16), "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        slow = {**self.outer(16), "outer": {**OUTER, "period": 2, "overlap": 0}}
        more = self.axs("twin", slow, "--json")
        self.assertEqual(more.returncode, 0, more.stderr)
        few, many = json.loads(done.stdout), json.loads(more.stdout)
        self.assertTrue(few["finished"] and many["finished"])
        self.assertGreater(many["syncs"], 2 * few["syncs"])
        self.assertGreater(many["duration_s"], few["duration_s"])

    def measure(self, program, *more):
        return subprocess.run([program, "plan", "measure", *more], capture_output=True, text=True,
                              check=False, timeout=240)

    def step_of(self, text):
        job = self.folder / f"{self.id()}.toml"
        job.write_text(text)
        done = subprocess.run([AXS, "plan", job, "--json"], capture_output=True, text=True,
                              check=True)
        return json.loads(done.stdout)["step_s"]

    def test_a_measured_core_is_planned_with(self):
        done = self.measure(AXS)
        self.assertEqual(done.returncode, 0, done.stderr)
        (peak,) = [line for line in done.stdout.splitlines() if line.startswith("peak-tflops = ")]
        tenth = f"peak-tflops = {float(peak.split()[-1]) / 10}"
        self.assertLess(self.step_of(JOB + done.stdout),
                        self.step_of(JOB + done.stdout.replace(peak, tenth)))
        found = json.loads(self.measure(AXS, "--json").stdout)
        self.assertEqual(found["accelerator"]["name"], "cpu")
        for layer in found["measured"]["layers"]:
            for part in ("products", "attention", "pointwise", "step_end"):
                self.assertGreater(layer[part], 0)

    def test_nothing_is_measured_without_a_worker(self):
        alone = self.folder / "axs"
        shutil.copy(AXS, alone)
        done = self.measure(alone)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("axs-worker", done.stderr)

    def refusal(self, plan, verb="run"):
        done = self.axs(verb, plan)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_what_the_worker_cannot_do_is_refused(self):
        (stage,) = self.found["groups"][0]["stages"]
        halves = {**group(self.found, "sfo", 1, 1), "stages": [{**stage, "layers": 1}] * 2}
        plan = {**self.found, "micro_batch": 12, "groups": [halves]}
        for verb in ("run", "twin"):
            self.assertIn("pipelines of 2 stages, which the worker does not execute yet",
                          self.refusal(plan, verb))
        plan["groups"] = [group(self.found, "sfo", 1, 1)]
        self.assertIn("context parallelism over 2 devices, which the worker does not execute yet",
                      self.refusal({**plan, "context": 2}))
        self.assertIn("recomputation", self.refusal({**plan, "recompute": "full"}))
        plan["groups"] = [group(self.found, "sfo", 3, 4)]
        self.assertIn("3 cpu at sfo, want at most the 2 that it has",
                      self.refusal({**plan, "micro_batch": 1}))

    def test_garbage_is_refused(self):
        text = json.dumps(self.found)
        for plan, said in (("", "is not JSON"), (text[:-9], "is not JSON"), ("[1]", "an object"),
                           ({**self.found, "version": 9}, "version: 9, want 4"),
                           ({**self.found, "job": "other"}, "as in the job"),
                           ({**self.found, "groups": []}, "groups"),
                           ({**self.found, "step_s": "fast"}, "step_s")):
            self.assertIn(said, self.refusal(plan))


if __name__ == "__main__":
    AXS = sys.argv.pop(1)
    unittest.main()
