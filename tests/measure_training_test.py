#!/usr/bin/python3
"""tools/measure_training.py on the CPU.
usage: measure_training_test.py PATH-OF-AXS, with a Python that has torch"""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import torch

TOOLS = pathlib.Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))
import measure_training

AXS = os.path.abspath(sys.argv[1])
LLAMA = measure_training.SMALL_CASES[1]._replace(micro_batch=4, micro_batches=1, recompute="none")


def gradients(case, tokens):
    torch.manual_seed(1)
    training = measure_training.Training(case)
    training.batches = tokens.reshape(case.micro_batches, case.micro_batch, -1)
    training.add_gradients()
    return [master.grad for master in training.masters]


class Test(unittest.TestCase):
    def check_same_gradients(self, **changes):
        tokens = torch.randint(LLAMA.vocab, (4, LLAMA.seq_len + 1))
        plain = gradients(LLAMA, tokens)
        changed = gradients(LLAMA._replace(**changes), tokens)
        for one, other in zip(plain, changed, strict=True):
            self.assertGreater(one.abs().max(), 0)
            torch.testing.assert_close(one, other)

    def test_recomputation_gives_the_same_gradients(self):
        self.check_same_gradients(recompute="full")

    def test_micro_batches_add_up(self):
        self.check_same_gradients(micro_batch=1, micro_batches=4)

    def test_a_step_uses_its_gradients_up_and_learns(self):
        for case in measure_training.SMALL_CASES:
            training = measure_training.Training(case)
            losses = [training.step() for _ in range(5)]
            self.assertLess(losses[-1], losses[0] - 0.01)
            self.assertFalse(any(master.grad.any() for master in training.masters))
            self.assertTrue(all(weight.grad is None for weight in training.weights))

    def test_what_takes_too_much_is_left_out(self):
        def measure(case, _):
            if case.tied:
                raise torch.OutOfMemoryError
            return case._asdict()

        self.addCleanup(setattr, measure_training, "measure", measure_training.measure)
        measure_training.measure = measure
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "runs.csv")

            def left_out(end):
                return [line.get("left_out") for line in measure_training.measured(
                    measure_training.SMALL_CASES, "cpu", str(path), end)]

            self.assertEqual(left_out(time.monotonic() - 1), ["no time left"] * 2)
            self.assertEqual(list(path.parent.iterdir()), [])
            self.assertEqual(left_out(time.monotonic() + 1000), ["out of memory", None])
            self.assertEqual(list(path.parent.iterdir()), [path])
            self.assertEqual(len(path.read_text(encoding="utf-8").splitlines()), 2)

    def test_every_row_can_be_predicted(self):
        """As of an H100: 18 bytes for each parameter tell that the shape was understood."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "runs.csv")
            out = subprocess.run(
                [sys.executable, TOOLS / "measure_training.py", "--device", "cpu", path],
                env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True,
                check=True, timeout=300).stdout
            with open(path, encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual([row["model"] for row in rows],
                             [case.model for case in measure_training.SMALL_CASES])
            self.assertEqual(json.loads(out.splitlines()[0])["step_time_s"],
                             float(rows[0]["step_time_s"]))
            measure_training.write(
                path, [row | {"gpu_type": "NVIDIA H100 80GB HBM3"} for row in rows])
            score = json.loads(subprocess.run([AXS, "plan", "score", "--json", path], check=True,
                                              capture_output=True, text=True, timeout=60).stdout)
        self.assertEqual(score["left_out"], [])
        for run, row in zip(score["runs"], rows, strict=True):
            self.assertEqual(run["source"], "plain PyTorch")
            self.assertFalse(run["zero_shot"])
            state = 18e9 * float(row["model_params_B"]) / measure_training.GIB
            self.assertAlmostEqual(run["memory_parts_gib"]["state"] / state, 1, delta=0.05)

    def test_what_an_h100_took_is_in_the_intervals(self):
        """Blind it was for 16 of them; docs/benchmarks.md says what was measured since."""
        path = TOOLS.parent / "data/h100-steps.csv"
        score = json.loads(subprocess.run([AXS, "plan", "score", "--json", path], check=True,
                                          capture_output=True, text=True, timeout=60).stdout)
        self.assertEqual((len(score["runs"]), score["left_out"]), (18, []))
        for run in score["runs"]:
            self.assertLessEqual(run["low_s"], run["measured_step_s"])
            self.assertGreaterEqual(run["high_s"], run["measured_step_s"])
            if run["model"].startswith("GPT"):
                memory = run["memory_gib"] / run["measured_memory_gib"]
                self.assertAlmostEqual(memory, 1, delta=0.05)


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
