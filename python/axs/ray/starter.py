"""What runs in a bundle: starts processes, says what they print and how they end."""
import asyncio
import contextlib
import os
import signal
import socket
from dataclasses import dataclass

OUTPUT_MAX = 1 << 16
QUEUED_MAX = 16


@dataclass(frozen=True)
class Said:
    """What a process has printed: whole lines, but for a last one or a very long one."""

    rank: int
    text: bytes


@dataclass(frozen=True)
class Ended:
    rank: int
    status: int  # As subprocess has it: -9 if signal 9 has killed it.
    why: str = ""  # If it could not be started.


class Starter:
    """An actor that holds one bundle. Its processes die with it."""

    def __init__(self):
        self.processes = []
        self.signals = []  # All that came, for those who are about to start.
        # Ray's workers are nice, for the sake of Ray; what is reserved for us need not be.
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, 0)

    async def meeting_point(self):
        """An address of this node, and a port that is free now."""
        import ray
        address = ray.util.get_node_ip_address()
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            probe.bind((address, 0))
            return address, probe.getsockname()[1]

    async def run(self, command, folder, environments):
        """Starts the command once with each of the environments, over this node's own, and yields
        what comes of it, up to the end of each."""
        said = asyncio.Queue(QUEUED_MAX)  # Who prints faster than anybody reads has to wait.
        tasks = [asyncio.create_task(self._run_one(command, folder, own, said))
                 for own in environments]
        left = len(tasks)
        while left > 0:
            item = await said.get()
            left -= isinstance(item, Ended)
            yield item

    async def signal(self, number):
        self.signals.append(number)
        for process in self.processes:
            send(process, number)

    async def _run_one(self, command, folder, environment, said):
        rank = int(environment.get("RANK", 0))
        ended = Ended(rank, 1, "its starter has failed")
        try:
            process = await self._start(command, folder, environment)
            async for text in _chunks(process.stdout):
                await said.put(Said(rank, text))
            ended = Ended(rank, await process.wait())
        except OSError as error:
            ended = Ended(rank, 127, f"{error.filename}: {error.strerror}")
        finally:  # Whoever listens waits for it.
            await said.put(ended)

    async def _start(self, command, folder, environment):
        """In a process group of its own, so that signals reach what it starts as well."""
        # The kernel ends it when this actor ends, however that ends.
        process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", "--", *command, cwd=folder,
            env=os.environ | environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True)
        self.processes.append(process)
        for number in self.signals:
            send(process, number)
        return process


def send(process, number):
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


async def _chunks(stream):
    """Cut behind the ends of lines, so that those of several processes do not mix."""
    rest = b""
    while data := await stream.read(OUTPUT_MAX):
        rest += data
        end = rest.rfind(b"\n") + 1
        if end == 0 and len(rest) >= OUTPUT_MAX:
            end = len(rest)
        if end > 0:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def exit_like(status):
    """Ends this process as another has ended: with its status, or by its signal."""
    if status < 0:
        with contextlib.suppress(OSError):  # Those that nobody can handle.
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    raise SystemExit(status)
