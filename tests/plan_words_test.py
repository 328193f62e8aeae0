#!/usr/bin/python3
"""What axs plan says of small jobs, from outside.
usage: plan_words_test.py PATH-OF-AXS"""
import json
import re
import sys
import unittest

import plan_test
from plan_test import JOB, ONE_SITE, plan


class Words(unittest.TestCase):
    write = plan_test.Job.write

    @staticmethod
    def small(devices):
        return (ONE_SITE.replace('preset = "llama3-8b"', "layers = 16\nwidth = 2048\nheads = 16\n"
                                 "kv-heads = 8\nhidden = 8192\ncontext = 4096\n"
                                 "vocabulary = 32000\ntied = false")
                .replace("sequences = 256", "sequences = 64")
                .replace("count = 16", f"count = {devices}"))

    def test_one_device(self):
        job = self.write(self.small(1).replace("layers = 16", "layers = 24"))
        document = json.loads(plan(job, "--json").stdout)
        self.assertNotIn(document["sharding"], ("none", "optimizer"))
        outcome = plan(job, "--emit", "megatron")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertIn("--tensor-model-parallel-size 1\n", outcome.stdout)
        self.assertNotIn("fsdp", outcome.stdout)  # Nobody to share with.

    def test_precision_that_a_device_lacks(self):
        for program in ("megatron", "torchtitan"):
            job = self.small(8) + '[plan]\nprecision = "fp4"\n'
            outcome = plan(self.write(job), "--emit", program)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
            self.assertIn("the job is in fp4, which H100 does not have; want precision = \"fp8\"",
                          outcome.stderr)
        lines = plan(self.write(job.replace("fp4", "fp8")), "--emit", "megatron").stdout
        self.assertIn("--fp8-format hybrid\n", lines)
        self.assertIn("; H100 does not have fp4 and counts with fp8\n",
                      plan(self.write(job)).stdout)

    def test_declared_numbers(self):
        declared = self.small(8).replace("H100", "Zephyr")
        for job, basis in ((declared, "the speed of Zephyr is declared, not measured"),
                           (self.small(8), "speeds of all devices are fitted to published runs")):
            self.assertIn(f"Basis: {basis}\n", plan(self.write(job)).stdout)

    def test_objective_of_another_name(self):
        for name in ("joy", "0"):
            outcome = plan(self.write(self.small(8)), "--objective", name)
            self.assertEqual((outcome.returncode, outcome.stderr), (
                2, f'axs: --objective: "{name}", want one of time, money, energy, carbon\n'))

    def test_no_room(self):
        """What would have room is told, and has it."""
        large = ONE_SITE.replace("llama3-8b", "llama3-405b")
        outcome = plan(self.write(large))
        self.assertEqual((outcome.returncode, outcome.stdout), (1, ""))
        told = re.fullmatch(r"axs: model: fits on no devices of the fleet; the best cut lacks "
                            r"[\d.]+ GiB on each H100; (\d+) times as many devices at each site "
                            r"would do, with ([\d.]+) s a step\n", outcome.stderr)
        self.assertIsNotNone(told, outcome.stderr)
        for times, code in ((int(told[1]), 0), (int(told[1]) // 2, 1)):
            more = plan(self.write(large.replace("count = 16", f"count = {16 * times}")), "--json")
            self.assertEqual(more.returncode, code)
            if code == 0:
                self.assertAlmostEqual(json.loads(more.stdout)["step_s"], float(told[2]), delta=0.5)

    def test_a_link_that_loses_everything_is_none(self):
        dead = JOB.replace("800 Gb/s\"", "800 Gb/s\"\nloss = 1")
        self.assertIn("Idle, without a link to any other site: fra\n",
                      plan(self.write(dead)).stdout)

    def test_jurisdiction_without_devices(self):
        outcome = plan(self.write(self.small(8) + '[plan]\njurisdictions = ["mars"]\n'))
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
        self.assertIn("no accelerators in mars, where plan.jurisdictions let the job run; there "
                      "are some in US\n", outcome.stderr)

    def test_all_unmet(self):
        job = self.small(8) + '[plan]\ndeadline = "1 min"\nbudget = "$1"\npower = "1 kW"\n'
        outcome = plan(self.write(job))
        self.assertEqual(outcome.returncode, 1)
        self.assertRegex(outcome.stdout, r"Not met: deadline: 60 s from now, the fastest plan "
                         r"found needs [\d.]+ \w+; budget: 1 \$, .*; power: 1 kW, ")

    def test_energy_of_small_jobs(self):
        job = self.small(8).replace("tokens = ", "tokens = 1000000 #")
        plans = plan(self.write(job), "--frontier").stdout.splitlines()
        self.assertNotIn(" 0.0 ", plans[1])
        energy = next(line for line in plan(self.write(job), "--explain").stdout.splitlines()
                      if line.startswith("Energy: "))
        self.assertRegex(energy, r"^Energy: [\d.]+ [kM]?J a step, [\d.]+ k?Wh in all")

    def test_what_sites_exchange_is_told_though_nobody_waits_for_it(self):
        lines = plan(self.write(JOB), "--explain").stdout.splitlines()
        (line,) = [line for line in lines if line.startswith("exchange between sites ")]
        self.assertRegex(line, r" [\d.]+ [kMGT]B$")

    def test_jurisdiction(self):
        job = JOB + '[plan]\njurisdictions = ["DE"]\n'
        document = json.loads(plan(self.write(job), "--json").stdout)
        self.assertEqual({group["site"] for group in document["groups"]}, {"fra"})

    def test_unmet(self):
        outcome = plan(self.write(JOB + '[plan]\ndeadline = "1 d"\n'))
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("Not met: deadline", outcome.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
