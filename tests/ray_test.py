"""A plan on Ray clusters, one for each site, in a network namespace of its own. Needs root.

usage: ray_test.py AXS [unittest arguments]
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from helpers import eventually, own_network
from plan_run_test import JOB, OUTER, STEPS, group
from run_test import corpus

AXS = ""
SKIPPED = 77
ROOT = Path(__file__).parents[1]
RAY = ROOT / ".axs/venv-ray/bin"
TORCH = ROOT / ".axs/venv/bin/python"
ENVIRONMENT = os.environ | {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0",
                            "PYTHONPATH": str(ROOT / "python")}
HEAD = "127.0.0.1:6379"
OTHER_HEAD = "127.0.0.1:6380"

SHOW_PLACE = "import json, os; print(json.dumps(dict(os.environ)))"
ADD_UP = """
import torch, torch.distributed as ranks
ranks.init_process_group("gloo")
own = torch.tensor([float(ranks.get_rank())])
ranks.all_reduce(own)
print(f"sum {own.item():g} of {ranks.get_world_size()}")
ranks.destroy_process_group()
"""
ASK = """
import json, ray, sys
from ray.util.placement_group import placement_group_table
ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(json.dumps(eval(sys.argv[2])))
"""
GROUPS = """[[group["state"], list(group["bundles"].values())]
             for group in placement_group_table().values()]"""


class Clusters:
    """Nodes of Ray that end with the test."""

    def __init__(self):
        self.nodes = []
        self.logs = []
        self.folder = tempfile.TemporaryDirectory(prefix="axs-ray-")

    def start(self, *flags, cpus=2):
        node = subprocess.Popen(
            [RAY / "ray", "start", "--block", f"--num-cpus={cpus}", *flags,
             "--object-store-memory=80000000", "--disable-usage-stats"],
            env=ENVIRONMENT, stdout=self.logs[-1], stderr=self.logs[-1])
        self.nodes.append(node)

    def start_head(self, address, *flags, cpus=2):
        port = address.rpartition(":")[2]
        self.logs.append(open(Path(self.folder.name, f"{port}.log"), "ab", buffering=0))
        self.start("--head", f"--port={port}", "--include-dashboard=false",
                   f"--temp-dir={self.folder.name}/{port}", *flags, cpus=cpus)
        eventually(f"a cluster at {address}", lambda: groups_at(address) == [], 180)

    def stop(self):
        for node in reversed(self.nodes):
            node.terminate()
        for node in self.nodes:
            node.wait(60)
        for log in self.logs:
            log.close()
        self.folder.cleanup()


def asked(address, what):
    """What the cluster there says of itself."""
    done = subprocess.run([RAY / "python", "-c", ASK, address, what], env=ENVIRONMENT, check=False,
                          capture_output=True, text=True, timeout=90)
    return json.loads(done.stdout)


def groups_at(address):
    """Of placement groups: state, and what each bundle reserves. Those that are gone as well."""
    return asked(address, GROUPS)


def stage(accelerator, tensor, layers):
    return {"accelerator": accelerator, "tensor": tensor, "layers": layers}


def plan_of(*stages, replicas=1):
    return {"version": 4, "job": "j", "micro_batch": 2, "context": 1, "sequence": 64, "groups": [
        {"site": "sfo", "replicas": replicas, "micro_batches": 3, "stages": list(stages),
         "crossings": []}]}


class OnDevices(unittest.TestCase):
    """A cluster of a site with two nodes, which say that they have accelerators."""

    @classmethod
    def setUpClass(cls):
        cls.clusters = Clusters()
        cls.addClassCleanup(cls.clusters.stop)
        cls.clusters.start_head(HEAD, "--num-gpus=4", "--labels=ray.io/accelerator-type=H100")
        cls.clusters.start(f"--address={HEAD}", "--num-gpus=2",
                           "--labels=ray.io/accelerator-type=A100")
        eventually("a second node", lambda: asked(HEAD, "len(ray.nodes())") == 2, 180)
        cls.scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="axs-ray-plans-"))

    def command(self, plan, *words, flags=(), address=HEAD):
        file = Path(self.scratch, f"{self.id()}.json")
        file.write_text(json.dumps(plan), encoding="utf-8")
        return [RAY / "python", "-m", "axs.ray", "run", file, "--site", "sfo", "--address",
                address, *flags, "--", *words]

    def run_ray(self, *arguments, **options):
        return subprocess.run(self.command(*arguments, **options), env=ENVIRONMENT, check=False,
                              capture_output=True, text=True, timeout=120)

    def test_each_device_is_told_its_place(self):
        plan = plan_of(stage("H100", 2, 5), stage("A100-80", 1, 3), replicas=2)
        done = self.run_ray(plan, sys.executable, "-c", SHOW_PLACE)
        self.assertEqual(done.returncode, 0, done.stderr)
        places = {}
        for line in done.stdout.splitlines():
            rank, _, text = line.partition("] ")
            place = json.loads(text)
            self.assertEqual(rank, f"[{place['RANK']}")
            places[int(place["RANK"])] = place
        self.assertEqual(sorted(places), list(range(6)))
        seen = [(place["AXS_REPLICA"], place["AXS_STAGE"], place["AXS_LAYERS"],
                 place["LOCAL_RANK"], len(place["CUDA_VISIBLE_DEVICES"].split(",")))
                for _, place in sorted(places.items())]
        self.assertEqual(seen, [("0", "0", "5", "0", 2), ("0", "0", "5", "1", 2),
                                ("1", "0", "5", "0", 2), ("1", "0", "5", "1", 2),
                                ("0", "1", "3", "0", 1), ("1", "1", "3", "0", 1)])
        node_of = [places[rank]["RAY_RAYLET_PID"] for rank in range(6)]
        self.assertEqual([len(set(node_of[:4])), len(set(node_of[4:])), len(set(node_of))],
                         [1, 1, 2])
        devices = {tuple(places[rank]["CUDA_VISIBLE_DEVICES"].split(",")) for rank in (0, 2)}
        self.assertEqual(len({device for own in devices for device in own}), 4)
        self.assertEqual(len({place["MASTER_PORT"] for place in places.values()}), 1)

    def test_torch_finds_its_ranks(self):
        done = self.run_ray(plan_of(stage("H100", 2, 5), stage("H100", 2, 3)), TORCH, "-c", ADD_UP)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(sorted(line for line in done.stdout.splitlines() if "sum" in line),
                         [f"[{rank}] sum 6 of 4" for rank in range(4)])

    def test_one_that_fails_ends_the_others(self):
        done = self.run_ray(plan_of(stage("H100", 1, 4), replicas=3), "bash", "-c",
                            "if ((RANK == 1)); then exit 3; fi; exec sleep 1000")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual([state for state, _ in groups_at(HEAD) if state != "REMOVED"], [])

    def test_it_ends_as_the_command_does(self):
        plan = plan_of(stage("cpu", 1, 4), replicas=2)
        for script, status in (("exit 5", 5), ("kill -9 $$", -9), ("exit 0", 0)):
            done = self.run_ray(plan, "bash", "-c", f"echo here; {script}", flags=["--once"])
            self.assertEqual((done.returncode, done.stdout), (status, "here\n"), done.stderr)
        done = self.run_ray(plan, "/no/such/program", flags=["--once"])
        self.assertEqual(done.returncode, 127)
        self.assertIn("/no/such/program", done.stdout)

    @contextlib.contextmanager
    def sleeping(self):
        """A command that runs: what started it, and its own pid."""
        process = subprocess.Popen(
            self.command(plan_of(stage("cpu", 1, 4)), "bash", "-c", "echo $$; exec sleep 1000",
                         flags=["--once"]), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        with process:
            yield process, int(process.stdout.readline())

    def test_signals_arrive(self):
        with self.sleeping() as (process, _):
            process.send_signal(signal.SIGTERM)
        self.assertEqual(process.returncode, -signal.SIGTERM)

    def test_a_reader_may_leave(self):
        command = self.command(plan_of(stage("cpu", 1, 4)), "yes", flags=["--once"])
        with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.read(4), b"y\ny\n")
            process.stdout.close()
        self.assertEqual(process.returncode, -signal.SIGPIPE)

    def test_nothing_is_left_of_it(self):
        with self.sleeping() as (process, pid):
            process.kill()
        eventually("its command ends", lambda: not Path(f"/proc/{pid}").exists())

    def refusal(self, *arguments, **options):
        done = self.run_ray(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr.splitlines()[-1]

    def test_no_room_and_no_cluster(self):
        wait = ["--wait", "1"]
        said = self.refusal(plan_of(stage("H100", 8, 4)), "true", flags=wait)
        self.assertIn("no room for 1 x 8 GPU (ray.io/accelerator-type=H100) within 1 s; its nodes "
                      "have ", said)
        self.assertIn("1 x 2 CPU + 4 GPU (ray.io/accelerator-type=H100)", said)
        said = self.refusal(plan_of(stage("Zephyr", 2, 4)), "true", flags=wait)
        self.assertIn("no room for 1 x 2 Zephyr within 1 s", said)
        said = self.refusal(plan_of(stage("cpu", 1, 4), replicas=4), "true",
                            flags=[*wait, "--once"])
        self.assertIn("no room for 4 x 1 CPU on one node", said)
        self.assertIn("Connection refused", self.refusal(plan_of(stage("cpu", 1, 4)), "true",
                                                         address="127.0.0.1:6399"))


class OverSites(unittest.TestCase):
    """`axs run` of a plan for two sites, on a cluster of each."""

    @classmethod
    def setUpClass(cls):
        cls.clusters = Clusters()
        cls.addClassCleanup(cls.clusters.stop)
        cls.clusters.start_head(HEAD)
        cls.clusters.start_head(OTHER_HEAD, cpus=1)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="axs-ray-")))
        cls.job = cls.folder / "job.toml"
        cls.job.write_text(JOB)
        cls.corpus = cls.folder / "corpus.txt"
        cls.corpus.write_text(corpus(150_000))
        found = subprocess.run([AXS, "plan", cls.job, "--json"], capture_output=True, check=True)
        plan = json.loads(found.stdout) | {"micro_batch": 2, "outer": OUTER}
        plan["groups"] = [group(plan, "sfo", 2, 2), group(plan, "fra", 1, 2)]
        cls.plan = cls.folder / "plan.json"
        cls.plan.write_text(json.dumps(plan))

    def setUp(self):
        self.runs = Path(tempfile.mkdtemp(dir=self.folder))

    def axs(self, *words):
        return [AXS, "run", *words, "--runs", self.runs]

    def start(self, *words):
        process = subprocess.Popen(self.axs(*words), stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
        self.addCleanup(process.kill)
        return process

    def job_on(self, *clusters):
        return [self.job, "--plan", self.plan, "--data", self.corpus,
                *(word for cluster in clusters for word in ("--ray", cluster))]

    def run_folder(self):
        (plan,) = self.runs.glob("*/plan")
        return plan.parent

    def agent_of(self, site):
        """The pid in the lock that it holds."""
        return int((self.run_folder() / "sites" / site / "lock").read_text())

    def merged(self):
        return [line for file in self.run_folder().glob("sites/*/events.jsonl")
                for line in file.read_text().splitlines() if '"SyncApplied"' in line]

    def check_finished(self, process):
        text, _ = process.communicate(timeout=240)
        self.assertEqual(process.returncode, 0, text)
        for site in ("sfo", "fra"):
            events = (self.run_folder() / "sites" / site / "events.jsonl").read_text()
            (finished,) = [json.loads(line) for line in events.splitlines()
                           if '"SiteFinished"' in line]
            self.assertGreaterEqual(finished["tokens"], STEPS * 12 * 32)
        return text

    def test_each_site_on_its_cluster(self):
        before = self.groups_so_far()
        process = self.start(*self.job_on(f"sfo={HEAD}", f"fra={OTHER_HEAD}"))
        eventually("both sites exchange", lambda: len(self.merged()) > 2, 120)
        for site, address in (("sfo", HEAD), ("fra", OTHER_HEAD)):
            lines = [command_line(pid) for pid in ancestors(self.agent_of(site))]
            (raylet,) = [line for line in lines if "/raylet" in line]
            self.assertIn(f"--gcs-address={address}", raylet)
        text = self.check_finished(process)
        self.assertIn("sfo 2 + 2, fra 2 micro-batches of 2", text)
        self.assertEqual(self.groups_so_far(), [count + 2 for count in before])  # One to ask.

    @staticmethod
    def groups_so_far():
        """That were as the plan wants them at each site, and are given back."""
        return [groups_at(address).count(["REMOVED", [{"CPU": 1.0}] * replicas])
                for address, replicas in ((HEAD, 2), (OTHER_HEAD, 1))]

    def check_comes_back(self, victim):
        process = self.start(*self.job_on(f"fra={OTHER_HEAD}"))
        eventually("both sites exchange", lambda: len(self.merged()) > 2, 120)
        os.kill(victim(), signal.SIGKILL)
        self.assertIn("agent of fra killed by signal 9", self.check_finished(process))

    def test_an_agent_that_is_killed_comes_back(self):
        self.check_comes_back(lambda: self.agent_of("fra"))

    def test_one_whose_starter_is_killed_comes_back(self):
        def starter():
            world = (self.run_folder() / "events.jsonl").read_text().splitlines()
            (started,) = [fact for fact in map(json.loads, world)
                          if fact.get("process") == "agent of fra"]
            return started["pid"]
        self.check_comes_back(starter)

    def test_an_ended_run_goes_on(self):
        process = self.start(*self.job_on(f"sfo={HEAD}"))
        eventually("both sites exchange", lambda: len(self.merged()) > 2, 120)
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, text)
        self.assertIn("go on with", text)
        self.check_finished(self.start("--resume", self.run_folder()))

    def test_what_is_refused(self):
        for words, said in (
                (self.job_on(f"tyo={HEAD}"), 'the plan has no site "tyo", want one of: sfo, fra'),
                (self.job_on("sfo"), "--ray sfo: want SITE=HOST:PORT"),
                (self.job_on(f"sfo={HEAD}", f"sfo={HEAD}"), "this site has a cluster already"),
                ([*self.job_on(f"sfo={HEAD}"), "--ray-python", "/no/python"], "no /no/python"),
                ([self.job, "--ray", f"sfo={HEAD}"], "--ray requires --plan")):
            done = subprocess.run(self.axs(*words), capture_output=True, text=True, check=False,
                                  timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertEqual(list(self.runs.iterdir()), [])

    def test_a_cluster_that_is_not_there(self):
        done = subprocess.run(self.axs(*self.job_on(f"fra={HEAD}", "sfo=127.0.0.1:6399")),
                              capture_output=True, text=True, check=False, timeout=120,
                              env=ENVIRONMENT)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("Connection refused", done.stderr)
        self.assertIn("the cluster of sfo does not take the plan; its starter exited with 1",
                      done.stderr)
        self.assertEqual(list(self.runs.iterdir()), [])


def ancestors(pid):
    while pid > 1:
        yield pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def command_line(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


if __name__ == "__main__":
    AXS = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0:
        sys.exit(SKIPPED)
    own_network()
    unittest.main()
