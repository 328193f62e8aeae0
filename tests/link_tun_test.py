#!/usr/bin/python3
"""A link whose ends are TUN interfaces in two network namespaces, from outside. Needs root.
usage: link_tun_test.py PATH-OF-AXS"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from helpers import eventually, run

AXS = os.path.abspath(sys.argv.pop(1))
SKIPPED = 77
SPACES, ADDRESSES = ("axs-lta", "axs-ltb"), ("10.9.0.1", "10.9.0.2")
SIZE = 20_000_000

RECEIVE = """
import hashlib, socket, sys
server = socket.create_server((sys.argv[1], 5201))
print("ready", flush=True)
connection, _ = server.accept()
digest = hashlib.sha256()
while data := connection.recv(1 << 20):
    digest.update(data)
connection.sendall(digest.digest())
"""
SEND = """
import hashlib, random, socket, sys
data = random.Random(7).randbytes(int(sys.argv[2]))
with socket.create_connection((sys.argv[1], 5201), 20) as connection:
    connection.settimeout(20)
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    print(connection.recv(32) == hashlib.sha256(data).digest())
"""


def inside(space, *command, **options):
    return run("ip", "netns", "exec", space, *command, **options)


class Tun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.join(folder.name, "links")
        for space in SPACES:
            run("ip", "netns", "delete", space, check=False)
            run("ip", "netns", "add", space)
            self.addCleanup(run, "ip", "netns", "delete", space)
        self.axs("create", "sfo", "fra", "--tun", ",".join(ADDRESSES), "--netns", ",".join(SPACES))
        self.addCleanup(self.axs, "rm", "sfo-fra")

    def axs(self, *arguments):
        return run(AXS, "link", *arguments, "--dir", self.folder).stdout

    def ends(self):
        return json.loads(self.axs("stats", "sfo-fra", "--json"))["ends"]

    def state(self):
        return json.loads(self.axs("ls", "--json"))["links"][0]["state"]

    @staticmethod
    def ping(*options):
        return inside(SPACES[0], "ping", "-c", "1", "-W", "2", *options, ADDRESSES[1],
                      check=False).returncode == 0

    @staticmethod
    def mtu(space):
        return json.loads(inside(space, "ip", "-j", "link", "show", "axs0").stdout)[0]["mtu"]

    def test_packets_as_large_as_the_interface_says_pass_and_none_that_are_larger(self):
        # The path is that of the loopback interface: the link's packets grow to their largest.
        eventually("the widest path", lambda: min(map(self.mtu, SPACES)) > 9_000)
        mtu = self.mtu(SPACES[0])
        headers = 20 + 8  # IPv4, ICMP.
        self.assertTrue(self.ping("-M", "do", "-s", str(mtu - headers)))
        self.assertFalse(self.ping("-M", "do", "-s", str(mtu - headers + 1)))

    def test_a_stream_arrives_whole(self):
        server = self.start(SPACES[1], RECEIVE, ADDRESSES[1])
        self.assertEqual(server.stdout.readline(), "ready\n")
        self.assertEqual(inside(SPACES[0], sys.executable, "-c", SEND, ADDRESSES[1],
                                str(SIZE)).stdout, "True\n")
        for end in self.ends().values():
            self.assertGreater(end["wire"]["accepted"], 0)

    def start(self, space, code, *arguments):
        process = subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", code,
                                    *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_packet_with_another_address_does_not_get_out_at_the_far_end(self):
        self.assertTrue(self.ping())
        inside(SPACES[0], "ip", "address", "add", "10.66.0.1/32", "dev", "axs0")
        inside(SPACES[1], "ip", "route", "add", "10.66.0.1/32", "dev", "axs0")
        self.assertFalse(self.ping("-I", "10.66.0.1"))
        eventually("counted", lambda: self.ends()["to"]["tun"]["foreign"] > 0)
        self.assertTrue(self.ping())

    def test_an_interface_that_is_deleted_ends_its_end_with_a_sentence(self):
        inside(SPACES[0], "ip", "link", "delete", "axs0")
        eventually("the end is down", lambda: self.state() == "sfo down")
        self.assertIn("TUN interface axs0: it is gone", self.axs("show", "sfo-fra"))
        self.axs("start", "sfo-fra")
        self.assertTrue(eventually("an answer", self.ping))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(SKIPPED)
    unittest.main()
