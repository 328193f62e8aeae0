"""Published training runs and the catalogue's facts, as inputs of the cost model.

The same reading as src/plan/published_run.cpp, written apart from it, so that one checks the other.
"""
import csv
import math
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np

CATALOG = Path(__file__).parents[2] / "catalog"
RECOMPUTE = {"": 0, "none": 0, "selective": 1, "full": 2}


def catalog(name):
    return tomllib.loads((CATALOG / f"{name}.toml").read_text())


ACCELERATORS = {entry["name"]: entry for entry in catalog("accelerators")["accelerator"]}
SOFTWARE = catalog("software")["software"]
PUBLISHED = catalog("published")


def number(text):
    return float(text) if text else None


def software_of(source):
    """The first entry of which a name is in the source as whole words, whatever stands between its
    letters."""
    def is_in_words(name):
        letters = re.findall("[a-z0-9]", name.lower())
        whole = "(?<![a-z0-9])" + "[^a-z0-9]*".join(letters) + "(?![a-z0-9])"
        return re.search(whole, source.lower())

    def holds(entry):
        names = [entry["match"], *filter(None, entry.get("also", "").split(","))]
        return not entry["match"] or any(map(is_in_words, names))

    return SOFTWARE[-1] | next(filter(holds, SOFTWARE))


def fact(kind, source, model):
    return next((entry for entry in PUBLISHED[kind]
                 if entry.get("source", "") in source and entry["model"] == model), None)


def layer_parameters(run):
    attention = 2 * run.hidden * run.head_width * (run.heads + run.kv_heads)
    return attention + (3 if run.gated else 2) * run.hidden * run.feed_forward


def all_parameters(run):
    embedding = run.vocabulary * run.hidden
    return run.layers * layer_parameters(run) + embedding * (1 if run.tied else 2)


def infer_shape(run, parameters):
    """f = 4 h means a plain MLP, all heads and tied embeddings; otherwise the MLP is gated, and the
    key-value heads and tying are those whose number of parameters is nearest."""
    run.kv_heads, run.gated, run.tied = run.heads, False, True
    if run.feed_forward == 4 * run.hidden:
        return
    best = math.inf
    for kv_heads in (run.heads, 1, 2, 4, 8, 16):
        for tied in (False, True):
            if kv_heads > run.heads or run.heads % kv_heads:
                continue
            tried = SimpleNamespace(**vars(run) | dict(kv_heads=kv_heads, gated=True, tied=tied))
            error = abs(math.log(all_parameters(tried) / parameters))
            error += 0.002 if kv_heads != run.heads else 0
            if error < best:
                best, chosen = error, tried
    vars(run).update(vars(chosen))


def read_shape(run, row):
    known = fact("shape", row["source"], row["model"])
    if known:
        for key, value in known.items():
            setattr(run, key.replace("-", "_"), value)
        run.head_width, run.tied = run.hidden // run.heads, False
        return True
    if not row["layers"]:
        return False
    run.layers, run.hidden, run.heads = (int(row[key]) for key in ("layers", "hidden", "heads"))
    run.feed_forward, run.vocabulary = int(row["ffn_hidden"]), int(row["vocab"])
    run.head_width = run.hidden // run.heads
    infer_shape(run, float(row["model_params_B"]) * 1e9)
    return True


