"""The Ray cluster of a site: reserves what a plan wants of it, and runs a command there."""
import asyncio
import contextlib
import inspect
import os
import signal
import socket
import sys
import time

import ray
from ray.exceptions import ActorAlreadyExistsError, RayActorError, RayError
from ray.util.placement_group import (placement_group, placement_group_table,
                                      remove_placement_group)
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from . import starter
from .bundles import AXS_TYPE, dealt_out, world_size

NAMESPACE = "axs"
UNREAD_MAX = 16  # Of what a starter has said.
GRACE_S = 30  # For those that end because another one has failed.


class ClusterError(RuntimeError):
    """One sentence: what, where, seen, wanted."""


def connect(address):
    """`address`: HOST:PORT of the cluster's head, or "auto" for the one of this machine."""
    if address != "auto":
        check_head(address)
    if "bundle_label_selector" not in inspect.signature(placement_group).parameters:
        raise ClusterError(f"Ray {ray.__version__} cannot choose nodes by labels, want 2.60")
    try:
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise ClusterError(f"Ray at {address}: {' '.join(str(error).split())}") from None
    # Nodes import nothing of this package: it may not lie there.
    ray.cloudpickle.register_pickle_by_value(starter)


def check_head(address):
    """Ray itself would go on trying for a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f'Ray at "{address}", want HOST:PORT')
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"Ray at {address}: {error}; want the address of a cluster's head, as "
                           "`ray start --head --port PORT` prints it") from None


@contextlib.contextmanager
def reserved(bundles, on_one_node, wait):
    """A placement group of the bundles, all of them or none, given back at the end. ClusterError
    if the cluster has no room for it within `wait` seconds."""
    says_types = any(AXS_TYPE in node["Labels"] for node in living_nodes())
    labels = [bundle.kind.labels(says_types) for bundle in bundles]
    # One group: two jobs that each had a part of the cluster would wait for each other.
    group = placement_group([bundle.kind.resources for bundle in bundles],
                            strategy="STRICT_PACK" if on_one_node else "PACK",
                            bundle_label_selector=labels if any(labels) else None)
    try:
        if not group.wait(wait):
            raise ClusterError(f"no room for {wanted_text(bundles, labels)}"
                               f"{' on one node' if on_one_node else ''} within {wait:g} s; "
                               f"its nodes have {nodes_text()}")
        yield group
    finally:
        remove_placement_group(group)


def living_nodes():
    return [node for node in ray.nodes() if node["Alive"]]


def counted(texts):
    """As "3 x this, 1 x that", in the order in which they came."""
    return ", ".join(f"{texts.count(text)} x {text}" for text in dict.fromkeys(texts))


def wanted_text(bundles, labels):
    return counted([described(bundle.kind.resources, own)
                    for bundle, own in zip(bundles, labels, strict=True)])


def nodes_text():
    """What they have in all, whoever may use it now."""
    hidden = ("node:", "accelerator_type:")
    texts = []
    for node in living_nodes():
        resources = {name: amount for name, amount in sorted(node["Resources"].items())
                     if not name.startswith(hidden) and "memory" not in name}
        labels = {name: value for name, value in sorted(node["Labels"].items())
                  if name in (AXS_TYPE, "ray.io/accelerator-type")}
        texts.append(described(resources, labels))
    return counted(texts)


def described(resources, labels):
    text = " + ".join(f"{amount:g} {name}" for name, amount in resources.items())
    return text + "".join(f" ({name}={value})" for name, value in labels.items())


class Launch:
    """A command that runs on reserved bundles: once for each device, or once in all."""

    def __init__(self, command, folder, show):
        self.command = command
        self.folder = folder
        self.show = show  # Called with the rank and what it has printed.
        self.starters = []
        self.status = 0  # Of the process that failed first.

    async def open(self, group, index, name=None):
        """An actor for one bundle. Where one of that name still holds on, it is waited for."""
        devices = group.bundle_specs[index]
        actor = ray.remote(starter.Starter).options(
            name=name, num_cpus=devices.get("CPU", 0), num_gpus=devices.get("GPU", 0),
            resources={kind: amount for kind, amount in devices.items()
                       if kind not in ("CPU", "GPU")},
            max_concurrency=1000, scheduling_strategy=PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=index))
        until = time.monotonic() + 30
        while True:
            try:
                return actor.remote()
            except ActorAlreadyExistsError:
                if time.monotonic() > until:
                    raise ClusterError(f'"{name}" runs there already') from None
                await asyncio.sleep(0.2)

    async def run_once(self, group, environment):
        """One process, in the first bundle, for all of them."""
        name = f"{environment['AXS_SITE']}: {' '.join(self.command)}"
        self.starters = [await self.open(group, 0, name)]
        await self.follow_all([[environment]])

    async def run_on_devices(self, group, bundles, plan, site):
        table = placement_group_table(group)["bundles_to_node_id"]
        order = dealt_out(bundles, [table[i] for i in range(len(bundles))])
        self.starters = [await self.open(group, index) for index in order]
        first = min(range(len(bundles)), key=lambda i: bundles[i].first_rank)
        address, port = await self.starters[first].meeting_point.remote()
        meeting = {"MASTER_ADDR": address, "MASTER_PORT": str(port)}
        await self.follow_all([[own | meeting for own in
                                bundle.environments(plan, site, world_size(bundles))]
                               for bundle in bundles])

    async def follow_all(self, environments):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.pass_on, number)
        await asyncio.gather(*(self.follow(own, by_rank) for own, by_rank in
                               zip(self.starters, environments, strict=True)))

    async def follow(self, own, environments):
        stream = own.run.options(
            num_returns="streaming", _generator_backpressure_num_objects=UNREAD_MAX).remote(
            self.command, self.folder, environments)
        try:
            async for item in stream:
                self.hear(await item)
        except RayActorError:  # Its node or its process is gone, and what it had started as well.
            self.fail(-signal.SIGKILL)

    def hear(self, item):
        if isinstance(item, starter.Said):
            self.show(item.rank, item.text)
            return
        if item.why:
            print(f"axs: {item.why}", file=sys.stderr)
        if item.status != 0:
            self.fail(item.status)

    def fail(self, status):
        """The others would wait for the one that has failed."""
        if self.status == 0:
            self.status = status
            self.pass_on(signal.SIGTERM)
            asyncio.get_running_loop().call_later(GRACE_S, self.pass_on, signal.SIGKILL)

    def pass_on(self, number):
        for own in self.starters:
            own.signal.remote(number)


def run(command, plan, site, bundles, address, once, wait):
    """The exit status of the command: of the process that failed first, if one has failed."""
    connect(address)
    try:
        with reserved(bundles, once, wait) as group:
            launch = Launch(command, os.getcwd(), plain if once else labelled)
            if once:
                own = {"AXS_JOB": plan.job, "AXS_SITE": site}
                asyncio.run(launch.run_once(group, own))
            else:
                asyncio.run(launch.run_on_devices(group, bundles, plan, site))
            return launch.status
    except (ClusterError, RayError, ValueError) as error:
        text = " ".join(str(error).split())
        raise ClusterError(f"Ray at {address}, for {site}: {text}") from None
    finally:
        ray.shutdown()


def plain(_, text):
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # Whoever reads has seen enough; Ray ends what runs when we end.
        starter.exit_like(-signal.SIGPIPE)


def labelled(rank, text):
    for line in text.splitlines(keepends=True):
        plain(rank, f"[{rank}] ".encode() + line)
