#!/usr/bin/python3
"""axs audit, from outside.
usage: audit_test.py PATH-OF-AXS [CLAIMS.csv]    whether each claim of that list is there"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest

AXS = os.path.abspath(sys.argv[1])
CLAIMS = sys.argv[2] if len(sys.argv) > 2 else None


def audit(*arguments):
    return subprocess.run([AXS, "audit", *arguments], capture_output=True, text=True, check=False,
                          timeout=300)


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.claims = json.loads(audit("--json").stdout)["claims"]

    def test_text(self):
        outcome = audit("12")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertIn("impossible", outcome.stdout)
        self.assertIn("60.9 ms", outcome.stdout)
        self.assertIn("1 claims: 1 impossible", outcome.stdout)

    def test_json(self):
        verdicts = {"measured", "simulated", "impossible", "unsupported", "a judgement"}
        self.assertEqual({claim["verdict"] for claim in self.claims} - verdicts, set())
        self.assertTrue(all(claim["reason"] for claim in self.claims))

    def test_intervals(self):
        claims = {claim["id"]: claim for claim in self.claims}
        for number in (1, 9, 11, 20, 22, 25, 26, 52):
            claim = claims[number]
            self.assertLess(claim["low"], claim["high"], number)
            self.assertTrue(claim["interval_of"], number)
            self.assertEqual(claim["seeds"], "1 to 3" if number == 20 else None)
        self.assertIsNone(claims[12]["low"])
        self.assertRegex(claims[25]["number"], r" at 10 Gb/s \(\d\.\d to \d\.\d\), ")

    def test_scaling_is_what_its_command_prints(self):
        scenario = os.path.join(os.path.dirname(__file__), "..", "scenarios", "thirds.toml")
        (claim,) = (claim for claim in self.claims if claim["id"] == 20)
        command = claim["command"].replace("scenarios/thirds.toml", scenario).split()
        self.assertEqual(command[0], "axs")
        played = subprocess.run([AXS, *command[1:], "--json"], capture_output=True, text=True,
                                check=True, timeout=300)
        (figure,) = (row for row in json.loads(played.stdout)["over_seeds"]
                     if row["figure"] == "scaling_efficiency")
        self.assertAlmostEqual(claim["low"], 100 * figure["least"], places=3)
        self.assertAlmostEqual(claim["high"], 100 * figure["most"], places=3)
        self.assertIn(f"{100 * figure['median']:.1f} % at 5 Gb/s", claim["number"])

    def test_arithmetic(self):
        outcome = audit("44")
        self.assertIn("1200 PF x 43830 h x 0.07 $ = 3.68 million $", outcome.stdout)

    def test_html(self):
        with tempfile.TemporaryDirectory() as folder:
            page = os.path.join(folder, "claims.html")
            self.assertEqual(audit("12", "--html", page).returncode, 0)
            with open(page, encoding="utf-8") as file:
                self.assertIn("60.9 ms at least", file.read())
            self.assertEqual(audit("20", "--html", page).returncode, 0)
            with open(page, encoding="utf-8") as file:
                self.assertIn("<small>seeds 1 to 3: ", file.read())
        outcome = audit("12", "--html", "/dev/stdout")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        self.assertRegex(outcome.stdout, r"(?s)^<!doctype html>.*</html>.*1 claims: 1 impossible")
        self.assertTrue(os.path.islink("/dev/stdout"))

    def test_no_page(self):
        """Said before the claims are worked out."""
        for flags, said in ((("--html", ""), '--html: "", want a value'),
                            (("--html", "/nowhere/x"), "--html: cannot write /nowhere/x: No such "
                             "file or directory (ENOENT)")):
            outcome = subprocess.run([AXS, "audit", *flags], capture_output=True, text=True,
                                     check=False, timeout=10)
            self.assertEqual((outcome.returncode, outcome.stdout, outcome.stderr),
                             (2, "", f"axs: {said}\n"))

    def test_no_such_claim(self):
        outcome = audit("4711")
        self.assertEqual(outcome.returncode, 2)
        self.assertIn("claim 4711, want one of 1 to", outcome.stderr)

    @unittest.skipIf(CLAIMS is None, "without the list of claims")
    def test_all_claims(self):
        with open(CLAIMS, encoding="utf-8") as file:
            wanted = {(int(row["id"]), row["area"], row["claim"]) for row in csv.DictReader(file)}
        self.assertEqual({(c["id"], c["area"], c["claim"]) for c in self.claims}, wanted)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