def read_plan(run, row):
    """False if the table does not say how the run was cut."""
    if not row["tp"] or not row["pp"]:
        return False
    run.devices, run.sequence = int(row["n_gpus"]), int(number(row["seq_len"]) or 2048)
    run.tensor, run.pipeline = int(row["tp"]), int(row["pp"])
    run.context = int(row["cp"] or 1)
    run.data = int(row["dp"] or run.devices // (run.tensor * run.pipeline * run.context))
    run.virtual_stages = int(row["vpp"] or 1)
    micro, batch = number(row["micro_batch"]), number(row["global_batch"])
    schedule = fact("schedule", row["source"], row["model"])
    if schedule:
        micro = schedule["micro-batch"]
        if schedule["virtual-layers"]:
            run.virtual_stages = run.layers // run.pipeline // schedule["virtual-layers"]
    if micro is None and run.software["splits-batch-by-stages"]:
        run.virtual_stages = 2 if "Interleaved" in row["notes"] else 1
        micro = batch / run.data / (run.pipeline * run.virtual_stages)
    run.micro_batch = micro
    at_once = micro * run.data
    run.global_batch = round((batch or at_once * 8 * run.pipeline) / at_once) * at_once
    run.recompute = RECOMPUTE[row["recompute"]]
    run.fp8 = row["precision"] == "fp8"
    run.sequence_parallel = row["seq_parallel"] == "y" or run.software["sequence-parallel"]
    run.sharding = int(row["zero_stage"] or 0) or int(run.software["overlaps-data"])
    run.balanced = run.pipeline > 2 and run.software["balances-parameters"]
    run.stages = stages(run)
    return True


def stages(run):
    """Layers of all stages: as many on each, or fewer at the ends if balanced. What is left over
    goes to the first."""
    def even(layers, count):
        return [layers // count + (i < layers % count) for i in range(count)]

    if not run.balanced:
        return even(run.layers, run.pipeline)
    narrow = fact("embedding", "", run.model)
    embedding = run.vocabulary * (narrow["width"] if narrow else run.hidden)
    layer = layer_parameters(run)
    share = (run.layers * layer + 2 * embedding) / run.pipeline
    end = max(1, round((share - embedding) / layer))
    return [end, *even(run.layers - 2 * end, run.pipeline - 2), end]


def suspicion(run, row, figure):
    if "SUSPECT" in row["notes"]:
        return "SUSPECT in the notes"
    for entry in PUBLISHED["suspect"]:
        if (entry["figure"] == figure and entry["source"] in row["source"]
                and entry["model"] == run.model and entry["accelerator"] == row["gpu_type"]
                and entry["devices"] == run.devices and entry["sequence"] == run.sequence):
            return entry["reason"]
    return None


def refine(software, notes):
    """What a row's notes say of the software."""
    software["overlaps-tensor"] |= "AsyncTP" in notes
    if "eager" in notes:
        software["pointwise"] = "eager"


def read(path):
    """(runs, what was left out as (line, source, reason))"""
    runs, left = [], []
    with open(path, encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            run = SimpleNamespace(line=line, model=row["model"],
                                  software=software_of(row["source"]))
            run.source = run.software["name"]
            refine(run.software, row["notes"])
            reason = None
            if row["gpu_type"] not in ACCELERATORS:
                reason = f'accelerator "{row["gpu_type"]}" is not in the catalogue'
            elif not read_shape(run, row):
                reason = "no shape of the model"
            elif not read_plan(run, row):
                reason = "no parallel plan printed"
            if reason:
                left.append((line, run.source, reason))
                continue
            run.accelerator = ACCELERATORS[row["gpu_type"]]
            run.time, run.memory = number(row["step_time_s"]), number(row["peak_mem_gib"])
            run.suspect_time = suspicion(run, row, "time")
            run.suspect_memory = suspicion(run, row, "memory")
            runs.append(run)
    return runs, left


PLAIN = ("layers hidden heads kv_heads head_width feed_forward gated vocabulary tied sequence "
         "devices tensor pipeline data context virtual_stages micro_batch global_batch recompute "
         "fp8 sequence_parallel sharding").split()


def columns(runs):
    """The runs as arrays: one entry for each run, under the names of PLAIN, of the accelerator's
    and of the software's keys."""
    c = SimpleNamespace(**{key: np.array([getattr(r, key) for r in runs], float) for key in PLAIN})
    c.source = np.array([r.source for r in runs])
    c.family = np.array([r.accelerator["family"] for r in runs])
    for key in ("peak-tflops memory-gb-per-s multiprocessors scale-up-gb-per-s per-node power-w "
                "rated-power-w").split():
        setattr(c, key.replace("-", "_"), np.array([r.accelerator[key] for r in runs], float))
    for key in SOFTWARE[-1]:
        if key not in ("name", "match", "evidence", "sequence-parallel"):
            setattr(c, key.replace("-", "_"), np.array([r.software[key] for r in runs]))
    key = "node-network-gb-per-s"
    c.node_rate = 1e9 * np.array([r.software.get(key, r.accelerator[key]) for r in runs])
    c.rails = np.array([r.software.get("rails", r.accelerator["per-node"]) for r in runs])
    # The second stage has most layers of those between the ends.
    c.first, c.middle, c.last = (np.array([pick(r.stages) for r in runs], float) for pick in
                                 (lambda s: s[0], lambda s: s[min(1, len(s) - 1)], lambda s: s[-1]))
    c.time = np.array([r.time or np.nan for r in runs])
    c.memory = np.array([r.memory or np.nan for r in runs])
    c.count = c.global_batch / (c.data * c.micro_batch)
    c.tokens = c.micro_batch * c.sequence / c.context
    return c


def chosen(c, which):
    return SimpleNamespace(**{key: value[which] for key, value in vars(c).items()})
