"""What holds for every run, looked at from outside: its metrics, its record, what is killed when,
and what of its folder goes. Real processes, a tiny model.

usage: contracts_test.py AXS [unittest arguments]
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import run_test
from run_test import SITES, Run, processes_of, wait_for

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? '
                    r"([-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf))")
SUFFIXES = {"counter": [""], "gauge": [""], "summary": ["", "_sum", "_count"],
            "histogram": ["_bucket", "_sum", "_count"]}


def axs(*arguments):
    return subprocess.run([run_test.AXS, *arguments], capture_output=True, text=True, check=False,
                          timeout=60)


def parse_page(page):
    """{series: value} of a page in Prometheus' text format; an error names the line that breaks a
    rule: a family has one HELP and one TYPE, in this order, and all its samples behind them."""
    assert page.endswith("\n")
    found, families, family, kind = {}, set(), "", ""
    lines = iter(page[:-1].split("\n"))
    for line in lines:
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in families, f"family in two places: {line}"
            families.add(family)
            kind = next(lines).removeprefix(f"# TYPE {family} ")
            assert kind in SUFFIXES, f"no TYPE behind: {line}"
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample, f"no sample: {line}"
        assert sample[1] in [family + suffix for suffix in SUFFIXES[kind]], f"stray: {line}"
        series = sample[1] + (sample[2] or "")
        assert series not in found, f"twice: {line}"
        found[series] = float(sample[3])
    return found


def alive(pid):
    """Whether it still runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def last(run, site, kind):
    return run.facts(site, kind)[-1]


class ContractsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def check_metrics(self, run):
        printed = axs("metrics", run.path)
        self.assertEqual(printed.returncode, 0, printed.stderr)
        metrics = parse_page(printed.stdout)
        of_run = f'run="{run.path.name}"'
        for process in ("launcher", "controller", "underlay"):
            page = parse_page((run.path / f"{process}.prom").read_text())
            self.assertLessEqual(page.items(), metrics.items())
            self.assertIn(f'axs_process_cpu_seconds_total{{{of_run},process="{process}"}}', page)
        for site in SITES:
            page = parse_page((run.path / "sites" / site / "metrics.prom").read_text())
            self.assertLessEqual(page.items(), metrics.items())
            here = f'{{{of_run},site="{site}"}}'
            self.assertEqual(page[f"axs_sync_applied_total{here}"],
                             len(run.facts(site, "SyncApplied")))
            self.assertEqual(page[f"axs_worker_starts_total{here}"], 1)
        for name in ("axs_agent_packets_sent_total", "axs_path_rtt_seconds", "axs_session_up",
                     "axs_underlay_offered_bytes_total", "axs_worker_tokens_total",
                     "axs_underlay_release_error_seconds_count", "axs_sync_wait_seconds_sum",
                     "axs_controller_term", "axs_run_process_starts_total"):
            self.assertTrue([key for key in metrics if key.startswith(name + "{")], name)

    def check_record(self, run):
        (started,), (built,) = run.facts(None, "RunStarted"), run.facts(None, "BuiltFrom")
        self.assertEqual(started["seed"], 3)
        self.assertRegex(built["commit"], r"^([0-9a-f]{12}(-dirty)?|unknown)$")
        self.assertRegex(built["openssl"], r"^3\.")
        self.assertTrue(built["compiler"] and built["torch"])
        (corpus,) = {last(run, site, "WorkerReady")["corpus"] for site in SITES}
        self.assertRegex(corpus, "^[0-9a-f]{64}$")
        report = (run.path / "report.html").read_text()
        for value in (built["commit"], built["compiler"], built["torch"], built["openssl"], corpus):
            self.assertIn(value, report)

    def check_trace(self, run):
        """From a sync to the messages that carried its contributions, as the sender noted them."""
        for site in SITES:
            applied = {fact["sync"]: [member["site"] for member in fact["members"]]
                       for fact in run.facts(site, "SyncApplied")}
            sent = {(fact["sync"], fact["of"]): fact["message"]
                    for fact in run.facts(site, "ContributionSent")}
            for sync, members in applied.items():
                if site in members:
                    self.assertIn((sync, site), sent)

    def state_of(self, run):
        listed = json.loads(axs("runs", "ls", "--json", "--runs", run.path.parent).stdout)
        (entry,) = listed["runs"]
        return entry["state"]

    def test_a_run_that_has_finished(self):
        run = Run(self.folder, 60_000)
        outcome = subprocess.run(run.command(), capture_output=True, text=True, check=False,
                                 timeout=120)
        self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)
        self.check_metrics(run)
        self.check_record(run)
        self.check_trace(run)
        for site in SITES:  # What every site has merged is kept nowhere.
            self.assertLessEqual(len(list((run.path / "sites" / site / "blobs").iterdir())), 6)
        self.assertEqual(self.state_of(run), "finished")
        runs = run.path.parent
        self.assertIn("removed", axs("runs", "rm", "--older-than", "0s", "--runs", runs).stdout)
        self.assertEqual(list(runs.iterdir()), [])

    def test_a_run_that_is_ended_at_once(self):
        run = Run(self.folder, 2_000_000)
        with subprocess.Popen(run.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as process:
            wait_for(lambda: run.started() and run.facts("tyo", "SyncApplied"), 60)
            self.check_worker_dies_with_its_agent(run, "fra")
            # One agent does not hear the first signal: the run waits for it. The second kills it.
            deaf = last(run, "sfo", "SiteStarted")["pid"]
            os.kill(deaf, signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            wait_for(lambda: last(run, "tyo", "SiteStopped")["reason"] == "asked to stop"
                     if run.facts("tyo", "SiteStopped") else False, 60)
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            output = process.stdout.read()
            self.assertEqual(process.wait(60), 1, output)
        self.assertIn("--resume", output)
        self.assertEqual(processes_of(run), [])
        self.assertEqual(self.state_of(run), "unfinished")
        runs = run.path.parent
        spared = axs("runs", "rm", "--keep", "0", "--runs", runs)
        self.assertEqual((spared.returncode, spared.stdout), (0, "1 that has not finished: kept\n"))
        self.assertEqual(axs("runs", "rm", run.path.name, "--runs", runs).returncode, 0)
        self.assertEqual(list(runs.iterdir()), [])

    def check_worker_dies_with_its_agent(self, run, site):
        worker = last(run, site, "WorkerStarted")["pid"]
        self.assertTrue(alive(worker))
        os.kill(last(run, site, "SiteStarted")["pid"], signal.SIGKILL)
        wait_for(lambda: not alive(worker), 60)
        # Whoever comes after it is fenced off from it by a greater number.
        wait_for(lambda: last(run, site, "SiteStarted")["incarnation"] == 2, 60)
        wait_for(lambda: any(fact["peer"] == site and fact["incarnation"] == 2
                             for fact in run.facts("tyo", "SessionUp")), 60)


if __name__ == "__main__":
    run_test.AXS = sys.argv.pop(1)
    unittest.main()
