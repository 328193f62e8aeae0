#!/usr/bin/python3
"""axs plan, from outside.
usage: plan_test.py PATH-OF-AXS                  a small table, and tables that are none
       plan_test.py PATH-OF-AXS RUNS.csv         how far the published runs are off"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

AXS = os.path.abspath(sys.argv[1])
RUNS = sys.argv[2] if len(sys.argv) > 2 else None

HEADER = ("source,model,model_params_B,layers,hidden,heads,ffn_hidden,vocab,seq_len,global_batch,"
          "micro_batch,gpu_type,n_gpus,tp,pp,dp,vpp,ep,cp,seq_parallel,zero_stage,recompute,"
          "precision,step_time_s,peak_mem_gib,notes\n")
# Table 1 of arXiv 2104.04473, and a run on what the catalogue lacks.
SMALL = HEADER + (
    "Megatron-LM SC21,GPT 1.7B,1.7,24,2304,24,9216,51200,2048,512,16,A100-80,32,1,1,32,,,1,n,0,"
    "full,fp16,3.528,,\n"
    "a blog,GPT,1.7,24,2304,24,9216,51200,2048,512,16,TPU v9,32,1,1,32,,,1,n,0,full,fp16,3,,\n")


def score(*arguments):
    return subprocess.run([AXS, "plan", "score", *arguments], capture_output=True, text=True,
                          check=False, timeout=60)


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
        (run,) = document["runs"]
        self.assertLess(abs(run["step_s"] / 3.528 - 1), 0.1)
        self.assertLess(run["low_s"], run["step_s"])
        self.assertAlmostEqual(sum(run["step_parts_s"].values()), run["step_s"])
        self.assertAlmostEqual(sum(run["memory_parts_gib"].values()), run["memory_gib"])
        self.assertEqual(document["sources"][-1]["source"], "all")
        self.assertEqual(document["sources"][-1]["left_out"], 1)

    def test_no_table(self):
        for text, what in (("", "empty"), ("a,b\n1,2\n", ":1: no column cp"),
                           (HEADER + "1,2\n", ":2: 2 cells")):
            outcome = score(self.write(text))
            self.assertEqual(outcome.returncode, 2, outcome)
            self.assertIn(what, outcome.stderr)
            self.assertEqual(len(outcome.stderr.splitlines()), 1)
        self.assertIn("no such file", score("/no/such.csv").stderr)


@unittest.skipUnless(RUNS, "needs the published runs")
class Published(unittest.TestCase):
    """The accuracy that docs/design/025-xray-cost-model.md states."""

    def test_accuracy(self):
        document = json.loads(score(RUNS, "--json").stdout)
        everything = document["sources"][-1]
        self.assertEqual(everything["runs"], 411)
        self.assertLess(everything["mape_pct"], 4.3)
        self.assertLess(everything["median_pct"], 2.9)
        self.assertGreater(everything["within_pct"], 90)
        self.assertEqual(everything["memory_runs"], 53)
        self.assertLess(everything["memory_mape_pct"], 4.3)
        self.assertEqual(everything["false_fits"], 0)
        self.assertEqual(len(document["left_out"]), 15)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
