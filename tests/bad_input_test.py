#!/usr/bin/python3
"""Bad input to the axs program: every case ends with exit code 2 (the input is wrong) or 1 (the job
failed) and one clear sentence, and leaves nothing behind.
usage: bad_input_test.py PATH-OF-AXS"""
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

AXS = os.path.abspath(sys.argv.pop(1))

NOBODY = 65534

GOOD = """version = 1
name = "pair"
[model]
preset = "llama-1m"
[train]
tokens = "60k"
[[site]]
name = "sfo"
at = [37.77, -122.42]
[[site]]
name = "fra"
at = [50.11, 8.68]
[[link]]
between = ["sfo", "fra"]
kind = "wire"
rate = "100 Mb/s"
delay = "75 ms"
"""


def run(*arguments, **options):
    return subprocess.run([AXS, *arguments], capture_output=True, text=True, check=False,
                          timeout=60, **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return self.path(name)

    def check_one_sentence(self, outcome, code):
        """What every failure has in common."""
        lines = outcome.stderr.splitlines()
        self.assertEqual((outcome.returncode, len(lines)), (code, 1), outcome.stderr)
        self.assertTrue(lines[0].startswith("axs: "), lines)
        for trace in ("terminate", "what():", "Aborted", "assert", "Error{"):
            self.assertNotIn(trace, lines[0])
        return lines[0].removeprefix("axs: ")

    def refused(self, *arguments, **options):
        """The one sentence about input that is wrong; nothing else is said."""
        outcome = run(*arguments, **options)
        self.assertEqual(outcome.stdout, "")
        return self.check_one_sentence(outcome, 2)

    def as_nobody(self):
        """Options to run as somebody who may not read every file."""
        if os.geteuid() != 0:
            return {}
        os.chmod(self.folder.name, 0o755)
        try:
            run("--version", user=NOBODY)
        except PermissionError:
            self.skipTest("the program lies where only root may start it")
        return {"user": NOBODY}

    def scenario_refused(self, old, new, wanted):
        self.assertIn(old, GOOD)
        path = self.write("job.toml", GOOD.replace(old, new, 1))
        for command in ("twin", "run"):
            said = self.refused(command, path, cwd=self.folder.name)
            self.assertTrue(said.startswith(path), said)
            self.assertIn(wanted, said)
        self.assertEqual(os.listdir(self.folder.name), ["job.toml"])


class Files(Case):
    def test_no_such_scenario(self):
        path = self.path("none.toml")
        self.assertEqual(self.refused("twin", path), f"scenario {path}: no such file")

    def test_a_folder_is_no_scenario(self):
        self.assertEqual(self.refused("twin", self.folder.name),
                         f"scenario {self.folder.name}: not a file")

    def test_an_empty_file_lacks_its_version(self):
        path = self.write("empty.toml", "")
        self.assertEqual(self.refused("twin", path),
                         f"{path}:1: version: missing, want a whole number")

    def test_a_file_that_may_not_be_read(self):
        path = self.write("secret.toml", GOOD)
        os.chmod(path, 0)
        self.assertIn("cannot be read", self.refused("twin", path, **self.as_nobody()))

    def test_a_file_far_too_large(self):
        path = self.write("large.toml", b"#" * (2 << 20))
        self.assertIn("want at most", self.refused("twin", path))

    def test_bytes_that_are_no_text(self):
        for content in (os.urandom(1) * 3 + b"\xff\xfe\x00", b"\x00" * 50, b"\x7fELF" * 20):
            path = self.write("binary.toml", content)
            self.assertTrue(self.refused("twin", path).startswith(f"{path}:1: "))

    def test_tables_nested_without_end(self):
        path = self.write("deep.toml", "a = " + "[" * 100_000)
        self.assertTrue(self.refused("twin", path).startswith(path))

    def test_orbital_elements(self):
        job = self.write("sky.toml", GOOD + """
[sky]
elements = "none.tle"
start = "2025-10-08T12:00:00Z"
""")
        self.assertIn("none.tle: no such file", self.refused("twin", job))
        for content in ("", "hello\n", "1 00005U\n2 00005\n", b"\xff" * 200):
            self.write("none.tle", content)
            self.assertIn("none.tle", self.refused("twin", job))


class Scenarios(Case):
    def test_each_mistake_is_named(self):
        for old, new, wanted in (
                ("version = 1", "version = 7", "this program reads version 1"),
                ("version = 1\n", "", "version: missing"),
                ('name = "pair"', "name = 3.5.7", ":2: "),
                ("tokens", "tokns", "train.tokens: missing"),
                ('"60k"', '"60 MB"', 'count "60 MB"'),
                ('"60k"', '"-60k"', "want a whole number from 1"),
                ('"60k"', '"1e400"', 'count "1e400"'),
                ('"60k"', "[1, 2]", "a list, want text"),
                ('"60k"', "true", "true, want text"),
                ('"llama-1m"', '"gpt-9"', "want one of llama-1m, "),
                ('preset = "llama-1m"', "layers = 0", "0, want 1 to 1000"),
                ('preset = "llama-1m"', "width = 100", "want a multiple of"),
                ('preset = "llama-1m"', "hidden = 100", "want a multiple of 16"),
                ('preset = "llama-1m"', "layers = 1000\nwidth = 65536\nhidden = 65536\nheads = 64",
                 "parameters, 1 fragments of them"),
                ('name = "fra"', 'name = "sfo"', "used twice"),
                ('name = "fra"', 'name = "Frankfurt am Main"', "want lower-case letters"),
                ("[50.11, 8.68]", "[150.11, 8.68]", "want latitude"),
                ("[50.11, 8.68]", "[nan, 8.68]", "want latitude"),
                ("[50.11, 8.68]", "50.11", "want two numbers"),
                ('"100 Mb/s"', '"0 Mb/s"', "want 8 b/s to 1000 Tb/s"),
                ('"100 Mb/s"', '"1e9 Tb/s"', "want 8 b/s to 1000 Tb/s"),
                ('"100 Mb/s"', '"100"', "want one like"),
                ('"75 ms"', '"75 m"', "units ns"),
                ('"75 ms"', '"-75 ms"', "want 0 to"),
                ('"75 ms"', '"100 d"', "want at most 3600 s"),
                ("delay =", "dellay =", "delay: missing"),
                ('delay = "75 ms"', 'delay = "75 ms"\njitter = "90 d"', "want at most 60 s"),
                ('delay = "75 ms"', 'delay = "75 ms"\nloss = 1.5', "want 0 to 1"),
                ('delay = "75 ms"', 'delay = "75 ms"\njiter = "1 ms"', "did you mean jitter"),
                ('"sfo", "fra"', '"sfo", "ams"', 'no site is called "ams"'),
                ('"sfo", "fra"', '"sfo", "sfo"', "want two sites"),
                ('kind = "wire"', 'kind = "radio"', "want one of"),
        ):
            with self.subTest(new=new):
                self.scenario_refused(old, new, wanted)

    def test_faults(self):
        for fault, wanted in (
                ('at = "120%"\nkill = "fra"', "want 0% to 100%"),
                ('at = "soon"\nkill = "fra"', "want a time such as"),
                ('at = "1s"\nkill = "ams"', 'no site is called "ams"'),
                ('at = "1s"\ncut = "sfo-ams"\nfor = "1s"', "is no fibre link"),
                ('at = "1s"\nslow = "fra"\nby = 0\nfor = "1s"', "want 1 to 1000"),
                ('at = "1s"', "want exactly one of cut, slow, kill"),
        ):
            with self.subTest(fault=fault):
                path = self.write("job.toml", GOOD + "[[fault]]\n" + fault + "\n")
                self.assertIn(wanted, self.refused("twin", path))

    def test_a_site_that_no_link_reaches(self):
        path = self.write("job.toml", GOOD + '[[site]]\nname = "tyo"\nat = [35.68, 139.69]\n')
        self.assertIn('no path of one or two links joins "sfo" and "tyo"',
                      self.refused("twin", path))

    def test_one_site_is_a_job(self):
        alone = GOOD[:GOOD.index("[[site]]\nname = \"fra\"")]
        outcome = run("twin", self.write("job.toml", alone))
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))

    def test_many_sites(self):
        def job(count):
            sites = "".join(f'[[site]]\nname = "s{i}"\nat = [0, {i % 90}]\n' for i in range(count))
            links = "".join(
                f'[[link]]\nbetween = ["s0", "s{i}"]\nkind = "wire"\nrate = "1 Gb/s"\n'
                'delay = "5 ms"\n' for i in range(1, count))
            return self.write("many.toml", 'version = 1\nname = "many"\n[train]\ntokens = "30k"\n' +
                              sites + links)
        self.assertEqual(run("config", "show", job(100)).returncode, 0)
        self.assertIn("1000 sites, want at most 256", self.refused("twin", job(1000)))


