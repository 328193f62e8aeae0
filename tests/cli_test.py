#!/usr/bin/python3
"""The axs program from outside: exit codes, messages, output. usage: cli_test.py PATH-OF-AXS"""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

AXS = sys.argv.pop(1)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*arguments, **options):
    return subprocess.run([AXS, *arguments], capture_output=True, text=True, check=False, **options)


def run_in_terminal(*arguments, **environment):
    """What the program prints when its standard output is a terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen([AXS, *arguments], stdout=its, env={**os.environ, **environment}):
        os.close(its)
        pieces = []
        try:
            while piece := os.read(ours, 4096):
                pieces.append(piece)
        except OSError:  # The other end is closed.
            pass
    os.close(ours)
    return b"".join(pieces).decode()


class Program(unittest.TestCase):
    def check_bad_input(self, arguments, sentence):
        outcome = run(*arguments)
        self.assertEqual(outcome.returncode, 2)
        self.assertEqual(outcome.stdout, "")
        self.assertEqual(outcome.stderr, f"axs: {sentence}\n")

    def test_version(self):
        outcome = run("--version")
        self.assertEqual(outcome.returncode, 0)
        self.assertRegex(outcome.stdout, r"^axs \d+\.\d+\.\d+\n$")

    def test_help_lists_commands_and_examples(self):
        for arguments in ([], ["--help"]):
            outcome = run(*arguments)
            self.assertEqual(outcome.returncode, 0)
            self.assertIn("doctor", outcome.stdout)
            self.assertIn("Examples:", outcome.stdout)
            self.assertEqual(outcome.stderr, "")

    def test_unknown_command_names_the_known_ones(self):
        outcome = run("docter")
        self.assertEqual(outcome.returncode, 2)
        self.assertRegex(outcome.stderr, r'^axs: "docter": no such command, want one of: .*doctor')

    def test_twin_says_what_is_wrong_with_a_scenario(self):
        self.check_bad_input(["twin", "no-such.toml"], "scenario no-such.toml: no such file")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "job.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write('version = 1\nname = "x"\n[train]\ntokens = "-1"\n')
            self.check_bad_input(
                ["twin", path],
                f'{path}:4: train.tokens: count "-1", want a whole number from 1 to 1e18')

    def test_ledger_of_what_is_no_run(self):
        with tempfile.TemporaryDirectory() as folder:
            self.check_bad_input(["ledger", folder],
                                 f"{folder}: no events.jsonl in it, want the folder of a run")
        self.check_bad_input(["ledger", "no-such-run"],
                             "runs/no-such-run: no such folder, want that of a run")

    def test_flag_over_environment_over_file(self):
        scenario = os.path.join(ROOT, "scenarios/three-continents.toml")

        def shown(*flags, **environment):
            outcome = subprocess.run([AXS, "config", "show", scenario, "--json", *flags], text=True,
                                     stdout=subprocess.PIPE, check=True,
                                     env={**os.environ, **environment})
            (seed,) = [setting for setting in json.loads(outcome.stdout)["settings"]
                       if (setting["table"], setting["key"]) == ("", "seed")]
            return seed["value"], seed["origin"]
        self.assertNotIn("AXS_SEED", shown()[1])
        self.assertEqual(shown(AXS_SEED="41"), (41, "AXS_SEED"))
        self.assertEqual(shown("--seed", "42", AXS_SEED="41"), (42, "--seed"))

    def test_a_variable_that_is_no_number(self):
        scenario = os.path.join(ROOT, "scenarios/three-continents.toml")
        outcome = subprocess.run([AXS, "twin", scenario], capture_output=True, text=True,
                                 check=False, env={**os.environ, "AXS_SEED": "-1"})
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
        self.assertRegex(outcome.stderr, r'^axs: AXS_SEED: "-1", want a whole number from 0 to ')

    def test_unknown_flag(self):
        self.check_bad_input(
            ["doctor", "--yaml"],
            "The following argument was not expected: --yaml; see axs --help")

    def test_full_disk_behind_standard_output(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            outcome = subprocess.run([AXS, "--help"], stdout=full, stderr=subprocess.PIPE,
                                     text=True, check=False)
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("standard output: cannot be written", outcome.stderr)


class Flows(unittest.TestCase):
    """axs twin --flows: one exchange between all sites, without agents and packets."""

    scenario = os.path.join(ROOT, "scenarios/three-continents.toml")

    def flows(self, *options):
        outcome = run("twin", self.scenario, "--flows", *options)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
        return outcome.stdout

    def test_every_site_sends_every_other_one_the_same(self):
        told = json.loads(self.flows("--json"))
        pairs = {(transfer["from"], transfer["to"]) for transfer in told["transfers"]}
        sites = {site for pair in pairs for site in pair}
        self.assertEqual(len(sites), 3)
        self.assertEqual(pairs, {(a, b) for a in sites for b in sites if a != b})
        self.assertEqual(len(told["transfers"]), len(pairs))
        longest = max(transfer["took_s"] for transfer in told["transfers"])
        self.assertAlmostEqual(longest, told["took_s"], places=3)
        # Each link of a path carries all of it.
        links = sum(len(transfer["path"].split(", ")) for transfer in told["transfers"])
        carried = sum(load["bytes"] for load in told["links"])
        self.assertAlmostEqual(carried / (links * told["bytes_each"]), 1, places=3)
        for load in told["links"]:
            self.assertTrue(0 <= load["busy"] <= 1, load)

    def test_people_are_told_the_same_and_every_time(self):
        told = json.loads(self.flows("--json"))
        self.assertEqual(json.loads(self.flows("--json")), told)
        lines = self.flows().splitlines()
        self.assertEqual(lines[-1], "digest " + told["digest"])
        self.assertEqual(lines[-2], f"three-continents: {len(told['transfers'])} transfers of "
                                    f"{told['bytes_each']} bytes, the last ends after "
                                    f"{told['took_s']:.3f} s")
        self.assertEqual(len(lines), len(told["transfers"]) + len(told["links"]) + 6)

    def test_it_makes_no_record(self):
        with tempfile.TemporaryDirectory() as folder:
            outcome = run("twin", self.scenario, "--flows", "--out", os.path.join(folder, "run"))
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
            self.assertRegex(outcome.stderr, r"^axs: .*--flows.*\n$")
            self.assertEqual(os.listdir(folder), [])


class Ledger(unittest.TestCase):
    """The record of a simulated run with a fault of each kind, and what a hand does to it."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.run_folder = os.path.join(self.folder.name, "run")
        outcome = run("twin", os.path.join(ROOT, "scenarios/three-continents.toml"),
                      "--out", self.run_folder)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)

    def ledger(self):
        outcome = run("ledger", self.run_folder, "--json")
        return outcome.returncode, json.loads(outcome.stdout)

    def edit(self, site, change):
        path = os.path.join(self.run_folder, "sites", site, "events.jsonl")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(change(lines)))

    def test_holds_with_the_faults_of_the_scenario(self):
        code, ledger = self.ledger()
        self.assertEqual((code, ledger["violations"]), (0, []))
        self.assertTrue(ledger["finished"])
        self.assertEqual(ledger["kills"], 1)
        self.assertLess(abs(ledger["tokens"] - ledger["budget"]), 3 * 256)
        self.assertEqual({row["fragment"] for row in ledger["rows"]}, {0})
        merged = sum(row["end"] - row["begin"] for row in ledger["rows"])
        self.assertEqual(merged, ledger["tokens"])

    def test_every_reroute_is_explained(self):
        outcome = run("explain", self.run_folder, "--json")
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        told = json.loads(outcome.stdout)
        self.assertGreater(len(told["reroutes"]), 5)
        for move in told["reroutes"]:
            self.assertIn(move["rule"], ("cut", "slower", "recovered", "handover"))
            self.assertIn(move["taken"]["path"], move["sentence"])
            if move["rule"] in ("slower", "recovered") and move["left"]:
                self.assertGreaterEqual(move["measured_ns"], move["limit_ns"])
        self.assertGreater(len(told["handovers"]), 5)
        text = run("explain", self.run_folder).stdout.splitlines()
        self.assertEqual(len(text), len(told["reroutes"]) + 1)
        self.assertIn("planned changes of satellites", text[-1])
        for move, line in zip(told["reroutes"], text):
            self.assertIn(move["sentence"], line)

    def test_the_folder_is_never_written_twice(self):
        outcome = run("twin", os.path.join(ROOT, "scenarios/three-continents.toml"),
                      "--out", self.run_folder)
        self.assertEqual(outcome.returncode, 2)
        self.assertIn("there is something in it", outcome.stderr)

    def test_a_torn_last_line_and_garbage_do_no_harm(self):
        self.edit("sfo", lambda lines: ["garbage", *lines, lines[-1][:20]])
        code, ledger = self.ledger()
        self.assertEqual((code, ledger["lines_ignored"]), (0, 1))

    def test_a_sync_that_a_site_left_out_is_found(self):
        self.edit("tyo", lambda lines: [line for line in lines if '"sync":40,' not in line])
        code, ledger = self.ledger()
        self.assertEqual((code, ledger["violations"]), (1, ["sync 40: tyo left it out"]))

    def test_another_hash_is_found(self):
        def spoil(line):
            spoilt = '77"}' if line[-4:] != '77"}' else '88"}'
            return line[:-4] + spoilt if '"SyncApplied","sync":7,' in line else line
        self.edit("fra", lambda lines: [spoil(line) for line in lines])
        code, ledger = self.ledger()
        self.assertEqual(code, 1)
        self.assertRegex(ledger["violations"][0], "^sync 7: .* came to other parameters than ")


