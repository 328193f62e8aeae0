#!/usr/bin/python3
"""The wrapper ./axs and its steps, in a tree of its own where nothing is installed or built."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = "#!/bin/bash\nprintf '<%s>' \"$@\"\nexit ${PROGRAM_EXIT:-0}\n"
# Stands for all steps: one that says that it has begun, then waits until it may go on.
STEPS = """
run_packages_step() { :; }
run_python_step() { :; }
run_python_ray_step() { echo "the step of Ray" >&2; }
run_openssl_step() { :; }
run_map_step() { :; }
run_build_steps() { run_step "$state/work.stamp" key "Work" work; }
work() {
  echo "$$" >>"$root/begun"
  until [[ -e $root/go ]]; do sleep 0.05; done
  echo "${AXS_LINE-}"
  return "${AXS_WORK_EXIT:-0}"
}
"""


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited for a minute")
        time.sleep(0.02)


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="a tree ")  # A path with a space in it.
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        shutil.copy(ROOT / "axs", self.root / "axs")
        shutil.copytree(ROOT / "tools/setup", self.root / "tools/setup")
        for name in ("src", "cmake", "catalog"):
            (self.root / name).mkdir()
        for name in ("packages.txt", "requirements.txt", "requirements-map.txt", "CMakeLists.txt",
                     "CMakePresets.json"):
            (self.root / name).touch()

    def write_script(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run_axs(self, *arguments, path=None, **options):
        return subprocess.run([path or self.root / "axs", *arguments], capture_output=True,
                              text=True, check=False, **options)


class FastPath(Tree):
    """The program is there and fresh; a set-up would leave the file `called`."""

    def setUp(self):
        super().setUp()
        self.write_script("build/release/bin/axs", PROGRAM)
        self.write_script("tools/setup/main.sh",
                          '#!/bin/bash\necho "$*" >"${0%/tools/*}/called"\nexit 7\n')
        stamp = self.root / "build/release/program.stamp"
        stamp.write_text(f"{self.root}\n", encoding="utf-8")
        later = time.time() + 10  # Farther apart than the file system's clock ticks.
        os.utime(stamp, (later, later))

    def check_runs_program(self, outcome, output):
        self.assertEqual((outcome.stdout, outcome.stderr), (output, ""))
        self.assertFalse((self.root / "called").exists())

    def test_arguments_arrive_unchanged(self):
        outcome = self.run_axs("run", "a b", "", "*", "--flag=ü")
        self.check_runs_program(outcome, "<run><a b><><*><--flag=ü>")

    def test_exit_code_is_the_programs(self):
        outcome = self.run_axs("run", env={**os.environ, "PROGRAM_EXIT": "2"})
        self.assertEqual(outcome.returncode, 2)

    def test_from_another_folder_through_a_link(self):
        with tempfile.TemporaryDirectory() as elsewhere:
            link = Path(elsewhere) / "link"
            link.symlink_to(self.root / "axs")
            self.check_runs_program(self.run_axs("x", path="./link", cwd=elsewhere), "<x>")

    def test_a_changed_source_needs_a_set_up_and_its_failure_ends_the_call(self):
        source = self.root / "src/new.cpp"
        source.touch()
        os.utime(source, (time.time() + 20, time.time() + 20))
        outcome = self.run_axs("run")
        self.assertEqual((outcome.returncode, outcome.stdout), (7, ""))
        self.assertEqual((self.root / "called").read_text(encoding="utf-8"), "program\n")

    def test_a_moved_tree_needs_a_set_up(self):
        (self.root / "build/release/program.stamp").write_text("/elsewhere\n", encoding="utf-8")
        self.assertEqual(self.run_axs("run").returncode, 7)

    def test_bench(self):
        self.write_script("tools/bench/sync", "#!/bin/bash\necho \"sync $*\"\n")
        self.check_runs_program(self.run_axs("bench", "sync", "a"), "sync a\n")
        for wrong in ([], ["snyc"], ["../setup/main.sh"]):
            outcome = self.run_axs("bench", *wrong)
            self.assertEqual(outcome.returncode, 2)
            self.assertIn("no such benchmark, want one of: sync", outcome.stderr)

    def test_setup_takes_no_arguments(self):
        self.assertEqual(self.run_axs("setup", "now").returncode, 2)


class Steps(Tree):
    def setUp(self):
        super().setUp()
        for name in ("packages", "python", "openssl", "map"):
            self.write_script(f"tools/setup/{name}.sh", "")
        self.write_script("tools/setup/build.sh", STEPS)

    def begin(self, **environment):
        return subprocess.Popen(
            [self.root / "tools/setup/main.sh", "program", "announce"], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, **{f"AXS_{k}": v for k, v in environment.items()}})

    def begun(self):
        path = self.root / "begun"
        return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0

    def let_go(self):
        (self.root / "go").touch()

    def finish(self, process):
        output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def test_done_once(self):
        self.let_go()
        for _ in range(2):
            code, _ = self.finish(self.begin())
            self.assertEqual(code, 0)
        self.assertEqual(self.begun(), 1)

    def test_ray_brings_its_own_python_and_builds_nothing(self):
        self.write_script(".axs/venv-ray/bin/python",
                          "#!/bin/bash\nprintf '<%s>' \"$PYTHONPATH\" \"$@\"\n")
        outcome = self.run_axs("ray", "run", "a plan")
        self.assertEqual(outcome.stdout, f"<{self.root}/python><-m><axs.ray><run><a plan>")
        self.assertIn("the step of Ray", outcome.stderr)
        self.assertEqual(self.begun(), 0)

    def test_failure_names_step_log_and_remedy(self):
        self.let_go()
        for line, remedy in (("gcc: No space left on device", "the disk is full"),
                             ("Temporary failure resolving 'x'", "check the network"),
                             ("FAILED: x.o", "the source does not compile"),
                             ("E: strange", "run the same command again")):
            code, output = self.finish(self.begin(WORK_EXIT="3", LINE=line))
            self.assertEqual(code, 1)
            self.assertIn('step "Work" failed', output)
            self.assertIn(f"  | {line}\n", output)
            self.assertRegex(output, f"what to do: .*{remedy}")
            self.assertFalse((self.root / ".axs/work.stamp").exists())

    def test_interrupted_step_is_not_taken_for_done(self):
        process = self.begin()
        wait_for(lambda: self.begun() == 1)
        os.killpg(process.pid, signal.SIGINT)
        code, output = self.finish(process)
        self.assertEqual(code, 130)
        self.assertIn('interrupted in step "Work"', output)
        self.assertFalse((self.root / ".axs/work.stamp").exists())
        self.assertFalse((self.root / ".axs/tmp").exists())
        self.let_go()
        self.assertEqual(self.finish(self.begin())[0], 0)
        self.assertEqual(self.begun(), 2)

    def test_second_call_waits_for_the_first(self):
        first = self.begin()
        wait_for(lambda: self.begun() == 1)
        second = self.begin()
        self.assertIn("waiting for it", second.stdout.readline())
        self.let_go()
        self.assertEqual(self.finish(first)[0], 0)
        self.assertEqual(self.finish(second)[0], 0)
        self.assertEqual(self.begun(), 1)

    def test_the_callers_environment_does_not_reach_a_step(self):
        self.write_script("tools/setup/build.sh",
                          STEPS + 'run_build_steps() { env >"$root/seen"; }\n')
        environment = {**os.environ, "PYTHONPATH": "/x", "CXXFLAGS": "-O0", "PIP_TARGET": "/x",
                       "https_proxy": "http://proxy", "PIP_INDEX_URL": "http://index"}
        subprocess.run([self.root / "tools/setup/main.sh", "program"], env=environment, check=True)
        seen = dict(line.split("=", 1) for line in
                    (self.root / "seen").read_text(encoding="utf-8").splitlines())
        self.assertFalse({"PYTHONPATH", "CXXFLAGS", "PIP_TARGET"} & set(seen))
        self.assertEqual(seen["https_proxy"], "http://proxy")
        self.assertEqual(seen["PIP_INDEX_URL"], "http://index")

    def test_what_lies_behind_a_link_belongs_to_the_tree_that_made_it(self):
        self.let_go()
        self.assertEqual(self.finish(self.begin())[0], 0)
        own = self.root / ".axs"
        with tempfile.TemporaryDirectory() as elsewhere:
            clone = Path(elsewhere) / "clone"
            shutil.copytree(self.root, clone, ignore=shutil.ignore_patterns(".axs", "begun"))
            (clone / ".axs").symlink_to(own)
            for forgotten in (False, True):  # A set-up of an earlier version left no name.
                if forgotten:
                    (own / "owner").unlink()
                before = sorted((path, path.stat().st_mtime_ns) for path in own.rglob("*"))
                outcome = subprocess.run([clone / "tools/setup/main.sh", "program"], check=False,
                                         capture_output=True, text=True)
                self.assertEqual(outcome.returncode, 1)
                self.assertEqual(outcome.stderr.count("\n"), 1)
                self.assertIn(f"which belongs to {self.root} and is left as it is", outcome.stderr)
                after = sorted((path, path.stat().st_mtime_ns) for path in own.rglob("*"))
                self.assertEqual(before, after)
            self.assertFalse((clone / "begun").exists())

    def test_a_link_to_a_folder_of_ones_own_is_no_obstacle(self):
        self.let_go()
        with tempfile.TemporaryDirectory() as disk:
            (self.root / ".axs").symlink_to(disk)
            for _ in range(2):
                self.assertEqual(self.finish(self.begin())[0], 0)
        self.assertEqual(self.begun(), 1)


class Python(Tree):
    """The real step of the Python environment, with nothing to install."""

    def setUp(self):
        super().setUp()
        for name in ("packages", "openssl", "map"):
            self.write_script(f"tools/setup/{name}.sh", "")
        steps = [line for line in STEPS.splitlines() if "run_python_step" not in line]
        self.write_script("tools/setup/build.sh",
                          "\n".join(steps) + "\nrun_build_steps() { :; }\nneed_space() { :; }\n")
        # What it includes is not part of the key, so that the same key can fail and succeed.
        (self.root / "requirements.txt").write_text("-r more.txt\n", encoding="utf-8")
        self.require("")

    def require(self, text):
        (self.root / "more.txt").write_text(text, encoding="utf-8")

    def set_up(self):
        return subprocess.run([self.root / "tools/setup/main.sh", "program"], check=False,
                              capture_output=True, text=True)

    def environments(self):
        return [path for path in (self.root / ".axs").glob("venv?*") if path.is_dir()]

    def test_the_one_before_serves_until_the_new_one_is_whole(self):
        outcome = self.set_up()
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        link = self.root / ".axs/venv"
        first = link.resolve()
        self.assertEqual(self.environments(), [first])
        (link / "python.stamp").unlink()
        (link / "mark").touch()
        self.require("/nowhere/package.whl\n")
        self.assertEqual(self.set_up().returncode, 1)
        self.assertTrue((link / "mark").exists())
        subprocess.run([link / "bin/python", "-m", "pip", "check"], check=True,
                       capture_output=True)
        self.require("")
        self.assertEqual(self.set_up().returncode, 0)
        self.assertNotEqual(link.resolve(), first)
        self.assertEqual(self.environments(), [link.resolve()])
        self.assertTrue((link / "python.stamp").exists())


if __name__ == "__main__":
    unittest.main()