class Arguments(Case):
    def test_mistyped(self):
        good = self.write("job.toml", GOOD)
        for arguments in (["twni", good], ["twin"], ["twin", good, good],
                          ["twin", good, "--sede", "1"], ["twin", good, "--seed"],
                          ["twin", good, "--seed", "many"], ["twin", good, "--seed", "-1"],
                          ["twin", good, "--seed", "9" * 30], ["doctor", "now"], ["--verbose"],
                          ["agent"], ["agent", self.folder.name], ["config"], ["config", "list"],
                          ["runs"], ["runs", "rm"], ["runs", "ls", "--runs", good],
                          ["runs", "rm", "x", "--keep", "1"], ["runs", "rm", "--keep", "-1"],
                          ["runs", "rm", "--older-than", "soon"], ["metrics"],
                          ["metrics", self.folder.name], ["metrics", "none"]):
            with self.subTest(arguments=arguments):
                self.refused(*arguments)

    def test_elements_without_a_sky(self):
        good = self.write("job.toml", GOOD)
        self.assertIn("has no table [sky]", self.refused("twin", good, "--tle", "x.tle"))

    def test_an_agent_without_its_run(self):
        for command in (["agent", self.path("none"), "--site", "sfo"],
                        ["underlay", self.path("none")]):
            self.assertIn("none", self.check_one_sentence(run(*command), 1))
        self.write("plan", os.urandom(300))
        self.assertIn("plan", self.check_one_sentence(run("underlay", self.folder.name), 1))