class Leases(unittest.TestCase):
    """What a transfer had leased, in the record of a simulated run and wherever it is shown."""
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.run_folder = os.path.join(cls.folder.name, "run")
        outcome = run("twin", os.path.join(ROOT, "scenarios/model-push.toml"),
                      "--out", cls.run_folder)
        assert outcome.returncode == 0, outcome.stderr
        cls.leases = json.loads(run("explain", cls.run_folder, "--json").stdout)["leases"]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_push_has_fibre_and_sky_and_no_more_than_they_carry(self):
        self.assertGreaterEqual(len(self.leases), 1)
        capacity = {"sfo-fra fibre": 200e6, "sfo-fra leo": 100e6}
        widest = max(self.leases, key=lambda lease: lease["bits_per_second"])
        self.assertLessEqual(capacity.keys(), {path["path"] for path in widest["paths"]})
        for lease in self.leases:
            self.assertEqual((lease["from"], lease["to"]), ("sfo", "fra"))
            self.assertLess(lease["begin"], lease["end"])
            self.assertIn("of bulk wait", lease["why"])
            for path in lease["paths"]:
                self.assertLess(path["bits_per_second"], capacity.get(path["path"], 200e6))
            self.assertLess(lease["received_bits_per_second"], 1.2 * lease["bits_per_second"])
        self.assertEqual(self.leases[-1]["ended"], "no bulk waits")

    def test_explain_says_it_in_its_place(self):
        lines = run("explain", self.run_folder).stdout.splitlines()
        told = [line for line in lines if "bulk has leased" in line]
        self.assertEqual(len(told), len(self.leases))
        times = [float(line.split()[0]) for line in lines if " s  " in line]
        self.assertEqual(times, sorted(times))

    def test_the_report_shows_it(self):
        made = run("report", self.run_folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(made.stdout.strip(), encoding="utf-8") as file:
            page = file.read()
        for part in ('id="bulk"', "Leased and received", "sfo → fra, leased",
                     "sfo → fra, received", "and why</summary>", self.leases[0]["why"]):
            self.assertIn(part, page)

    def test_a_report_that_cannot_be_written(self):
        """Said before the run is read."""
        for folder in (self.run_folder, "nowhere"):
            outcome = run("report", folder, "--out", "/nowhere/report.html")
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
            self.assertRegex(outcome.stderr,
                             r"^axs: --out: cannot write /nowhere/report.html: .* \(ENOENT\)\n$")
        outcome = run("report", "nowhere", "--out", os.path.join(self.run_folder, "page.html"))
        self.assertNotEqual(outcome.returncode, 0)
        self.assertFalse([name for name in os.listdir(self.run_folder) if "page.html" in name])


class LiveView(unittest.TestCase):
    """A simulated run that takes longer than a person waits without asking."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.scenario = os.path.join(folder.name, "long.toml")
        with open(os.path.join(ROOT, "scenarios/three-continents.toml"), encoding="utf-8") as file:
            text = file.read().replace('tokens = "1.5M"', 'tokens = "12M"')
        text = text.replace("../data/", os.path.join(ROOT, "data") + "/")
        with open(self.scenario, "w", encoding="utf-8") as file:
            file.write(text)

    def watch(self, width, **environment):
        """What a terminal of that width is shown, and what goes into a pipe meanwhile."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        with subprocess.Popen([AXS, "twin", self.scenario], stdout=subprocess.PIPE, stderr=its,
                              env={**os.environ, **environment}) as process:
            os.close(its)
            pieces = []
            try:
                while piece := os.read(ours, 65536):
                    pieces.append(piece)
            except OSError:  # The other end is closed.
                pass
            results = process.stdout.read().decode()
        os.close(ours)
        return b"".join(pieces).decode(), results

    def test_a_terminal_sees_it_redrawn_and_a_pipe_the_results_alone(self):
        shown, results = self.watch(60, LC_ALL="C.UTF-8", NO_COLOR="")
        self.assertIn("\033[?2026h", shown)
        self.assertIn("training", shown)
        self.assertIn("█", shown)
        self.assertIn("fault: cut of sfo-fra fibre", shown)
        self.assertRegex(shown, r"\033\[5A")  # Two phases and three sites are drawn over.
        for line in re.sub(r"\033\[[?0-9;]*[A-Za-z]", "", shown).replace("\r", "").split("\n"):
            if not re.match(r" *[0-9.]+ s  ", line):  # News may be longer: they are not redrawn.
                self.assertLess(len(line), 60)
        self.assertNotIn("\033", results)
        self.assertRegex(results, "^three-continents: finished ")


class Doctor(unittest.TestCase):
    def test_lines_and_json_agree(self):
        lines = run("doctor")
        machine = run("doctor", "--json")
        document = json.loads(machine.stdout)
        self.assertEqual(lines.returncode, 0 if document["good"] else 1)
        self.assertEqual(machine.returncode, lines.returncode)
        for check in document["checks"]:
            self.assertRegex(lines.stdout, rf"(?m)^{check['level']} +{check['name']} ")

    def test_openssl_has_post_quantum_keys(self):
        checks = {c["name"]: c for c in json.loads(run("doctor", "--json").stdout)["checks"]}
        self.assertEqual(checks["OpenSSL"]["level"], "ok")
        self.assertIn("OpenSSL 3.5", checks["OpenSSL"]["seen"])

    def test_colours_only_on_a_terminal_that_wants_them(self):
        self.assertNotIn("\033[", run("doctor").stdout)
        self.assertIn("\033[32mok", run_in_terminal("doctor", NO_COLOR=""))
        self.assertNotIn("\033[", run_in_terminal("doctor", NO_COLOR="1"))


if __name__ == "__main__":
    unittest.main()
