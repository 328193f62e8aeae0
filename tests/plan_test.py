#!/usr/bin/python3
"""axs plan, from outside.
usage: plan_test.py PATH-OF-AXS                  a small table, and tables that are none
       plan_test.py PATH-OF-AXS RUNS.csv         how far the published runs are off"""
import decimal
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

AXS = os.path.abspath(sys.argv[1])
SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenarios")
RUNS = sys.argv[2] if len(sys.argv) > 2 else None

HEADER = ("source,model,model_params_B,layers,hidden,heads,ffn_hidden,vocab,seq_len,global_batch,"
          "micro_batch,gpu_type,n_gpus,tp,pp,dp,vpp,ep,cp,seq_parallel,zero_stage,recompute,"
          "precision,step_time_s,peak_mem_gib,notes\n")
# Table 1 of arXiv 2104.04473, and a run on what the catalogue lacks.
SMALL = HEADER + (
    "Megatron-LM SC21,GPT 1.7B,1.7,24,2304,24,9216,51200,2048,512,16,A100-80,32,1,1,32,,,1,n,0,"
    "full,fp16,3.528,,\n"
    "a blog,GPT,1.7,24,2304,24,9216,51200,2048,512,16,TPU v9,32,1,1,32,,,1,n,0,full,fp16,3,,\n")


def blocks_interrupts(process):
    with open(f"/proc/{process}/status", encoding="ascii") as status:
        mask = next(line.split()[1] for line in status if line.startswith("SigBlk"))
    return int(mask, 16) >> (signal.SIGINT - 1) & 1


def score(*arguments):
    return subprocess.run([AXS, "plan", "score", *arguments], capture_output=True, text=True,
                          check=False, timeout=600)


JOB = """version = 1
name = "pair"
[model]
preset = "llama3-8b"
[train]
tokens = "1T"
sequences = 256
[[site]]
name = "sfo"
at = [37.77, -122.42]
jurisdiction = "US"
accelerators = [{ type = "H100", count = 16 }]
[[site]]
name = "fra"
at = [50.11, 8.68]
jurisdiction = "DE"
accelerators = [{ type = "A100-80", count = 16 }]
[[link]]
between = ["sfo", "fra"]
kind = "fibre"
rate = "800 Gb/s"
"""


ONE_SITE = JOB[:JOB.index('[[site]]\nname = "fra"')]

def plan(*arguments):
    return subprocess.run([AXS, "plan", *arguments], capture_output=True, text=True, check=False,
                          timeout=600)