class Corpus(Case):
    """`axs run` looks at the text before it makes a run."""

    def corpus_refused(self, data, wanted, **options):
        job = self.write("job.toml", GOOD)
        runs = self.path("runs")
        said = self.refused("run", job, "--data", data, "--runs", runs, **options)
        self.assertTrue(said.startswith(f"--data {data}: "), said)
        self.assertIn(wanted, said)
        self.assertFalse(os.path.exists(runs))

    def test_missing(self):
        self.corpus_refused(self.path("none"), "no such file or folder")

    def test_neither_file_nor_folder(self):
        self.corpus_refused("/dev/null", "neither a file nor a folder")

    def test_empty_folder(self):
        os.mkdir(self.path("texts"))
        self.corpus_refused(self.path("texts"), "0 bytes of text")

    def test_too_small(self):
        self.corpus_refused(self.write("short.txt", "to be\n"), "want at least")

    def test_unreadable(self):
        path = self.write("secret.txt", "x" * 100_000)
        os.chmod(path, 0)
        self.corpus_refused(path, "Permission denied", **self.as_nobody())


class Runs(Case):
    def test_only_a_run_is_listed_and_removed(self):
        os.makedirs(self.path("runs/photos"))
        self.write("runs/photos/cat.jpg", "x" * 10)
        os.makedirs(self.path("runs/torn"))
        self.write("runs/torn/plan", os.urandom(100))
        listed = run("runs", "ls", "--runs", self.path("runs"))
        self.assertEqual((listed.returncode, listed.stderr), (0, ""))
        self.assertRegex(listed.stdout, r"^torn +0.0 MB +damaged\n$")
        for name in ("photos", "none", "..", "../runs/torn"):
            self.assertIn("no such run", self.refused("runs", "rm", name, "--runs",
                                                      self.path("runs")))
        removed = run("runs", "rm", "torn", "--runs", self.path("runs"))
        self.assertEqual((removed.returncode, removed.stdout + removed.stderr), (0, ""))
        self.assertEqual(os.listdir(self.path("runs")), ["photos"])


    def test_a_run_that_no_disk_has_room_for(self):
        """200 sites with a model of some 30 billion parameters: hundreds of terabytes."""
        sites = "".join(f'[[site]]\nname = "s{i}"\nat = [0, {i % 90}]\n' for i in range(200))
        links = "".join(f'[[link]]\nbetween = ["s0", "s{i}"]\nkind = "wire"\nrate = "1 Gb/s"\n'
                        'delay = "5 ms"\n' for i in range(1, 200))
        job = self.write("large.toml", """version = 1
name = "large"
[model]
layers = 64
width = 8192
hidden = 8192
heads = 64
[train]
tokens = "10M"
outer = { fragments = 64, period = 64 }
""" + sites + links)
        outcome = run("run", job, "--runs", self.path("runs"))
        said = self.check_one_sentence(outcome, 1)
        self.assertRegex(said, r"/runs: [0-9.]+ GB free, want [0-9]{6}[0-9.]* GB for workers")
        self.assertFalse(os.path.exists(self.path("runs")))


