#!/usr/bin/python3
"""`axs link` from outside: real processes carry real bytes, and say what they promise.
usage: link_test.py PATH-OF-AXS"""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from helpers import eventually, free_port

AXS = os.path.abspath(sys.argv.pop(1))
MARKER = b"a marker that nobody may read on the wire"


def forever(work):
    """Runs `work` again and again in the background, until its socket is closed."""
    def loop():
        with contextlib.suppress(OSError):
            while True:
                work()
    threading.Thread(target=loop, daemon=True).start()


class TcpEcho:
    """Sends back what it gets, and ends when its peer does."""
    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        forever(self.accept)

    def accept(self):
        connection, _ = self.server.accept()
        threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    @staticmethod
    def echo(connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def close(self):
        self.server.close()


class TcpSource:
    """Sends a byte without end, in small pieces, another one to each who connects."""
    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.count = 0
        forever(self.accept)

    def accept(self):
        connection, _ = self.server.accept()
        self.count += 1
        threading.Thread(target=self.pour, args=(connection, bytes([self.count]) * 700),
                         daemon=True).start()

    @staticmethod
    def pour(connection, piece):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(piece)

    def close(self):
        self.server.close()


class TcpSink:
    """Reads what it gets and counts it, by connection."""
    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.got = []
        forever(self.accept)

    def accept(self):
        connection, _ = self.server.accept()
        self.got.append(0)
        threading.Thread(target=self.drain, args=(connection, len(self.got) - 1),
                         daemon=True).start()

    def drain(self, connection, index):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 20):
                self.got[index] += len(data)

    def close(self):
        self.server.close()


class UdpEcho:
    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        forever(self.echo)

    def echo(self):
        data, sender = self.socket.recvfrom(1 << 16)
        self.socket.sendto(data, sender)

    def close(self):
        self.socket.close()


class Relay:
    """Stands between the two ends: delays what passes, keeps a copy of it, loses some of it."""
    def __init__(self, from_at, to_at):
        self.ends = (("127.0.0.1", from_at), ("127.0.0.1", to_at))
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in self.ends]
        for each in self.sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            each.bind(("127.0.0.1", 0))
        self.ports = [each.getsockname()[1] for each in self.sockets]
        self.delay, self.seen, self.waiting, self.closed = 0.0, bytearray(), [], False
        self.lose_every, self.passed = 0, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.closed:
            wait = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else 0.05
            for ready in select.select(self.sockets, [], [], min(wait, 0.05))[0]:
                side = self.sockets.index(ready)
                data = ready.recv(1 << 16)
                self.seen += data
                self.passed += 1
                if self.lose_every and self.passed % self.lose_every == 0:
                    continue
                self.waiting.append((time.monotonic() + self.delay, side, data))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, side, data = self.waiting.pop(0)
                # What came in at the first socket is from the first end, and for the second.
                self.sockets[1 - side].sendto(data, self.ends[1 - side])

    def close(self):
        self.closed = True
        self.thread.join()
        for each in self.sockets:
            each.close()


