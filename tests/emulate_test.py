"""`axs emulate` with real programs: in network namespaces as root, through ports always.

usage: emulate_test.py AXS [unittest arguments]
"""
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from helpers import eventually

AXS = os.path.abspath(sys.argv.pop(1))
ROOT = os.geteuid() == 0

SCENARIO = """
version = 1
name = "two"
[train]
tokens = "1M"
[[site]]
name = "west"
at = [0, 0]
[[site]]
name = "east"
at = [0, 10]
[[link]]
between = ["west", "east"]
kind = "wire"
delay = "20ms"
rate = "100 Mb/s"
[[link]]
between = ["west", "east"]
kind = "fibre"
rate = "100 Mb/s"
[[fault]]
at = "50%"
slow = "east"
by = 2
for = "1s"
"""

# One way there and back by UDP, from inside a namespace.
ECHO = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.bind(("", 9000))
while True:
    data, who = s.recvfrom(2000)
    s.sendto(data, who)
"""


def namespaces():
    return glob.glob("/run/netns/axs-emu-*")


class Base(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.scenario = self.write("two.toml", SCENARIO)

    def tearDown(self):
        self.folder.cleanup()

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def emulate(self, *arguments, limit=60):
        return subprocess.run([AXS, "emulate", *arguments], capture_output=True, text=True,
                              timeout=limit, check=False)

    def start(self, *arguments):
        """The process, and the objects that it prints once all is open."""
        process = subprocess.Popen([AXS, "emulate", *arguments, "--json"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = 1 if "--ports" in arguments else 2
        opened = {}
        for _ in range(lines):
            opened.update(json.loads(process.stdout.readline()))
        return process, opened

    def end(self, process, number=signal.SIGINT):
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0)
        return json.loads(out.splitlines()[-1])["carried"]

    def refused(self, arguments, *wanted):
        done = self.emulate(*arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for text in wanted:
            self.assertIn(text, done.stderr)


class PortsTest(Base):
    def cross(self, opened, link, size=100):
        """A datagram there and back over the ports of a link: the seconds that it took."""
        row = opened["links"][link]
        ends = [tuple(row[key].split(":")) for key in ("a_end", "b_end")]
        a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with a, b:
            for end, (host, port) in zip((a, b), ends):
                end.settimeout(20)
                end.connect((host, int(port)))
            b.send(b"here")  # So that the emulator knows where b is.
            time.sleep(0.05)
            begun = time.monotonic()
            a.send(b"x" * size)
            self.assertEqual(b.recv(2000), b"x" * size)
            b.send(b"y")
            while a.recv(2000) != b"y":
                pass
            return time.monotonic() - begun

    def test_ports_carry_datagrams_with_the_delay_of_the_link(self):
        process, opened = self.start(self.scenario, "--ports")
        self.assertEqual([row["link"] for row in opened["links"]],
                         ["west-east wire", "west-east fibre"])
        self.assertGreaterEqual(self.cross(opened, 0), 0.040)
        carried = self.end(process)
        self.assertEqual(carried[0]["packets"], 1)
        self.assertEqual(carried[1]["packets"], 2)
        self.assertEqual(carried[0]["lost"], 0)

    def test_stated_ports_and_a_stated_time(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = min(probe.getsockname()[1], 65000)
        process, opened = self.start(self.scenario, "--ports", "--first-port", str(first + 10),
                                     "--duration", "300ms")
        self.assertEqual(opened["links"][1]["b_end"], f"127.0.0.1:{first + 13}")
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0)

    def test_a_measured_link_is_never_faster_than_it_was(self):
        delays = self.write("delay.txt", "30\n35\n")
        capacity = self.write("capacity.csv", "t_ms,mbit_per_s\n0,1\n100,2\n")
        process, opened = self.start("--trace", f"{delays},{capacity}", "--ports")
        # 1,000 bytes there at 2 Mb/s take 4 ms at least.
        self.assertGreaterEqual(self.cross(opened, 0, 1000), 0.064)
        self.end(process, signal.SIGTERM)

    def test_a_program_with_ports_gives_its_exit_status(self):
        done = self.emulate(self.scenario, "--ports", "--", "sh", "-c", "echo out; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, "out\n"))
        self.assertIn("faults of the scenario that are left out: 1;", done.stderr)

    def assert_nothing_outlives(self, end):
        """Whatever the program has put into a session of its own ends, once `end` is called."""
        process = subprocess.Popen(
            [AXS, "emulate", self.scenario, "--ports", "--", "sh", "-c",
             "setsid sleep 600 >/dev/null & echo $!; read line"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        grandchild = int(process.stdout.readline())
        end(process)
        process.communicate(timeout=30)
        eventually("its end", lambda: not os.path.exists(f"/proc/{grandchild}"))

    def test_a_program_runs_over_a_measured_link_too(self):
        delays = self.write("delays.txt", "20\n")
        capacity = self.write("capacity.csv", "t_ms,mbit_per_s\n0,50\n100,50\n")
        done = subprocess.run([AXS, "emulate", "--trace", f"{delays},{capacity}", "--ports", "--",
                               "echo", "it", "runs"], capture_output=True, text=True, timeout=30,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "it runs\n"), done.stderr)

    def test_nothing_that_the_program_started_outlives_a_kill(self):
        self.assert_nothing_outlives(lambda process: process.kill())

    def test_nothing_that_the_program_started_outlives_it(self):
        self.assert_nothing_outlives(lambda process: process.stdin.write("go on\n"))

    def test_what_is_wrong_is_said_in_one_sentence(self):
        bad = self.write("bad.txt", "12\nfast\n")
        good = self.write("good.csv", "t_ms,mbit_per_s\n0,1\n100,2\n")
        self.refused([], "no scenario, want a TOML file or --trace")
        self.refused(["--trace", f"{bad},{good}", "--ports"],
                     f"{bad}:2: \"fast\", want a delay from 0 to 60000 ms")
        self.refused(["--trace", bad, "--ports"], "want DELAY,CAPACITY")
        self.refused([self.scenario, "--ports", "--duration", "soon"], "want a time such as 90s")
        self.refused([self.scenario, "--in", "west"], "no command to run there")
        self.refused([self.scenario, "--ports", "--first-port", "65535"], "65535")

    @unittest.skipUnless(ROOT, "needs root to become somebody else")
    def test_without_root_it_says_what_to_do(self):
        os.chmod(self.folder.name, 0o755)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", AXS, "emulate",
                               self.scenario], capture_output=True, text=True, timeout=30,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("network namespaces need root; without it use --ports", done.stderr)


@unittest.skipUnless(ROOT, "network namespaces need root")
class NamespaceTest(Base):
    def test_a_program_in_a_site_reaches_the_other_over_the_link_that_it_names(self):
        process, opened = self.start(self.scenario)
        try:
            east = next(row for row in opened["sites"] if row["site"] == "east")
            inside = ["nsenter", f"--net=/run/netns/{east['namespace']}"]
            echo = subprocess.Popen([*inside, sys.executable, "-c", ECHO])
            ask = ("import socket,sys,time\n"
                   "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(1)\n"
                   "for _ in range(20):\n"
                   "  t=time.monotonic();s.sendto(b'x',(sys.argv[1],9000))\n"
                   "  try: s.recv(10)\n"
                   "  except OSError: continue\n"
                   "  print(time.monotonic()-t);break\n")
            times = {}
            for address in ("10.77.0.2", "10.77.1.2", "10.77.2.2"):
                done = subprocess.run(
                    ["nsenter", "--net=/run/netns/axs-emu-west", sys.executable, "-c", ask,
                     address], capture_output=True, text=True, timeout=60, check=True)
                times[address] = float(done.stdout)
            echo.kill()
            echo.wait()
            self.assertGreaterEqual(times["10.77.1.2"], 0.040)
            self.assertGreaterEqual(times["10.77.2.2"], 0.010)
        finally:
            carried = self.end(process)
        self.assertGreaterEqual(carried[0]["packets"], 2)
        self.assertGreaterEqual(carried[2]["packets"], 1)
        self.assertEqual(namespaces(), [])

    def test_its_exit_status_is_ours_and_nothing_stays(self):
        done = self.emulate(self.scenario, "--in", "west", "--", "sh", "-c",
                            "cat /proc/net/dev | grep -c axs0; exit 3")
        self.assertEqual((done.returncode, done.stdout), (3, "1\n"))
        self.assertEqual(namespaces(), [])
        missing = self.emulate(self.scenario, "--in", "west", "--", "no-such-program")
        self.assertEqual(missing.returncode, 127)
        self.assertIn("no-such-program: No such file", missing.stderr)
        self.refused([self.scenario, "--in", "mars", "--", "true"],
                     "no site is called \"mars\", want one of west, east")
        self.assertEqual(namespaces(), [])

    def test_what_a_killed_one_left_the_next_removes(self):
        process, _ = self.start(self.scenario)
        busy = self.emulate(self.scenario)
        self.assertEqual(busy.returncode, 1)
        self.assertIn("another axs emulate has the namespaces", busy.stderr)
        process.kill()
        process.communicate(timeout=30)
        self.assertEqual(len(namespaces()), 2)
        other = self.write("other.toml", SCENARIO.replace("west", "north"))
        process, _ = self.start(other)
        self.assertEqual(sorted(map(os.path.basename, namespaces())),
                         ["axs-emu-east", "axs-emu-north"])
        self.end(process)
        self.assertEqual(namespaces(), [])

    def test_sites_have_names(self):
        with open("/etc/hosts", encoding="utf-8") as file:
            before = file.read()
        done = self.emulate(self.scenario, "--in", "west", "--", "sh", "-c",
                            "getent hosts east")
        self.assertEqual(done.stdout.split(), ["10.77.0.2", "east"])
        process, _ = self.start(self.scenario)
        found = subprocess.run(["ip", "netns", "exec", "axs-emu-east", "getent", "hosts", "west"],
                               capture_output=True, text=True, check=False, timeout=30)
        self.end(process)
        self.assertEqual(found.stdout.split(), ["10.77.0.1", "west"])
        self.assertEqual(glob.glob("/etc/netns/axs-emu-*"), [])
        with open("/etc/hosts", encoding="utf-8") as file:
            self.assertEqual(file.read(), before)

    def test_the_program_dies_with_the_emulator(self):
        process = subprocess.Popen([AXS, "emulate", self.scenario, "--in", "west", "--", "sh", "-c",
                                    "echo $$; exec sleep 600"], stdout=subprocess.PIPE, text=True)
        child = int(process.stdout.readline())
        process.kill()
        process.communicate(timeout=30)
        eventually("its end", lambda: not os.path.exists(f"/proc/{child}"))


if __name__ == "__main__":
    unittest.main()
