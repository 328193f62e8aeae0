"""What several tests of whole programs need."""
import contextlib
import ctypes
import os
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000


def run(*command, check=True):
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what, holds, seconds=30):
    """The first value of holds() that is true; what is not there yet may be missing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, KeyError, subprocess.SubprocessError):
            if found := holds():
                return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def own_network():
    """This process and those that it starts get a loopback of their own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