class Link(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.addCleanup(self.remove_all)

    def axs(self, *arguments):
        return subprocess.run([AXS, "link", *arguments, "--dir", self.links()],
                              capture_output=True, text=True, check=False, timeout=60)

    def links(self):
        return os.path.join(self.folder, "links")

    def good(self, *arguments):
        outcome = self.axs(*arguments)
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""), arguments)
        return outcome.stdout

    def bad(self, sentence, *arguments, code=2):
        outcome = self.axs(*arguments)
        self.assertEqual((outcome.returncode, outcome.stdout), (code, ""), outcome.stderr)
        self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome.stderr)
        self.assertIn(sentence, outcome.stderr)

    def remove_all(self):
        for row in json.loads(self.good("ls", "--json"))["links"]:
            self.good("rm", row["name"])

    def row(self, name="sfo-fra"):
        rows = json.loads(self.good("ls", "--json"))["links"]
        return next(row for row in rows if row["name"] == name)

    def stats(self, name="sfo-fra"):
        return json.loads(self.good("stats", name, "--json"))

    def opened(self, thing):
        self.addCleanup(thing.close)
        return thing

    def carry(self, port, data):
        """Sends the bytes through an echo behind the link and returns what comes back."""
        got = bytearray()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(30)

            def send():
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send, daemon=True)
            sender.start()
            while piece := client.recv(1 << 20):
                got += piece
            sender.join()
        return bytes(got)

    def ask(self, port, data):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.sendto(data, ("127.0.0.1", port))
            return client.recv(1 << 16)

    # What is asked for.

    def test_latency_that_physics_forbids_is_refused(self):
        tcp = ("--tcp", "8080:127.0.0.1:80")
        self.bad("a round trip of 10.0 ms is not possible, want at least 60.9 ms", "create", "sfo",
                 "fra", "--rtt", "10ms", *tcp)
        self.bad("over low earth orbit", "create", "sfo", "fra", "--rtt", "60ms", *tcp)
        self.bad("a stretch of 0.900 is not possible", "create", "sfo", "fra", "--stretch", "0.9",
                 *tcp)
        self.assertFalse(os.path.exists(os.path.join(self.links(), "sfo-fra")))

    def test_bad_input_is_one_sentence(self):
        tcp = ("--tcp", "8080:127.0.0.1:80")
        self.bad("did you mean sfo (San Francisco)?", "create", "sfx", "fra", *tcp)
        self.bad("did you mean tyo (Tokyo)?", "create", "sfo", "tokio", *tcp)
        self.bad("nothing would use it", "create", "sfo", "fra")
        self.bad("want PORT:HOST:PORT", "create", "sfo", "fra", "--tcp", "8080")
        self.bad("want ADDRESS:PORT", "create", "sfo", "fra", "--udp", "80:host:80")
        self.bad("--rate", "create", "sfo", "fra", *tcp, "--rate", "fast")
        self.bad("--class urgent", "create", "sfo", "fra", *tcp, "--class", "urgent")
        self.bad("percentile 100.000", "create", "sfo", "fra", *tcp, "--percentile", "100")
        self.bad("link nowhere: not known", "show", "nowhere")
        self.bad("link ../x: not known", "rm", "../x")
        self.bad("one for each end", "create", "sfo", "fra", "--tun", "10.9.0.1") \
            if os.geteuid() == 0 else \
            self.bad("needs root", "create", "sfo", "fra", "--tun", "10.9.0.1,10.9.0.2")
        garbage = os.path.join(self.folder, "garbage")
        with open(garbage, "wb") as file:
            file.write(os.urandom(100))
        self.bad("no invitation", "join", garbage)

    def test_a_port_in_use_leaves_nothing_behind(self):
        taken = self.opened(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        self.bad(f"TCP port {taken}: bind: Address already in use", "create", "sfo", "fra",
                 "--tcp", f"{taken}:127.0.0.1:80", code=1)
        self.assertEqual(json.loads(self.good("ls", "--json"))["links"], [])

    def test_every_verb_has_help_with_examples(self):
        for verb in ("create", "join", "ls", "show", "stats", "start", "stop", "rm"):
            outcome = subprocess.run([AXS, "link", verb, "--help"], capture_output=True, text=True,
                                     check=False, timeout=60)
            self.assertEqual(outcome.returncode, 0)
            self.assertIn("Examples:", outcome.stdout)

    # What it carries.

    def test_streams_and_datagrams_arrive_whole(self):
        tcp, udp = self.opened(TcpEcho()), self.opened(UdpEcho())
        tcp_port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)
        out = self.good("create", "sfo", "fra", "--tcp", f"{tcp_port}:127.0.0.1:{tcp.port}",
                        "--udp", f"{udp_port}:127.0.0.1:{udp.port}", "--stretch", "1.5")
        self.assertIn("promised: 91.4 ms for 99 % of probes", out)
        self.bad("is there already", "create", "sfo", "fra", "--tcp", "8080:127.0.0.1:80")
        data = os.urandom(50_000_000)
        self.assertTrue(self.carry(tcp_port, data) == data)
        self.assertEqual(self.carry(tcp_port, b""), b"")
        for size in (1, 100, 1400):
            datagram = os.urandom(size)
            self.assertEqual(self.ask(udp_port, datagram), datagram)
        row = eventually("a round trip", lambda: self.row()["rtt_p50_ms"] and self.row())
        self.assertEqual((row["state"], row["breaches"]), ("up", 0))
        shown = json.loads(self.good("show", "sfo-fra", "--json"))
        self.assertAlmostEqual(shown["light_ms"], 60.9, delta=0.1)
        people = self.good("show", "sfo-fra")
        self.assertIn("promised: 91.4 ms", people)
        for end in shown["ends"].values():
            self.assertIn(f"way: {end['way']}, for {end['why_this_way']}\n", people)
        self.assertIn("wire/accepted", self.good("stats", "sfo-fra"))
        eventually("both streams have ended",
                   lambda: self.stats()["ends"]["from"]["tcp"]["streams"] == 0)

    def test_a_target_that_refuses_is_a_connection_reset(self):
        port = free_port()
        self.good("create", "sfo", "fra", "--tcp", f"{port}:127.0.0.1:{free_port()}")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(10)
            self.assertRaises(ConnectionResetError, client.recv, 1)

    def test_a_rate_is_kept(self):
        echo, port = self.opened(TcpEcho()), free_port()
        self.good("create", "sfo", "fra", "--tcp", f"{port}:127.0.0.1:{echo.port}", "--rate",
                  "80Mb/s")
        data = os.urandom(10_000_000)
        begin = time.monotonic()
        self.assertTrue(self.carry(port, data) == data)
        # No faster than the rate; how much slower is the machine's affair.
        self.assertGreater(time.monotonic() - begin, 0.95)

    def upload(self, port):
        """A connection over which somebody sends without end."""
        client = self.opened(socket.create_connection(("127.0.0.1", port)))
        forever(lambda: client.sendall(bytes(1 << 20)))

    def test_an_upload_leaves_the_link_to_others_too(self):
        sink, echo = self.opened(TcpSink()), self.opened(TcpEcho())
        up, ask = free_port(), free_port()
        self.good("create", "sfo", "fra", "--rate", "40Mb/s", "--tcp",
                  f"{up}:127.0.0.1:{sink.port}", "--tcp", f"{ask}:127.0.0.1:{echo.port}")
        self.upload(up)
        eventually("the upload is under way", lambda: sink.got and sink.got[0] > 5_000_000)
        with socket.create_connection(("127.0.0.1", ask)) as client:
            client.settimeout(30)
            times = []
            for _ in range(20):
                begin = time.monotonic()
                client.sendall(b"x" * 100)
                self.assertEqual(len(client.recv(100)), 100)
                times.append(time.monotonic() - begin)
        # The link's delay is nothing and all of what one connection may have under way takes 6 s.
        self.assertLess(sorted(times)[10], 0.5, times)
        self.upload(up)
        eventually("the second upload is under way", lambda: len(sink.got) == 2 and sink.got[1])
        before = list(sink.got)
        eventually("both have sent", lambda: sum(sink.got) - sum(before) > 20_000_000)
        first, second = (last - first for first, last in zip(before, sink.got))
        self.assertLess(max(first, second), 2 * min(first, second))

    def test_an_end_that_is_killed_is_told_of_and_started_again(self):
        echo, port = self.opened(TcpEcho()), free_port()
        self.good("create", "sfo", "fra", "--tcp", f"{port}:127.0.0.1:{echo.port}")
        for side, site in (("to", "fra"), ("from", "sfo")):
            with self.subTest(side):
                pid = eventually("statistics", lambda: self.stats()["ends"][side].get("pid"))
                os.kill(pid, signal.SIGKILL)
                eventually("down", lambda: self.row()["state"] == f"{site} down")
                self.good("start", "sfo-fra")
                eventually("up", lambda: self.row()["state"] == "up")
                data = os.urandom(1_000_000)
                self.assertTrue(eventually("bytes", lambda: self.tried(port, data)) == data)
        self.good("stop", "sfo-fra")
        self.assertEqual(self.row()["state"], "sfo and fra down")
        self.good("rm", "sfo-fra")
        self.assertFalse(os.path.exists(os.path.join(self.links(), "sfo-fra")))

    def test_bytes_of_a_connection_before_a_kill_never_come_after_it(self):
        source, port = self.opened(TcpSource()), free_port()
        self.good("create", "sfo", "fra", "--tcp", f"{port}:127.0.0.1:{source.port}")
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(20)
                first = client.recv(1 << 20)[0]
                pid = eventually("statistics", lambda: self.stats()["ends"]["from"].get("pid"))
                os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    while piece := client.recv(1 << 20):
                        self.assertEqual(set(piece), {first})
            self.good("start", "sfo-fra")
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(20)
                got = bytearray()
                while len(got) < 1_000_000:
                    got += client.recv(1 << 20)
                self.assertEqual(len(set(got)), 1)
                self.assertNotEqual(got[0], first)

    def tried(self, port, data):
        """As carry(), for a link that may still be on its way up."""
        with contextlib.suppress(OSError):
            return self.carry(port, data)
        return None

    # What it keeps to itself, and what it promises.

    def relayed(self, *arguments):
        """A link whose packets pass a relay, which is returned."""
        ends = [free_port(socket.SOCK_DGRAM) for _ in range(2)]
        relay = self.opened(Relay(*ends))
        self.good("create", "sfo", "fra", *arguments, "--from-at", f"127.0.0.1:{ends[0]}",
                  "--to-at", f"127.0.0.1:{ends[1]}", "--from-via", f"127.0.0.1:{relay.ports[0]}",
                  "--to-via", f"127.0.0.1:{relay.ports[1]}")
        return relay, ends

    def test_nothing_is_readable_on_the_wire_and_garbage_is_harmless(self):
        tcp, udp = self.opened(TcpEcho()), self.opened(UdpEcho())
        tcp_port, udp_port = free_port(), free_port(socket.SOCK_DGRAM)
        relay, ends = self.relayed("--tcp", f"{tcp_port}:127.0.0.1:{tcp.port}", "--udp",
                                   f"{udp_port}:127.0.0.1:{udp.port}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for end in ends:
                for size in (0, 1, 24, 40, 200, 1400):
                    stranger.sendto(os.urandom(size), ("127.0.0.1", end))
                # What was said before is no news.
                stranger.sendto(bytes(relay.seen[:1200]), ("127.0.0.1", end))
        data = MARKER * 2000
        self.assertEqual(self.carry(tcp_port, data), data)
        self.assertEqual(self.ask(udp_port, MARKER), MARKER)
        self.assertGreater(len(relay.seen), len(data))
        self.assertNotIn(MARKER[:12], relay.seen)
        self.assertEqual(self.row()["state"], "up")

    def test_packets_are_marked_with_the_class_over_both_kinds_of_address(self):
        kinds = ((socket.AF_INET, "127.0.0.1", "127.0.0.1", socket.IPPROTO_IP, socket.IP_RECVTOS),
                 (socket.AF_INET6, "::1", "[::1]", socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS))
        for family, host, text, level, option in kinds:
            with self.subTest(host), socket.socket(family, socket.SOCK_DGRAM) as far:
                far.bind((host, 0))
                far.settimeout(20)
                far.setsockopt(level, option, 1)
                self.good("create", "sfo", "fra", "--class", "bulk", "--udp", "5300:127.0.0.1:53",
                          "--invite", os.path.join(self.folder, "fra.link"), "--from-at",
                          f"{text}:{free_port(socket.SOCK_DGRAM)}", "--from-via",
                          f"{text}:{far.getsockname()[1]}")
                _, notes, _, _ = far.recvmsg(1 << 16, 64)
                # Lower effort (RFC 8622), in the upper six bits.
                self.assertEqual([data[0] for _, _, data in notes], [1 << 2])
                self.good("rm", "sfo-fra")

    def test_a_lossy_path_loses_nothing_of_a_stream(self):
        tcp, port = self.opened(TcpEcho()), free_port()
        relay, _ = self.relayed("--tcp", f"{port}:127.0.0.1:{tcp.port}")
        relay.lose_every = 5
        data = os.urandom(1_000_000)
        for _ in range(10):
            self.assertTrue(self.carry(port, data) == data)

    def test_a_broken_promise_is_recorded(self):
        relay, _ = self.relayed("--udp", f"{free_port(socket.SOCK_DGRAM)}:127.0.0.1:9", "--rtt",
                                "100ms")
        relay.delay = 0.1
        breach = eventually("a breach", lambda: json.loads(
            self.good("show", "sfo-fra", "--json"))["breaches"], 40)[0]
        self.assertEqual(breach["promised_ms"], 100)
        self.assertTrue(breach["measured_ms"] is None or breach["measured_ms"] > 100)
        self.assertLess(breach["begin"], breach["end"])
        self.assertGreater(breach["probes"], 10)
        self.assertGreaterEqual(self.row()["breaches"], 1)
        self.assertGreaterEqual(self.stats()["breaches"], 1)
        self.assertIn("promised 100.0 ms", self.good("show", "sfo-fra"))

    def test_two_machines_share_a_link_by_an_invitation(self):
        echo, port, udp = self.opened(TcpEcho()), free_port(), free_port(socket.SOCK_DGRAM)
        invitation = os.path.join(self.folder, "fra.link")
        self.bad("want --from-at", "create", "sfo", "fra", "--invite", invitation, "--tcp",
                 f"{port}:127.0.0.1:{echo.port}")
        self.good("create", "sfo", "fra", "--invite", invitation, "--from-at", f"127.0.0.1:{udp}",
                  "--tcp", f"{port}:127.0.0.1:{echo.port}")
        self.assertEqual(os.stat(invitation).st_mode & 0o777, 0o600)
        self.assertEqual(self.row()["state"], "connecting")
        other = os.path.join(self.folder, "other")

        def there(*arguments):
            return subprocess.run([AXS, "link", *arguments, "--dir", other], check=True,
                                  capture_output=True, timeout=60)
        there("join", invitation)
        self.addCleanup(there, "rm", "sfo-fra")
        eventually("up", lambda: self.row()["state"] == "up")
        data = os.urandom(1_000_000)
        self.assertTrue(self.carry(port, data) == data)


if __name__ == "__main__":
    unittest.main()