@unittest.skipIf(RUNS is not None, "only without a table of runs")
class Job(unittest.TestCase):
    def write(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        return file.name

    def test_text(self):
        outcome = plan(self.write(JOB))
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertIn("tokens/s", outcome.stdout)
        self.assertIn("H100", outcome.stdout)

    def test_json(self):
        outcome = plan(self.write(JOB), "--json")
        self.assertEqual(outcome.returncode, 0, outcome)
        document = json.loads(outcome.stdout)
        self.assertLess(document["low_s"], document["step_s"])
        sequences = sum(group["replicas"] * group["micro_batches"] * document["micro_batch"]
                        for group in document["groups"])
        self.assertEqual(sequences, 256)
        for group in document["groups"]:
            self.assertEqual(sum(stage["layers"] for stage in group["stages"]), 32)
            self.assertTrue(all(stage["memory_gib"] < 80 for stage in group["stages"]))
        used = sum(group["replicas"] * stage["tensor"]
                   for group in document["groups"] for stage in group["stages"])
        self.assertEqual(used + sum(document["idle"].values()), 32)

    def test_routes(self):
        job = os.path.join(SCENARIOS, "1024-gpus.toml")
        document = json.loads(plan(job, "--json").stdout)
        network = document["network"]
        self.assertGreater(network["step_s_planned_apart"], 1.1 * document["step_s"])
        self.assertEqual([route["between"] for route in network["routes"]],
                         [["sfo", "fra"], ["sfo", "tyo"], ["fra", "tyo"]])
        for route in network["routes"]:  # One of two links of 10 Gb/s.
            self.assertAlmostEqual(route["gbits_per_s"], 10, delta=0.01)
        self.assertIn("routes leave the plan: sfo-fra 9.999 Gb/s", plan(job).stdout)
        self.assertEqual(json.loads(plan(job, "--json").stdout), document)

    def test_explain(self):
        job = self.write(JOB)
        text = plan(job, "--explain").stdout
        for what in ("sharding exchange", "ACTIVATIONS", "Energy: ", "SENT", "All wait for stage "):
            self.assertIn(what, text)
        document = json.loads(plan(job, "--explain", "--json").stdout)
        explain = document["explain"]
        mean = sum(part["time_s"] for part in explain["all_devices"].values())
        self.assertAlmostEqual(mean, document["step_s"], delta=1e-9 * mean)
        energy = 0
        for group, told in zip(document["groups"], explain["groups"]):
            for stage, parts in zip(group["stages"], told["stages"]):
                time = sum(part["time_s"] for part in parts["parts"].values())
                self.assertAlmostEqual(time, document["step_s"], delta=1e-9 * time)
                energy += sum(part["energy_j"] for part in parts["parts"].values())
                memory = parts["memory_bytes"]
                self.assertAlmostEqual(memory["total"] / 2**30, stage["memory_gib"], places=6)
        self.assertAlmostEqual(energy, explain["energy_j"], delta=1e-9 * energy)
        self.assertNotIn("explain", json.loads(plan(job, "--json").stdout))

    def test_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "step.json")
            outcome = plan(self.write(JOB), "--json", "--trace", path)
            document = json.loads(outcome.stdout)
            with open(path, encoding="utf-8") as file:
                trace = json.load(file, parse_float=decimal.Decimal)
            self.assertEqual(os.listdir(folder), ["step.json"])
        threads = {}
        for event in trace["traceEvents"]:
            if event["ph"] == "X":
                threads.setdefault((event["pid"], event["tid"]), []).append(event)
        self.assertEqual(len(threads), sum(len(group["stages"]) for group in document["groups"]))
        for (process, _), events in threads.items():
            names = [event["name"] for event in events]
            for number in range(document["groups"][process - 1]["micro_batches"]):
                self.assertIn(f"F{number}", names)
                self.assertIn(f"B{number}", names)
            for one, other in zip(events, events[1:]):
                self.assertLessEqual(one["ts"] + one["dur"], other["ts"])
            end = float(events[-1]["ts"] + events[-1]["dur"])
            self.assertAlmostEqual(end / 1e6, document["step_s"], places=6)

    def test_page(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "plan.html")
            document = json.loads(plan(self.write(JOB), "--json", "--html", path).stdout)
            with open(path, encoding="utf-8") as file:
                page = file.read()
        root = xml.etree.ElementTree.fromstring("<page>" + "".join(
            re.findall(r"<svg.*?</svg>", page, re.DOTALL)) + "</page>")
        titles = [title.text or "" for title in root.iter("title")]
        stages = sum(len(group["stages"]) for group in document["groups"])
        self.assertEqual(len([t for t in titles if " layers, " in t]), 2 * stages)
        self.assertTrue(any(title.startswith("F0: ") for title in titles))
        self.assertTrue(any(title.startswith("products: ") for title in titles))
        for what in ("sfo (US)", "idle devices cost nothing", "Why others lost",
                     document["others"][0]["reason"]):
            self.assertIn(what, page)
        self.assertIsNone(re.search(r"<script|(src|href)=\"(?!data:)", page))

    def test_site_without_a_link(self):
        why = "Idle, without a link to any other site: fra\n"
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "plan.html")
            apart = self.write(JOB[:JOB.index("[[link]]")])
            self.assertIn("Idle: 16 A100-80\n" + why, plan(apart, "--html", path).stdout)
            with open(path, encoding="utf-8") as file:
                self.assertIn(why.strip(), file.read())
        self.assertNotIn("without a link", plan(self.write(JOB)).stdout)
        only_us = JOB[:JOB.index("[[link]]")] + '[plan]\njurisdictions = ["US"]\n'
        self.assertNotIn("without a link", plan(self.write(only_us)).stdout)

    def test_no_file(self):
        """Said before the search, which takes minutes on such a fleet."""
        large = self.write(JOB.replace("count = 16", "count = 8192").replace("= 256", "= 4096"))
        with tempfile.TemporaryDirectory() as folder:
            pipe = os.path.join(folder, "pipe")
            os.mkfifo(pipe)
            for flag, there, problem in (("--trace", "/nowhere/step.json", "ENOENT"),
                                         ("--html", folder, "EISDIR")):
                outcome = subprocess.run([AXS, "plan", large, flag, there], capture_output=True,
                                         text=True, check=False, timeout=10)
                self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
                self.assertRegex(outcome.stderr,
                                 f"^axs: {flag}: cannot write {there}: .* \\({problem}\\)\n$")
            outcome = plan(large, "--html", pipe)
            self.assertEqual((outcome.returncode, outcome.stdout, outcome.stderr), (
                2, "", f"axs: --html: cannot write {pipe}: it is a pipe that nobody reads\n"))
            self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))

    def test_no_value(self):
        for flag in ("--trace", "--html", "--limit", "--objective"):
            outcome = plan(self.write(JOB), flag, "")
            self.assertEqual((outcome.returncode, outcome.stdout, outcome.stderr),
                             (2, "", f'axs: {flag}: "", want a value\n'))

    def test_one_file_for_two(self):
        job = self.write(JOB)
        with tempfile.TemporaryDirectory() as folder:
            same = os.path.join(folder, "same")
            both = plan(job, "--trace", same, "--html", os.path.join(folder, ".", "same"))
            self.assertEqual((both.returncode, both.stdout), (2, ""))
            self.assertEqual(both.stderr,
                             f"axs: --trace and --html: both are {same}, want two files\n")
            over = plan(job, "--html", job)
            self.assertEqual((over.returncode, over.stdout), (2, ""))
            self.assertEqual(over.stderr,
                             f"axs: --html: {job} is the job itself, want another file\n")
            self.assertEqual(os.listdir(folder), [])
        self.assertEqual(plan(job, "--trace", "/dev/null", "--html", "/dev/null").returncode, 0)

    def test_no_plan_no_file(self):
        too_large = self.write(JOB.replace("llama3-8b", "llama3-405b"))
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("step.json", "plan.html")]
            outcome = plan(too_large, "--trace", files[0], "--html", files[1])
            self.assertEqual((outcome.returncode, os.listdir(folder)), (1, []), outcome)

    PRICED = (JOB.replace('jurisdiction = "US"', 'jurisdiction = "US"\ncarbon = 380\npue = 1.1')
              .replace('jurisdiction = "DE"', 'jurisdiction = "DE"\ncarbon = 100')
              .replace('type = "A100-80", count = 16', 'type = "A100-80", count = 16, price = 0.2'))

    def test_objectives(self):
        plans = {objective: json.loads(plan(self.write(self.PRICED), "--json", "--objective",
                                            objective).stdout)
                 for objective in ("time", "money", "carbon")}
        self.assertEqual({group["site"] for group in plans["money"]["groups"]}, {"fra"})
        self.assertEqual({group["site"] for group in plans["carbon"]["groups"]}, {"fra"})
        for objective, key in (("money", "money_dollars"), ("carbon", "carbon_kg")):
            least = plans[objective]["cost"][key]
            self.assertLessEqual(least, 1.001 * min(p["cost"][key] for p in plans.values()))
        self.assertLessEqual(plans["time"]["step_s"], plans["money"]["step_s"])
        devices = sum(group["replicas"] * stage["tensor"]
                      for group in plans["money"]["groups"] for stage in group["stages"])
        self.assertAlmostEqual(plans["money"]["cost"]["money_dollars"] /
                               (0.2 * devices * plans["money"]["duration_s"] / 3600), 1)

    def test_frontier(self):
        file = self.write(self.PRICED)
        plans = json.loads(plan(file, "--frontier", "--json").stdout)["plans"]
        self.assertGreater(len(plans), 1)
        for one, other in zip(plans, plans[1:]):
            self.assertLess(one["days"], other["days"])
            self.assertGreater(one["money_dollars"], other["money_dollars"])
        self.assertIn("MONEY [$]", plan(file, "--frontier").stdout)

    def test_frontier_of_allowed_sites(self):
        only_us = JOB + '[plan]\njurisdictions = ["US"]\n'
        plans = json.loads(plan(self.write(only_us), "--frontier", "--json").stdout)["plans"]
        self.assertTrue(all(one["money_dollars"] > 0 for one in plans), plans)

    def test_interrupted(self):
        large = self.PRICED.replace("count = 16", "count = 8192").replace("= 256", "= 4096")
        with subprocess.Popen([AXS, "plan", self.write(large), "--objective", "money"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as planning:
            while not blocks_interrupts(planning.pid):
                time.sleep(0.01)
            planning.send_signal(signal.SIGINT)
            said, complaint = planning.communicate(timeout=60)
        # What was found, or that nothing was; never nothing at all.
        self.assertIn(planning.returncode, (0, 1), complaint)
        self.assertIn("topped", said + complaint)

    def test_limits(self):
        for line, what in (('budget = "$100"', "budget: 100 $, the cheapest plan costs "),
                           ('power = "1 kW"', "power: 1 kW, the plan that draws least needs ")):
            outcome = plan(self.write(self.PRICED + "[plan]\n" + line + "\n"))
            self.assertEqual(outcome.returncode, 1, outcome)
            self.assertIn("Not met: " + what, outcome.stdout)

    def test_unknown_price(self):
        outcome = plan(self.write(JOB), "--objective", "money")
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
        self.assertIn("site fra: the catalogue has no price of A100-80", outcome.stderr)

    def test_impossible(self):
        for text, what, code in ((JOB.replace("H100", "H1000"), "H1000", 2),
                                 (JOB.replace("count = 16", "count = 0"), "count", 2),
                                 (re.sub("accelerators.*", "", JOB) +
                                  '[plan]\njurisdictions = ["US"]\n',
                                  "axs: pair: no accelerators at any of its sites, want some", 2),
                                 (JOB.replace("800 Gb/s", "-3 Gb/s"), "-3 Gb/s", 2),
                                 (JOB.replace("llama3-8b", "llama3-405b"), "GiB", 1),
                                 (JOB + '[plan]\njurisdictions = ["JP"]\n', "in DE, US", 2)):
            outcome = plan(self.write(text))
            self.assertEqual(outcome.returncode, code, (what, outcome))
            self.assertEqual(outcome.stdout, "")
            self.assertEqual(outcome.stderr.count("\n"), 1, outcome.stderr)
            self.assertIn(what, outcome.stderr)


class Replan(unittest.TestCase):
    """A job that runs, and what happens to its fleet."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.job = cls.write("job.toml", JOB)
        cls.running = cls.write("plan.json", plan(cls.job, "--json").stdout)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def replan(self, *arguments):
        return plan("replan", self.job, "--running", self.running, "--limit", "1min", *arguments)

    def anew(self, *arguments):
        outcome = self.replan("--json", *arguments)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        document = json.loads(outcome.stdout)
        self.assertEqual(document["searched"], 1)
        ends = [option["end_s"] for option in document["options"]]
        self.assertEqual(ends, sorted(ends))
        return document

    def test_unchanged(self):
        first = self.anew()["options"][0]
        self.assertEqual((first["course"], first["pause_s"]), ("keep", 0))

    def test_slow(self):
        little = self.anew("--slow", "fra:0.1", "--done", "99.9999%")["options"][0]
        self.assertEqual((little["course"], little["pause_s"]), ("keep", 0))
        much = self.anew("--slow", "fra:0.1")["options"][0]
        self.assertEqual(much["course"], "move")
        self.assertGreaterEqual(much["pause_s"], 600)
        self.assertGreater(much["inside_bytes"], 0)

    def test_lost(self):
        document = self.anew("--lost", "sfo:8", "--done", "400G")
        self.assertAlmostEqual(document["tokens_left"], 600e9)
        used = {"sfo": 0, "fra": 0}
        for group in document["plan"]["groups"]:
            used[group["site"]] += group["replicas"] * sum(s["tensor"] for s in group["stages"])
        self.assertLessEqual(used["sfo"], 8)
        self.assertNotIn("keep", [option["course"] for option in document["options"]])
        # What goes on is what runs when the next thing happens: read with the fleet as it was.
        next_plan = self.write("next.json", json.dumps(document["plan"]))
        again = plan("replan", self.job, "--running", next_plan, "--lost", "fra", "--json")
        self.assertEqual(again.returncode, 0, again)
        self.assertEqual({group["site"] for group in json.loads(again.stdout)["plan"]["groups"]},
                         {"sfo"})

    def test_cut(self):
        document = self.anew("--link", "fra-sfo:cut")
        self.assertEqual(len({group["site"] for group in document["plan"]["groups"]}), 1)
        self.assertGreaterEqual(self.anew("--link", "sfo-fra:8Mb/s")["options"][0]["step_s"],
                                self.anew()["options"][0]["step_s"])

    def test_plan_that_never_ran(self):
        never = {"sharding": "none", "whole_experts": True}  # For either site one is too much.
        with open(self.running, encoding="utf-8") as file:
            wrong = self.write("wrong.json", json.dumps(json.load(file) | never))
        again = ("replan", self.job, "--running", wrong, "--limit", "1min")
        outcome = plan(*again, "--lost", "sfo:1")
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), outcome)
        self.assertIn("do not fit on the job's fleet as it was", outcome.stderr)
        self.assertIn("on this fleet its replicas do not fit", plan(*again).stdout)

    def test_text(self):
        outcome = plan("replan", self.job, "--slow", "fra:0.5")  # The fastest plan runs.
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        for what in ("ends first", "PAUSE", "A100-80"):
            self.assertIn(what, outcome.stdout)

    def test_impossible(self):
        for arguments, said in {
                ("--lost", "ams"): '--lost: site "ams", want one of sfo, fra',
                ("--lost", "sfo:17"): "--lost: 17 devices of sfo, want at most the 16",
                ("--lost", "sfo:8:TPU-v4"): '--lost: "sfo:8:TPU-v4", want devices that the site',
                ("--link", "sfo-fra:900Tb/s"): "Gb/s, want less than the",
                ("--slow", "fra"): '--slow: "fra", want one like sfo:0.5',
                ("--slow", "fra:0"): "site fra: speed 0, want a share above 0 and below 1",
                ("--link", "sfo-fra:-3Gb/s"): '--link: rate "-3Gb/s", want ',
                ("--link", "sfo-ams:cut"): '--link: link "sfo-ams", want two sites of the job',
                ("--done", "100%"): '--done: "100%", want less than all tokens',
                ("--done", "2T"): '--done: "2T" of 1e+12 tokens, want less than all tokens',
        }.items():
            with self.subTest(arguments=arguments):
                outcome = self.replan(*arguments)
                self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), outcome)
                self.assertIn(said, outcome.stderr)
                self.assertEqual(outcome.stderr.count("\n"), 1)
        outcome = self.replan("--lost", "sfo", "--lost", "fra")
        self.assertEqual((outcome.returncode, outcome.stderr), (
            1, "axs: fleet: no accelerators at any of its sites, want some\n"))
        other = self.write("other.toml", JOB.replace("llama3-8b", "llama3-70b"))
        outcome = plan("replan", other, "--running", self.running)
        self.assertEqual(outcome.returncode, 2, outcome)
        self.assertIn("32 layers, want the 80 of the model", outcome.stderr)


class Small(unittest.TestCase):
    def write(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False) as file:
            file.write(text)
        self.addCleanup(os.unlink, file.name)
        return file.name

    def test_table(self):
        outcome = score(self.write(SMALL))
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertIn("SC21", outcome.stdout)
        self.assertIn('line 3, a blog: accelerator "TPU v9" is not in the catalogue',
                      outcome.stdout)

    def test_json(self):
        document = json.loads(score(self.write(SMALL), "--json").stdout)
        self.assertEqual([run["line"] for run in document["left_out"]], [3])
        (run,), last = document["runs"], document["sources"][-1]
        self.assertLess(abs(run["step_s"] / 3.528 - 1), 0.1)
        self.assertLess(run["low_s"], run["step_s"])
        self.assertAlmostEqual(sum(run["step_parts_s"].values()), run["step_s"])
        self.assertAlmostEqual(sum(run["memory_parts_gib"].values()), run["memory_gib"])
        self.assertEqual((last["source"], last["left_out"]), ("all", 1))
        told = SMALL.replace("notes\n", "notes,tokens_per_s\n").replace("3.528,,", ",,,297214")
        (run,) = json.loads(score(self.write(told), "--json").stdout)["runs"]
        seen = run["derived_from"], round(run["measured_step_s"], 3)
        self.assertEqual(seen, ("tokens_per_s", 3.528))

    def of_sources(self, name, runs):
        """The scores of a table in data/, of which no run is left out and so many are fitted."""
        path = os.path.join(os.path.dirname(__file__), "../data", name)
        document = json.loads(score(path, "--json").stdout)
        of = {source["source"]: source for source in document["sources"]}
        self.assertEqual((of["all"]["runs"], len(document["left_out"])), (runs, 0))
        return of["all"], of["all (zero-shot)"]

    def test_publications_that_nothing_was_fitted_to(self):
        """What docs/design/025-xray-cost-model.md states of them."""
        first, _ = self.of_sources("other-publications.csv", 89)
        self.assertLess(max(first["mape_pct"] / 8.5, first["median_pct"] / 6.6), 1)
        for name, runs, most in (("unseen-publications-2.csv", 59, 10.5),
                                 ("unseen-publications-3.csv", 18, 14.8)):
            fitted, zero_shot = self.of_sources(name, runs)
            self.assertLess(fitted["mape_pct"], most)
            for scores in (fitted, zero_shot):
                self.assertGreater(scores["within_pct"], 93)

    def test_no_table(self):
        for text, what in (("", "empty"), ("a,b\n1,2\n", ":1: no column cp"),
                           (HEADER + '"1,2\n', ":2: a quote")):
            outcome = score(self.write(text))
            self.assertEqual(outcome.returncode, 2, outcome)
            self.assertIn(what, outcome.stderr)
            self.assertEqual(len(outcome.stderr.splitlines()), 1)
        self.assertIn("no such file", score("/no/such.csv").stderr)
        self.assertEqual(score("/proc/self/mem").stderr,
                         "axs: training runs /proc/self/mem: cannot be read\n")

    def test_no_run_of_use(self):
        path = self.write(SMALL.replace(",16,A100-80", ",7,A100-80").replace("a blog", "\x1b[2Jus"))
        for flags in ((), ("--json",)):
            outcome = score(path, *flags)
            self.assertEqual((outcome.returncode, outcome.stderr), (
                1, f"axs: {path}: no run that can be compared, want at least one\n"))
            self.assertIn("global batch 512, want a multiple of data × micro-batch, 224",
                          outcome.stdout)
            self.assertIn("?[2Jus", outcome.stdout)
            self.assertNotIn("\x1b", outcome.stdout)


@unittest.skipUnless(RUNS, "needs the published runs")
class Published(unittest.TestCase):
    """The accuracy that docs/design/025-xray-cost-model.md states."""

    def test_accuracy(self):
        document = json.loads(score(RUNS, "--json").stdout)
        everything = document["sources"][-1]
        self.assertEqual((everything["runs"], everything["memory_runs"]), (411, 53))
        for key, most in (("mape_pct", 4.3), ("median_pct", 2.9), ("memory_mape_pct", 4.3)):
            self.assertLess(everything[key], most)
        self.assertGreater(everything["within_pct"], 90)
        self.assertEqual((everything["false_fits"], len(document["left_out"])), (0, 15))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
