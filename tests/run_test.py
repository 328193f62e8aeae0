"""The live job from end to end, with real processes: a tiny model, a few seconds.

usage: run_test.py AXS [unittest arguments]
"""

import json
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

AXS = ""

SITES = ("sfo", "fra", "tyo")
SCENARIO = """
version = 1
name = "tiny"
seed = 3
[model]
layers = 2
heads = 2
width = 32
hidden = 64
context = 32
[train]
tokens = {tokens}
sequences = 3
outer = {{ period = 10, fragments = 2 }}
"""
WORLD = """
[[site]]
name = "{0}"
at = [0, 0]
"""
LINK = """
[[link]]
between = ["{0}", "{1}"]
kind = "wire"
rate = "100 Mb/s"
delay = "{2} ms"
"""


def scenario(tokens, *faults):
    text = SCENARIO.format(tokens=tokens)
    text += "".join(WORLD.format(site) for site in SITES)
    for a, b, delay in (("sfo", "fra", 20), ("sfo", "tyo", 15), ("fra", "tyo", 25)):
        text += LINK.format(a, b, delay)
    return text + "".join(f"\n[[fault]]\n{fault}\n" for fault in faults)


def corpus(size):
    """Text with something to learn in it."""
    draw = random.Random(1)
    words = ["while", "packet", "moves", "slowly", "over", "the", "long", "link", "and", "back"]
    text = ""
    while len(text) < size:
        text += " ".join(draw.choice(words) for _ in range(12)) + ".\n"
    return text


class Run:
    """One run in a folder of its own."""

    def __init__(self, folder, tokens, *faults):
        self.folder = Path(folder)
        self.scenario = self.folder / "tiny.toml"
        self.scenario.write_text(scenario(tokens, *faults))
        (self.folder / "corpus.txt").write_text(corpus(150_000))

    def command(self):
        return [AXS, "run", self.scenario, "--data", self.folder / "corpus.txt",
                "--runs", self.folder / "runs"]

    @property
    def path(self):
        (path,) = (self.folder / "runs").iterdir()
        return path

    def events(self, site):
        lines = (self.path / "sites" / site / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def facts(self, site, kind):
        return [event for event in self.events(site) if event["type"] == kind]


def hashes(run):
    """By sync: the hash at each site."""
    found = {}
    for site in SITES:
        for fact in run.facts(site, "SyncApplied"):
            found.setdefault(fact["sync"], {}).setdefault(site, set()).add(fact["hash"])
    return found


def tensors(path):
    """Name: (shape, bytes) of a safetensors file of float32."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    body = data[8 + size:]
    return {name: (entry["shape"], body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def processes_of(run):
    """The pids of all processes whose command line names the run's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(run.path).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            pass  # It has ended meanwhile.
    return found


class RunTest(unittest.TestCase):
    def check_same_everywhere(self, run):
        """Every sync was merged by every site, with one and the same outcome."""
        merged = hashes(run)
        self.assertGreater(len(merged), 5)
        self.assertEqual(sorted(merged), list(range(len(merged))))
        for sync, sites in merged.items():
            self.assertEqual(set(sites), set(SITES), f"sync {sync}")
            self.assertEqual(len(set.union(*sites.values())), 1, f"sync {sync}: {sites}")

    def check_model(self, run):
        config = json.loads((run.path / "model/config.json").read_text())
        self.assertEqual(config["hidden_size"], 32)
        self.assertTrue((run.path / "model/tokenizer.json").exists())
        found = tensors(run.path / "model/model.safetensors")
        self.assertEqual(found["model.embed_tokens.weight"][0], [256, 32])
        for name, (shape, values) in found.items():
            count = 1
            for dimension in shape:
                count *= dimension
            self.assertEqual(len(values), 4 * count, name)
            numbers = struct.unpack(f"<{count}f", values)
            self.assertTrue(all(abs(number) < 100 for number in numbers), name)

    def check_finished(self, run, outcome):
        said = outcome.stdout + outcome.stderr
        self.assertEqual(outcome.returncode, 0, said)
        self.assertIn("validation loss", outcome.stdout)
        self.check_same_everywhere(run)
        self.check_model(run)
        self.assertEqual(processes_of(run), [])
        for site in SITES:
            self.assertEqual((run.path / "sites" / site / "stage").read_text(), "finished")
            self.assertEqual(run.facts(site, "SiteStopped")[-1]["reason"], "finished")
            exported = run.facts(site, "Exported")
            self.assertEqual(len(exported), 1 if site == "sfo" else 0)
        (evaluated,) = run.facts("sfo", "Evaluated")
        # The whole validation split; untrained, the loss is that of 256 equal bytes, 5.5.
        validation = run.facts("sfo", "WorkerReady")[0]["validation_bytes"]
        self.assertGreater(evaluated["tokens"], 0.9 * validation)
        self.assertLess(evaluated["loss"], 5)

    def test_a_run_ends_by_itself_with_a_model(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, 60_000)
            outcome = subprocess.run(run.command(), capture_output=True, text=True, check=False,
                                     timeout=120)
            self.check_finished(run, outcome)


if __name__ == "__main__":
    AXS = sys.argv.pop(1)
    unittest.main()
