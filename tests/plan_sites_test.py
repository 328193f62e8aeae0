#!/usr/bin/python3
"""axs plan of a model that fits at no site, but in pipelines over two, and of runs over links that
are too slow for them, from outside.
usage: plan_sites_test.py AXS [unittest arguments]"""
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

AXS = ""

HEAD = """version = 1
name = "consortium"
[model]
preset = "llama3-8b"
[train]
tokens = "1B"
sequences = 256
"""
SITES = ("""[[site]]
name = "sfo"
at = [37.77, -122.42]
accelerators = [{ type = "A100-40", count = 3 }]
""", """[[site]]
name = "fra"
at = [50.11, 8.68]
accelerators = [{ type = "A100-40", count = 3 }]
""")
LINK = """[[link]]
between = ["sfo", "fra"]
kind = "fibre"
rate = "10 Gb/s"
"""


class Planning(unittest.TestCase):
    def plan(self, job, *arguments):
        with tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False) as file:
            file.write(job)
        self.addCleanup(os.unlink, file.name)
        return self.run_plan(file.name, *arguments)

    def run_plan(self, *arguments):
        return subprocess.run([AXS, "plan", *arguments], capture_output=True, text=True,
                              check=False, timeout=600)


class Across(Planning):
    def test_one_site_is_too_small(self):
        alone = self.plan(HEAD + SITES[0])
        self.assertEqual(alone.returncode, 1)
        self.assertIn("fits on no devices of the fleet", alone.stderr)

    def test_text_says_where_stages_are_and_what_crosses(self):
        outcome = self.plan(HEAD + "".join(SITES) + LINK)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertRegex(outcome.stdout,
                         "each pipeline begins at (sfo|fra) and goes on at (sfo|fra) with stage "
                         "[234]; in a step [0-9.]+ GB of activations and their gradients go")
        for site in ("sfo", "fra"):
            self.assertRegex(outcome.stdout, f"[123] x [12] A100-40 at {site}")

    def test_json_has_crossings_and_parts_that_add_up(self):
        document = json.loads(self.plan(HEAD + "".join(SITES) + LINK, "--json", "--explain").stdout)
        self.assertEqual(document["version"], 4)
        for group, parts in zip(document["groups"], document["explain"]["groups"], strict=True):
            (crossing,) = group["crossings"]
            self.assertEqual({group["site"], crossing["site"]}, {"sfo", "fra"})
            for number, stage in enumerate(parts["stages"]):
                times = [part["time_s"] for part in stage["parts"].values()]
                self.assertAlmostEqual(sum(times), document["step_s"], places=6)
                waits = stage["parts"]["link_transfers"]["time_s"]
                self.assertEqual(waits > 0, crossing["stage"] - number in (0, 1))

    def test_a_slower_link_makes_steps_longer(self):
        steps = []
        for rate in ("100 Gb/s", "10 Gb/s", "1 Gb/s"):
            job = HEAD + "".join(SITES) + LINK.replace("10 Gb/s", rate)
            steps.append(json.loads(self.plan(job, "--json").stdout)["step_s"])
        self.assertEqual(steps, sorted(set(steps)))

    def test_what_cannot_be_done_with_it_yet_is_refused(self):
        job = HEAD + "".join(SITES) + LINK
        refused = self.plan(job, "--emit", "megatron")
        self.assertTrue(re.search("the pipelines are at (sfo, fra|fra, sfo), want one site",
                                  refused.stderr), refused)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as running:
            running.write(self.plan(job, "--json").stdout)
            running.flush()
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(job)
                file.flush()
                replanned = self.run_plan("replan", file.name, "--running", running.name,
                                          "--lost", "sfo:1", "--done", "40%")
        self.assertIn("running plan: a pipeline across sites, want replicas that are each at one",
                      replanned.stderr)


class Slow(Planning):
    def test_slow_links_are_told_and_what_would_help(self):
        # Each site is enough for the model, one alone would take too long.
        sites = "".join(SITES).replace("A100-40", "H100").replace("count = 3", "count = 8")
        head = HEAD.replace("1B", "1T") + '[plan]\ndeadline = "90 d"\n'
        slow = self.plan(head + sites + LINK.replace("10 Gb/s", "30 Mb/s"), "--json")
        self.assertEqual(slow.returncode, 1)
        told = re.fullmatch(
            r"axs: consortium: the run would take ([0-9.]+) days, ([0-9.]+) % of it exchange "
            r"between sites \(30 Mb/s on the way from sfo to fra\); over links ([0-9,]+) times as "
            r"wide the same plan takes ([0-9.]+) days\n", slow.stderr)
        self.assertTrue(told, slow.stderr)
        days, share, times, then = (float(each.replace(",", "")) for each in told.groups())
        found = json.loads(slow.stdout)
        self.assertAlmostEqual(days, found["duration_s"] / 86400, delta=0.05)
        self.assertAlmostEqual(share, 100 * found["sites_s"] / found["step_s"], delta=2)
        self.assertLess(then, 90)
        link = LINK.replace("10 Gb/s", f"{30 * times:.0f} Mb/s")
        wide = self.plan(head + sites + link, "--json")
        self.assertEqual((wide.returncode, wide.stderr), (0, ""))
        self.assertLess(json.loads(wide.stdout)["duration_s"] / 86400, then * 1.01)

    def test_pipelines_that_wait_for_links_are_told(self):
        slow = self.plan(HEAD + "".join(SITES) + LINK.replace("10 Gb/s", "64 kb/s"))
        self.assertRegex(slow.stderr, r"the run would take [0-9.]+ years, 99\.[0-9] % of it "
                         r"exchange between sites \(64 kb/s on the way from sfo to fra\); it "
                         r"wants wider ")

    def test_a_deadline_too_soon_for_the_devices_wants_more_of_them(self):
        hurry = HEAD.replace("1B", "1T") + '[plan]\ndeadline = "1 d"\n'
        outcome = self.plan(hurry + SITES[0].replace("count = 3", "count = 8"), "--json")
        self.assertEqual(outcome.returncode, 1)
        days = json.loads(outcome.stdout)["duration_s"] / 86400
        self.assertIn(f"the run would take {days:.4g} days; it wants about {math.ceil(days)} times "
                      f"the devices in use, or tokens divided by {math.ceil(days)}", outcome.stderr)


if __name__ == "__main__":
    AXS = sys.argv.pop(1)
    unittest.main()
