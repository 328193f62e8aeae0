#!/usr/bin/python3
"""axs twin with fleets, from outside.
usage: twin_fleets_test.py PATH-OF-AXS"""
import json
import os
import subprocess
import sys
import unittest

AXS = os.path.abspath(sys.argv.pop())
SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scenarios")
SOVEREIGN = os.path.join(SCENARIOS, "sovereign-eu-in-jp.toml")


def twin(*arguments, before=()):
    return subprocess.run([*before, AXS, "twin", *arguments], capture_output=True, text=True,
                          check=False, timeout=600)


def told(*arguments, before=()):
    outcome = twin(*arguments, "--json", before=before)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)


class Fleets(unittest.TestCase):
    def test_a_job_of_three_countries_leaves_the_others_out(self):
        outcome = told(SOVEREIGN, "--for", "10min")
        self.assertEqual(outcome["left_out"], ["tyo", "osa"])
        self.assertEqual([site["site"] for site in outcome["sites"]], ["fra", "par", "mad"])
        self.assertGreater(outcome["mfu"], 0.1)
        self.assertLess(outcome["mfu"], 0.8)

    def test_seeds_are_the_same_alone_together_and_on_one_core(self):
        span = ("--for", "10min")
        together = told(SOVEREIGN, "--seeds", "3", *span)
        self.assertEqual([run["seed"] for run in together["runs"]], [1, 2, 3])
        self.assertEqual(len({run["digest"] for run in together["runs"]}), 3)
        self.assertEqual(told(SOVEREIGN, "--seed", "2", *span)["runs"], together["runs"][1:2])
        core = str(min(os.sched_getaffinity(0)))
        on_one = told(SOVEREIGN, "--seeds", "3", *span, before=("taskset", "-c", core))
        self.assertEqual(on_one, together)
        tokens = next(f for f in together["over_seeds"] if f["figure"] == "tokens_per_s")
        seen = sorted(run["tokens_per_s"] for run in together["runs"])
        self.assertEqual([tokens["least"], tokens["median"], tokens["most"]], seen)

    def test_figures_follow_from_each_other(self):
        outcome = told(os.path.join(SCENARIOS, "slow-third.toml"), "--for", "30min")
        run = outcome["runs"][0]
        self.assertAlmostEqual(run["goodput_mfu"], run["goodput"] * outcome["mfu"])
        self.assertAlmostEqual(run["scaling_efficiency"],
                               run["tokens_per_s"] / outcome["tokens_per_s_apart"])
        self.assertLess(run["scaling_efficiency"], 1)

    def test_what_cannot_be_is_said_in_one_sentence(self):
        cpus = os.path.join(SCENARIOS, "three-continents.toml")
        for arguments, sentence in (((SOVEREIGN, "--for", "0s"), "--for"),
                                    ((SOVEREIGN, "--for", "9000d"), "up to 30d"),
                                    ((cpus, "--seeds", "2"), "no scenario of fleets"),
                                    ((SOVEREIGN, "--out", "/tmp/nowhere"), "no record")):
            outcome = twin(*arguments)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), arguments)
            self.assertIn(sentence, outcome.stderr)
            self.assertEqual(outcome.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
