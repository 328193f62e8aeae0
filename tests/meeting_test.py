#!/usr/bin/python3
"""Links whose ends are behind address translation: each in a network namespace of its own, behind a
router that the kernel makes translate, and a meeting point in a third. Needs root.
usage: meeting_test.py PATH-OF-AXS"""
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from helpers import eventually, run

AXS = os.path.abspath(sys.argv.pop(1))
LIBC, CLONE_NEWNET = ctypes.CDLL(None), 0x40000000  # os.setns() is of Python 3.12.
SKIPPED = 77
# In the middle everybody sees everybody; behind each router is one end.
MEETING = "203.0.113.1"
ROUTERS = {"a": "203.0.113.10", "b": "203.0.113.20"}
PORT = 443
MARKER = b"a marker that nobody may read on the wire"


def inside(space, *command, **options):
    return run("ip", "netns", "exec", f"axs-m{space}", *command, **options)


class Spaces:
    """axs-mc in the middle with a bridge, routers axs-mra and axs-mrb, ends axs-ma and axs-mb."""
    def __init__(self):
        self.names = ["c", "ra", "rb", "a", "b"]
        self.close()
        for name in self.names:
            run("ip", "netns", "add", f"axs-m{name}")
            inside(name, "ip", "link", "set", "lo", "up")
        inside("c", "ip", "link", "add", "br0", "type", "bridge")
        inside("c", "ip", "address", "add", f"{MEETING}/24", "dev", "br0")
        inside("c", "ip", "link", "set", "br0", "up")
        for end, address in ROUTERS.items():
            self.add_router(end, address)

    @staticmethod
    def join(left, right):
        """A veth pair between two namespaces; each end is named after where it leads."""
        run("ip", "link", "add", f"to-{right}", "netns", f"axs-m{left}", "type", "veth", "peer",
            "name", f"to-{left}", "netns", f"axs-m{right}")
        inside(left, "ip", "link", "set", f"to-{right}", "up")
        inside(right, "ip", "link", "set", f"to-{left}", "up")

    def add_router(self, end, address):
        router = f"r{end}"
        self.join("c", router)
        self.join(router, end)
        inside("c", "ip", "link", "set", f"to-{router}", "master", "br0")
        inside(router, "ip", "address", "add", f"{address}/24", "dev", "to-c")
        inside(router, "ip", "address", "add", "192.168.1.1/24", "dev", f"to-{end}")
        inside(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        inside(end, "ip", "address", "add", "192.168.1.2/24", "dev", f"to-{router}")
        inside(end, "ip", "route", "add", "default", "via", "192.168.1.1")
        # As routers at home do: nothing comes in that was not asked for.
        self.filter(end, "-A", "INPUT", "-i", "to-c", "-j", "DROP")
        self.filter(end, "-A", "FORWARD", "-i", "to-c", "-m", "conntrack", "--ctstate",
                    "ESTABLISHED", "-j", "ACCEPT")
        self.filter(end, "-A", "FORWARD", "-i", "to-c", "-j", "DROP")

    @staticmethod
    def filter(end, *rule):
        inside(f"r{end}", "iptables-legacy", "-w", *rule)

    def translate(self, end, *how):
        self.filter(end, "-t", "nat", "-F", "POSTROUTING")
        self.filter(end, "-t", "nat", "-A", "POSTROUTING", "-o", "to-c", "-j", "MASQUERADE", *how)

    def block_udp(self, end):
        self.filter(end, "-I", "FORWARD", "-p", "udp", "-j", "DROP")

    def close(self):
        for name in self.names:
            run("ip", "netns", "delete", f"axs-m{name}", check=False)


class UdpEcho:
    """Answers datagrams in a namespace."""
    def __init__(self, space):
        code = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                "s.bind(('127.0.0.1', 5301));\n"
                "while True:\n  data, who = s.recvfrom(65536); s.sendto(data, who)")
        self.process = subprocess.Popen(["ip", "netns", "exec", f"axs-m{space}", "python3", "-c",
                                         code])

    def close(self):
        self.process.kill()
        self.process.wait()


