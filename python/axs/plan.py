"""A plan of X-Ray, as `axs plan JOB.toml --json` prints it (docs/design/031-plan-outputs.md)."""
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

VERSION = 4


class PlanError(ValueError):
    """One sentence: what, where, seen, wanted."""


@dataclass(frozen=True)
class Part:
    """What one tensor group has of each sequence."""

    accelerator: str  # As the catalogue calls it.
    first_token: int
    tokens: int


@dataclass(frozen=True)
class Stage:
    """Layers of a pipeline, on as many tensor groups as sequences have parts."""

    parts: tuple[Part, ...]
    tensor: int  # Devices of a group, which share each layer.
    layers: int


@dataclass(frozen=True)
class Group:
    """Replicas that are alike."""

    site: str
    replicas: int
    micro_batches: int  # Of each replica in a step.
    stages: tuple[Stage, ...]
    crosses_sites: bool


@dataclass(frozen=True)
class Plan:
    job: str
    micro_batch: int  # Sequences.
    context: int  # Parts of a sequence, each on devices of its own.
    groups: tuple[Group, ...]

    @property
    def sites(self):
        """Those that train, in the order of the plan."""
        return tuple(dict.fromkeys(group.site for group in self.groups))

    def at(self, site):
        """The groups of one site. PlanError if nothing is planned there, or if a pipeline leaves
        it: no cluster of one site has the other devices."""
        if site not in self.sites:
            raise PlanError(f'nothing is planned at "{site}", want one of: {", ".join(self.sites)}')
        groups = tuple(group for group in self.groups if group.site == site)
        if any(group.crosses_sites for group in groups):
            raise PlanError(f"{site}: a pipeline that goes on at another site, which nothing "
                            "carries out yet")
        return groups


def read_plan(path):
    """PlanError if the file cannot be read or is no such plan."""
    try:
        plan = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # Of JSON and of UTF-8.
        raise PlanError(f"{path} is not JSON: {error}") from None
    try:
        return _plan(plan)
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from None


def _plan(entry):
    version = _field(entry, "version", int)
    if version != VERSION:
        raise PlanError(f"version {version}, want {VERSION}")
    context = _count(entry, "context")
    sequence = _count(entry, "sequence")
    groups = tuple(_group(group, context, sequence) for group in _field(entry, "groups", list))
    if not groups:
        raise PlanError("no groups of replicas")
    return Plan(_field(entry, "job", str), _count(entry, "micro_batch"), context, groups)


def _group(entry, context, sequence):
    stages = tuple(_stage(stage, context, sequence) for stage in _field(entry, "stages", list))
    if not stages:
        raise PlanError("a group without stages")
    return Group(_field(entry, "site", str), _count(entry, "replicas"),
                 _count(entry, "micro_batches"), stages, bool(_field(entry, "crossings", list)))


def _stage(entry, context, sequence):
    accelerator = _field(entry, "accelerator", str)
    if "parts" in entry:
        held = [(_field(part, "accelerator", str), _count(part, "tokens"))
                for part in _field(entry, "parts", list) for _ in range(_count(part, "groups"))]
    else:  # Alike, but for what the sequence has over.
        held = [(accelerator, sequence // context + (i < sequence % context))
                for i in range(context)]
    if len(held) != context:
        raise PlanError(f"parts: {len(held)} groups, want the {context} parts of a sequence")
    if sum(tokens for _, tokens in held) != sequence:
        raise PlanError(f"parts: {sum(tokens for _, tokens in held)} tokens, want {sequence}")
    firsts = itertools.accumulate((tokens for _, tokens in held), initial=0)
    return Stage(tuple(Part(name, first, tokens)
                       for (name, tokens), first in zip(held, firsts)),
                 _count(entry, "tensor"), _count(entry, "layers"))


def _count(entry, key):
    value = _field(entry, key, int)
    if value < 1:
        raise PlanError(f"{key}: {value}, want 1 or more")
    return value


def _field(entry, key, kind):
    if not isinstance(entry, dict) or type(entry.get(key)) is not kind:
        seen = entry.get(key) if isinstance(entry, dict) else entry
        raise PlanError(f"{key}: {json.dumps(seen)[:60]}, want {NAMES[kind]}")
    return entry[key]


NAMES = {int: "a whole number", str: "a text", list: "a list"}
