"""What somebody on the wire sees of a run: every datagram between three real agents and the
emulator, read off the loopback of a network namespace of its own. Needs root.

usage: wire_test.py AXS [unittest arguments]
"""

import collections
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import run_test
from helpers import own_network
from run_test import LINK, SCENARIO, WORLD, Run, corpus

SITES = ("sanfrancisco", "frankfurtammain", "tokyokoto")
SO_RCVBUFFORCE = 33
SKIPPED = 77
# As src/net/packet.h has it.
FIXED_HEADER = 24
HANDSHAKE, SEALED, ENROLMENT = 0x10, 0x11, 0x12
TAG = 16
# What is sought has so many bytes: by chance it comes once in 10^19 places.
RUN = 8


class Capture:
    """Every UDP datagram on the loopback, until it is stopped."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.socket.settimeout(0.2)
        self.seen = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while True:
            try:
                packet = self.socket.recv(1 << 16)
            except TimeoutError:
                if self.over.is_set():
                    return
                continue
            self.seen.append(packet[4 * (packet[0] & 15) + 8:])

    def stop(self):
        self.over.set()
        self.thread.join()
        self.socket.close()
        packets = [packet for datagrams in self.seen for packet in apart(datagrams)]
        # Each goes by on its way into the emulator and out of it, and so again for a relay, which
        # changes the first byte.
        return list({packet[1:]: packet for packet in packets}.values())


def apart(datagrams):
    """The kernel hands over several of equal size at once, the last perhaps shorter: each begins
    with a header."""
    for size in range(FIXED_HEADER, len(datagrams) + 1):
        packets = [datagrams[at:at + size] for at in range(0, len(datagrams), size)]
        if all(is_packet(packet) for packet in packets):
            return packets
    raise ValueError(f"{len(datagrams)} bytes that are no packets: {datagrams[:64].hex()}")


def ends_of(packet):
    """The sites from which and to which it goes."""
    return tuple(int.from_bytes(packet[at:at + 4], "little") for at in (4, 8))


def is_packet(packet):
    """Ten bytes of the header can have few values."""
    return (len(packet) >= FIXED_HEADER and packet[1] in (HANDSHAKE, SEALED, ENROLMENT)
            and packet[0] <= packet[2] <= 3 and max(ends_of(packet)) < len(SITES))


def payload(packet):
    """What follows the documented header, without the tag of a sealed packet."""
    body = packet[FIXED_HEADER + 4 * packet[2]:]
    return body[:-TAG] if packet[1] == SEALED else body


def entropy(counts):
    """In bits for each byte."""
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values())


def windows(data):
    return {data[at:at + RUN] for at in range(len(data) - RUN + 1)}


class WireRun(Run):
    """The tiny job at sites whose names do not come about by chance."""

    def __init__(self, folder, tokens):
        super().__init__(folder, tokens)
        text = SCENARIO.format(tokens=tokens) + "".join(WORLD.format(site) for site in SITES)
        for a, b in ((0, 1), (0, 2), (1, 2)):
            text += LINK.format(SITES[a], SITES[b], 10)
        self.scenario.write_text(text)


class WireTest(unittest.TestCase):
    def test_nothing_can_be_read_on_the_wire(self):
        with tempfile.TemporaryDirectory() as folder:
            run = WireRun(folder, 20_000)
            capture = Capture()
            try:
                outcome = subprocess.run(run.command(), capture_output=True, text=True,
                                         check=False, timeout=120)
            finally:
                packets = capture.stop()
            self.assertEqual(outcome.returncode, 0, outcome.stderr)
            self.check_ways(packets)
            self.check_no_secret(packets, self.secrets(run))
            self.check_random([packet for packet in packets if packet[1] == SEALED])

    def test_what_can_be_read_is_found(self):
        header = bytes((0, SEALED, 0, 0, 0, 0, 0, 0, 1)) + bytes(15)
        noise = random.Random(1).randbytes(1_000)
        known = windows(b"a secret")
        for body, clear in ((noise, False), (noise + b"a secret" + noise, True)):
            packet = header + body + bytes(TAG)
            self.assertEqual(bool(known & windows(payload(packet))), clear)
        sealed = [header + noise[:50] + random.Random(n).randbytes(500) + bytes(TAG)
                  for n in range(2_000)]
        with self.assertRaises(AssertionError):  # Their first bytes are always the same.
            self.check_random(sealed)

    def secrets(self, run):
        """What the sites said to each other, or might have, in runs of 8 bytes."""
        known = windows(corpus(150_000).encode())
        for text in (*SITES, run.path.name, "axs://run/", "sites/", '"SyncApplied"'):
            known |= windows(text.encode())
        applied = [fact for site in SITES for fact in run.facts(site, "SyncApplied")]
        self.assertGreater(len(applied), 15)
        for fact in applied:  # Each site told the others its hash.
            known |= windows(bytes.fromhex(fact["hash"]))
        return known

    def check_ways(self, packets):
        """Enough was seen of every site, to every other."""
        ways = collections.Counter()
        for packet in packets:
            ways[ends_of(packet)] += packet[1] == SEALED
        self.assertEqual(sorted(ways), [(a, b) for a in range(3) for b in range(3) if a != b])
        self.assertGreater(min(ways.values()), 100)

    def check_no_secret(self, packets, known):
        for packet in packets:
            found = known & windows(payload(packet))
            self.assertFalse(found, packet)

    def check_random(self, sealed):
        """All bytes together, and those at one place of each packet: a header within would show."""
        together = collections.Counter()
        places = [collections.Counter() for _ in range(32)]
        for packet in sealed:
            body = payload(packet)
            together.update(body)
            for place, byte in zip(places, body):
                place[byte] += 1
        self.assertGreater(together.total(), 500_000)
        for place in (together, *places):
            # Of n random bytes, entropy falls short by 255 / (2 n ln 2) bits, give or take 9 %.
            self.assertGreater(entropy(place), 8 - 2 * 255 / (2 * place.total() * math.log(2)))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root, for a network namespace")
        sys.exit(SKIPPED)
    run_test.AXS = sys.argv.pop(1)
    own_network()
    unittest.main()
