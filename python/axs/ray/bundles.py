"""What a plan wants of the Ray cluster of a site, worked out without Ray."""
import itertools
from dataclasses import dataclass

from ..plan import Part

# Where Ray counts accelerators of a type, and what it calls them in the label that it gives its
# nodes by itself (ray.util.accelerators; the names of NVIDIA's by what NVML says). What is not here
# is a custom resource of the type's name, which nodes have to be started with.
RAY_TYPE = "ray.io/accelerator-type"
RAY_NAMES = {
    "A100-40": ("GPU", "A100"), "A100-80": ("GPU", "A100"), "A100-PCIe": ("GPU", "A100"),
    "H100": ("GPU", "H100"), "H100-HBM2e-96": ("GPU", "H100"), "H100-PCIe": ("GPU", "H100"),
    "GH200-96": ("GPU", "GH200"), "RTX-4090": ("GPU", "GeForce-RTX-4090"),
    "MI250X-GCD": ("GPU", "AMD-Instinct-MI250X"), "MI300X": ("GPU", "AMD-Instinct-MI300X-OAM"),
    "Gaudi2": ("HPU", "Intel-GAUDI2"),
    **{name: ("GPU", name) for name in ("V100", "A10", "A40", "L40S", "H20", "H200", "H800",
                                        "B200", "GB200", "GB300")},
    **{f"TPU {name}": ("TPU", f"TPU-{name.upper()}") for name in ("v3", "v4", "v5p", "v6e", "v7x")},
    "TPU v5e": ("TPU", "TPU-V5LITEPOD"),
}
# Where a node of a cluster has this label, it says which type its accelerators are of in AXS's
# catalogue: Ray's own names do not tell an H100-PCIe from an H100.
AXS_TYPE = "axs-accelerator"


@dataclass(frozen=True)
class Kind:
    """What a bundle asks for: so many devices of a type, on one node."""

    accelerator: str
    devices: int

    @property
    def word(self):
        """The type as a label or a resource may be called."""
        return self.accelerator.replace(" ", "-")

    @property
    def resources(self):
        if self.accelerator == "cpu":
            return {"CPU": self.devices}
        return {RAY_NAMES.get(self.accelerator, (self.word, None))[0]: self.devices}

    def labels(self, cluster_says_types):
        """The nodes that will do. A custom resource says its type already."""
        if self.accelerator not in RAY_NAMES:
            return {}
        if cluster_says_types:
            return {AXS_TYPE: self.word}
        return {RAY_TYPE: RAY_NAMES[self.accelerator][1]}


@dataclass(frozen=True)
class Bundle:
    """One tensor group. Its devices are those of one node, and are given ranks in turn."""

    kind: Kind
    first_rank: int
    replica: int
    stage: int
    context: int  # Which part of the sequence.
    part: Part
    first_layer: int
    layers: int
    micro_batches: int

    def environments(self, plan, site, world):
        """By device: what a program needs to know of its place. The names without AXS_ are those
        of torchrun; LOCAL_RANK counts the devices that the process can see."""
        common = {"WORLD_SIZE": world, "LOCAL_WORLD_SIZE": self.kind.devices, "AXS_JOB": plan.job,
                  "AXS_SITE": site, "AXS_REPLICA": self.replica, "AXS_STAGE": self.stage,
                  "AXS_CONTEXT": self.context, "AXS_FIRST_TOKEN": self.part.first_token,
                  "AXS_TOKENS": self.part.tokens, "AXS_FIRST_LAYER": self.first_layer,
                  "AXS_LAYERS": self.layers, "AXS_MICRO_BATCH": plan.micro_batch,
                  "AXS_MICRO_BATCHES": self.micro_batches}
        return [{name: str(value) for name, value in
                 (common | {"RANK": self.first_rank + i, "LOCAL_RANK": i}).items()}
                for i in range(self.kind.devices)]


def bundles_of(plan, site):
    """One for each tensor group of the site: replica by replica, those of a pipeline together.

    Ranks are dealt out as Megatron-LM and torchtitan count them: tensor fastest, then context,
    data, and pipeline last; group after group where replicas differ."""
    bundles = []
    first_rank = first_replica = 0
    for group in plan.at(site):
        bundles += _bundles_of_group(group, plan.context, first_rank, first_replica)
        first_replica += group.replicas
        first_rank += group.replicas * plan.context * sum(stage.tensor for stage in group.stages)
    return bundles


def _bundles_of_group(group, context, first_rank, first_replica):
    devices = [group.replicas * context * stage.tensor for stage in group.stages]
    ranks = list(itertools.accumulate(devices, initial=first_rank))
    layers = list(itertools.accumulate((stage.layers for stage in group.stages), initial=0))
    return [Bundle(kind=Kind(part.accelerator, stage.tensor),
                   first_rank=ranks[number] + (replica * context + place) * stage.tensor,
                   replica=first_replica + replica, stage=number, context=place, part=part,
                   first_layer=layers[number], layers=stage.layers,
                   micro_batches=group.micro_batches)
            for replica in range(group.replicas)
            for number, stage in enumerate(group.stages)
            for place, part in enumerate(stage.parts)]


def world_size(bundles):
    return sum(bundle.kind.devices for bundle in bundles)


def dealt_out(bundles, nodes):
    """Which bundle of the placement group each of `bundles` takes, given the node that each of the
    group's bundles, asked for in the same order, came to lie on. Those of a kind may change places,
    and do so that neighbours in the plan are on one node as far as may be: Ray packs nodes, but in
    no order."""
    places = {}
    for index, (bundle, node) in enumerate(zip(bundles, nodes, strict=True)):
        places.setdefault(bundle.kind, []).append((node, index))
    in_order = {kind: iter(sorted(found)) for kind, found in places.items()}
    return [next(in_order[bundle.kind])[1] for bundle in bundles]