class Meeting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.spaces = self.opened(Spaces())
        self.opened(UdpEcho("b"))
        self.meeting = subprocess.Popen(
            ["ip", "netns", "exec", "axs-mc", AXS, "link", "meet", "--at", f"{MEETING}:{PORT}"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_meeting)
        self.assertIn(f"{MEETING}:{PORT}", self.meeting.stdout.readline())
        self.seen = self.listen()

    def opened(self, thing):
        self.addCleanup(thing.close)
        return thing

    def end_meeting(self):
        self.meeting.send_signal(signal.SIGTERM)
        self.assertEqual(self.meeting.wait(10), 0)
        self.meeting.stdout.close()

    def listen(self):
        """All that crosses the middle, as bytes."""
        seen = bytearray()
        ready = threading.Event()

        def work():
            with open("/run/netns/axs-mc", encoding="ascii") as space:
                self.assertEqual(LIBC.setns(space.fileno(), CLONE_NEWNET), 0)
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
                wire.settimeout(0.1)
                ready.set()
                while not self.deaf:
                    with contextlib.suppress(TimeoutError):
                        seen.extend(wire.recv(1 << 16))
        self.deaf = False
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        ready.wait()

        def end():
            self.deaf = True
            thread.join()
        self.addCleanup(end)
        return seen

    def axs(self, end, *arguments):
        return inside(end, AXS, "link", *arguments, "--dir", os.path.join(self.folder, end))

    def create(self):
        invitation = os.path.join(self.folder, "fra.link")
        self.axs("a", "create", "sfo", "fra", "--meet", f"{MEETING}:{PORT}", "--invite",
                 invitation, "--udp", "5300:127.0.0.1:5301")
        self.addCleanup(self.axs, "a", "rm", "sfo-fra")
        self.axs("b", "join", invitation)
        self.addCleanup(self.axs, "b", "rm", "sfo-fra")

    def ask(self, data):
        code = ("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                "s.settimeout(1); s.sendto(sys.argv[1].encode(), ('127.0.0.1', 5300));"
                "print(s.recv(65536).decode())")
        return inside("a", "python3", "-c", code, data, check=False).stdout.strip() == data

    def told(self, end, what):
        stats = json.loads(self.axs(end, "stats", "sfo-fra", "--json").stdout)
        return stats["ends"]["from" if end == "a" else "to"][what]

    def way(self, end):
        return self.told(end, "way")

    def test_two_ends_behind_translators_go_direct(self):
        for end in ROUTERS:
            self.spaces.translate(end)
        self.create()
        for end in ROUTERS:
            eventually("a direct way", lambda end=end: self.way(end) == "direct")
        # Nobody is needed for it any more.
        self.meeting.send_signal(signal.SIGSTOP)
        self.addCleanup(self.meeting.send_signal, signal.SIGCONT)
        self.assertTrue(eventually("an answer", lambda: self.ask(MARKER.decode())))
        self.assertNotIn(MARKER[:12], self.seen)

    def test_translators_with_a_port_per_partner_leave_the_meeting_point_in_between(self):
        for end in ROUTERS:
            self.spaces.translate(end, "--random-fully")
        self.create()
        self.assertTrue(eventually("an answer", lambda: self.ask(MARKER.decode())))
        self.assertEqual([self.way(end) for end in ROUTERS], ["meeting point"] * 2)
        for end in ROUTERS:
            eventually("a probe that nobody answers", lambda end=end: re.fullmatch(
                r"no probe to \S+ is answered", self.told(end, "why_this_way")))
        self.assertNotIn(MARKER[:12], self.seen)

    def test_where_udp_is_blocked_tcp_carries_the_link(self):
        for end in ROUTERS:
            self.spaces.translate(end)
        self.spaces.block_udp("a")
        self.create()
        self.assertTrue(eventually("an answer", lambda: self.ask(MARKER.decode())))
        self.assertEqual(self.way("a"), "meeting point over TCP")
        self.assertEqual(self.way("b"), "meeting point")
        self.assertNotIn(MARKER[:12], self.seen)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(SKIPPED)
    unittest.main()