class Output(Case):
    def test_a_reader_that_has_gone(self):
        job = self.write("job.toml", GOOD)
        for command in (["twin", job], ["--help"], ["config", "show", job]):
            with self.subTest(command=command):
                ours, its = os.pipe()
                os.close(ours)
                outcome = subprocess.run([AXS, *command], stdout=its, stderr=subprocess.PIPE,
                                         text=True, check=False, timeout=60)
                os.close(its)
                # As `head -1` leaves it: ended by the signal, or by an error that says so.
                if outcome.returncode != -signal.SIGPIPE:
                    self.check_one_sentence(outcome, 1)

    def test_a_full_disk_behind_standard_output(self):
        job = self.write("job.toml", GOOD)
        with open("/dev/full", "w", encoding="utf-8") as full:
            outcome = subprocess.run([AXS, "twin", job], stdout=full, stderr=subprocess.PIPE,
                                     text=True, check=False, timeout=60)
        self.assertIn("standard output: cannot be written", self.check_one_sentence(outcome, 1))

    def test_a_folder_of_runs_that_is_a_file(self):
        job = self.write("job.toml", GOOD)
        said = self.check_one_sentence(run("run", job, "--runs", job), 1)
        self.assertIn("job.toml", said)

    def test_a_folder_of_runs_that_may_not_be_written(self):
        job = self.write("job.toml", GOOD)
        said = self.check_one_sentence(run("run", job, "--runs", "/proc/runs"), 1)
        self.assertIn("/proc/runs", said)

    def test_a_full_disk(self):
        """A file that may not grow stands for a disk that is full: the run does not begin."""
        job = self.write("job.toml", GOOD)
        outcome = run("run", job, "--runs", self.path("runs"), preexec_fn=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))))
        self.assertIn("runs/", self.check_one_sentence(outcome, 1))
        left = [name for _, _, files in os.walk(self.path("runs")) for name in files]
        self.assertEqual(left, [])


class Cancellation(Case):
    def test_ctrl_c_ends_a_long_twin(self):
        job = self.write("job.toml", GOOD.replace('"60k"', '"100G"'))
        with subprocess.Popen([AXS, "twin", job], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as twin:
            time.sleep(1)
            self.assertIsNone(twin.poll())
            twin.send_signal(signal.SIGINT)
            out, err = twin.communicate(timeout=20)
        self.assertEqual((twin.returncode, out), (-signal.SIGINT, ""), err)


if __name__ == "__main__":
    unittest.main()
