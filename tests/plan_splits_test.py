#!/usr/bin/python3
"""Sequences that unlike devices share in what axs plan says, from outside.
usage: plan_splits_test.py PATH-OF-AXS"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from plan_test import AXS, SCENARIOS, plan

JOB = os.path.join(SCENARIOS, "long-sequences.toml")
TOKENS = 131072


class Splits(unittest.TestCase):
    def setUp(self):
        self.document = json.loads(plan(JOB, "--json").stdout)
        self.parts = self.document["groups"][0]["stages"][0]["parts"]

    def test_text(self):
        text = plan(JOB, "--explain").stdout
        for what in ("1 x (8 H100 + 8 A100-80)", "H100, A100-80 ", " micro-shards, ",
                     "Each sequence is shared by a group of 8 H100 with "):
            self.assertIn(what, text)

    def test_all_tokens_have_a_place(self):
        self.assertEqual(sum(part["groups"] for part in self.parts), self.document["context"])
        self.assertEqual(sum(part["groups"] * part["tokens"] for part in self.parts), TOKENS)

    def test_all_pairs_are_attended(self):
        [split] = self.document["splits"]
        self.assertEqual([device["tokens"] for device in split["devices"]],
                         [part["tokens"] for part in self.parts for _ in range(part["groups"])])
        self.assertEqual(len(split["placement"]), 8 // split["tensor"])  # Heads of keys.
        for blocks in split["placement"]:
            self.assertEqual(len(blocks), TOKENS // split["query_block"])
            for number, ranges in enumerate(blocks):  # Keys up to the last query of the block.
                self.assertEqual(len(ranges), number + 1)
                self.assertTrue(all(int(device) < len(split["devices"]) for device in ranges))

    def test_page(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "plan.html")
            self.assertEqual(plan(JOB, "--html", path).returncode, 0)
            with open(path, encoding="utf-8") as file:
                page = file.read()
        self.assertIn("Who attends what", page)
        self.assertEqual(page.count("block 2 of queries, range 1 of keys: group "), 1)

    def played(self, change=lambda stage: None):
        """At one of the two sites: exchanges in every step are not played."""
        with tempfile.TemporaryDirectory() as folder:
            job, path = (os.path.join(folder, name) for name in ("job.toml", "plan.json"))
            with open(JOB, encoding="utf-8") as whole, open(job, "w", encoding="utf-8") as one:
                one.write(whole.read().split('[[site]]\nname = "hel"')[0])
            document = json.loads(plan(job, "--json").stdout)
            change(document["groups"][0]["stages"][0])
            with open(path, "w", encoding="utf-8") as file:
                json.dump(document, file)
            return subprocess.run([AXS, "twin", job, "--for", "10min", "--plan", path],
                                  capture_output=True, text=True, check=False, timeout=60)

    def test_played(self):
        played = self.played()
        self.assertEqual((played.returncode, played.stderr), (0, ""))

    def test_tokens_that_a_plan_says_hold(self):
        def shift(stage):
            fast, slow = stage["parts"]
            fast["tokens"] -= 256 * slow["groups"]
            slow["tokens"] += 256 * fast["groups"]
        self.assertEqual(self.played(shift).returncode, 0)

    def test_parts_of_one_type(self):
        def alike(stage):
            stage["parts"][1]["accelerator"] = stage["parts"][0]["accelerator"]
        refused = self.played(alike)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("parts: want two, of different accelerators", refused.stderr)
        self.assertEqual(refused.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
