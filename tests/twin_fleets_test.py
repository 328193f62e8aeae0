#!/usr/bin/python3
"""axs twin with fleets, from outside.
usage: twin_fleets_test.py PATH-OF-AXS"""
import json
import os
import re
import subprocess
import sys
import tempfile
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


def with_sites(scenario, terms):
    """Its text, with the same terms at each site."""
    with open(scenario, encoding="utf-8") as file:
        return file.read().replace("[[site]]\n", "[[site]]\n" + terms + "\n")


def job_of(test, text):
    """A file with that text."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    # What a job names is beside it, or where the scenarios are.
    text = text.replace("../data/", os.path.join(os.path.dirname(SCENARIOS), "data", ""))
    path = os.path.join(folder.name, "job.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


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

    def test_a_run_that_merges_nothing_says_so(self):
        with open(SOVEREIGN, encoding="utf-8") as file:
            text = file.read()
        said = "Nothing was merged"
        self.assertNotIn(said, twin(SOVEREIGN, "--for", "10min").stdout)
        slow = job_of(self, re.sub(r'rate = "[^"]*"', 'rate = "1 kb/s"', text))
        self.assertIn(said, twin(slow, "--for", "10min").stdout)

    def test_energy_adds_up_and_stays_within_the_limit_of_a_site(self):
        text = with_sites(SOVEREIGN, 'power = "60 kW"\npue = 1.3\n'
                                     'energy-price = "0.1 $/kWh"\ncarbon = 200')
        outcome = told(job_of(self, text), "--for", "20min", "--seeds", "2")
        for energy in outcome["energy"]:
            mwh = energy["mwh"]
            self.assertAlmostEqual(energy["mw_mean"] * outcome["span_s"] / 3600, mwh)
            self.assertLessEqual(energy["mw_mean"], energy["mw_most"])
            self.assertAlmostEqual(energy["co2_kg"], 200 * mwh)
            self.assertGreater(energy["dollars"], 100 * mwh)  # Devices have a price too.
        for run, energy in zip(outcome["runs"], outcome["energy"]):
            tokens = run["tokens_per_s"] * outcome["span_s"]
            self.assertAlmostEqual(energy["j_per_token"] * tokens / 3.6e9, energy["mwh"])
        self.assertEqual(len(outcome["power"]), 3)
        for site in outcome["power"]:
            self.assertLess(0.01, site["mw_mean"])
            self.assertLess(site["mw_mean"], site["mw_most"])
            self.assertLessEqual(site["mw_most"], 0.06)

    def test_a_job_that_states_no_exchange_is_played_as_axs_plan_plans_it(self):
        with open(SOVEREIGN, encoding="utf-8") as file:
            stated = file.read()
        job = job_of(self, "".join(line for line in stated.splitlines(keepends=True)
                                   if not line.startswith("outer")))
        planned = subprocess.run([AXS, "plan", job, "--json"], capture_output=True, text=True,
                                 check=True, timeout=600).stdout
        with open(job + ".json", "w", encoding="utf-8") as file:
            file.write(planned)
        played = told(job, "--for", "10min")
        self.assertIn("as axs plan finds it", played["source"])
        of_file = told(job, "--for", "10min", "--plan", job + ".json")
        self.assertEqual(played["runs"], of_file["runs"])
        self.assertEqual(played["sites"], of_file["sites"])
        self.assertEqual({site["site"] for site in played["sites"]},
                         {group["site"] for group in json.loads(planned)["groups"]})
        self.assertIn("[train.outer]", told(SOVEREIGN, "--for", "10min")["source"])

    def test_a_plan_by_hand_needs_places_in_nodes_not_only_devices(self):
        with open(SOVEREIGN, encoding="utf-8") as file:
            job = job_of(self, file.read())
        found = json.loads(subprocess.run([AXS, "plan", job, "--json"], capture_output=True,
                                          text=True, check=True, timeout=600).stdout)
        (first, *others), (stage,) = found["groups"], found["groups"][0]["stages"]
        work = first["replicas"] * first["micro_batches"]

        def groups(width, replicas, share):
            return {**first, "replicas": replicas, "micro_batches": work // share // replicas,
                    "stages": [{**stage, "tensor": width}]}

        def played(*edited):
            with open(job + ".json", "w", encoding="utf-8") as file:
                json.dump({**found, "groups": [*edited, *others]}, file)
            return twin(job, "--for", "10min", "--plan", job + ".json")

        nodes = 16
        fits = played(groups(5, nodes, 2), groups(3, nodes, 2))
        self.assertEqual(fits.returncode, 0, fits.stderr)
        crowded = played(groups(5, nodes * 3 // 2, 1))
        self.assertEqual((crowded.returncode, crowded.stdout), (2, ""))
        self.assertIn("24 tensor groups of 5 H100 at fra, want at most the 16 that find a place "
                      "in its nodes of 8", crowded.stderr)

    def test_a_large_model_is_played_as_planned_whatever_its_fragments_take(self):
        with open(SOVEREIGN, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("outer"))
        text = re.sub(r"(?s)\[model\].*?\n\n", '[model]\npreset = "llama3-70b"\n\n', text, count=1)
        text = re.sub(r'rate = ".*?"', 'rate = "100 Gb/s"', text)
        text = re.sub(r"count = \d+", "count = 256", text)
        outcome = told(job_of(self, text), "--for", "30min")
        fragments, bits = map(int, re.search(r"in (\d+) fragments of (\d+) bits",
                                             outcome["source"]).groups())
        contribution = 70.55e9 * bits / 8 / fragments
        self.assertGreater(contribution, 1 << 30)
        run, sites = outcome["runs"][0], len(outcome["sites"])
        sent = run["terabytes"] * 1e12 / (sites * (sites - 1) * contribution)
        self.assertGreater(sent, 10)
        self.assertLessEqual(sent, run["syncs"] * 1.01)
        self.assertGreater(run["scaling_efficiency"], 0.5)

    def test_what_cannot_be_is_said_in_one_sentence(self):
        cpus = os.path.join(SCENARIOS, "three-continents.toml")
        for arguments, sentence in (((SOVEREIGN, "--for", "0s"), "--for"),
                                    ((SOVEREIGN, "--for", "9000d"), "up to 30d"),
                                    ((SOVEREIGN, "--for", "10m"), "--for: duration"),
                                    ((cpus, "--seeds", "2"), "no scenario of fleets"),
                                    ((SOVEREIGN, "--out", "/tmp/nowhere"), "no record")):
            outcome = twin(*arguments)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), arguments)
            self.assertIn(sentence, outcome.stderr)
            self.assertEqual(outcome.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
