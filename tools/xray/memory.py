"""The formulas of src/plan/memory.cpp, for many runs at once. Bytes."""
import numpy as np

from model import heads_here, most_of, query_key_value

GIB = 2.0 ** 30
# By hand and not by least squares, so that what is measured is hardly ever above the prediction:
# what Sailor's devices hold beside tensors, and what torchtitan's allocator reserves.
NUMBERS = {"runtime-gib": 4.3, "reserved": 1.04, "reserve-gib": 2.0}


def layer(c):
    """(kept of a layer and micro-batch, all that it makes)"""
    hidden = c.hidden / np.where(c.sequence_parallel > 0, c.tensor, 1)
    heads = heads_here(c)[0]
    attended = heads * c.head_width
    qkv = query_key_value(c)
    mlp = most_of(c.feed_forward, c.tensor)
    in_fp8 = c.fp8 * c.keeps_fp8_inputs
    all_but_scores = c.tokens * ((8 - 2 * in_fp8 + 2 * c.dropout) * hidden + 2 * qkv
                                 + (2 - in_fp8) * attended + (4 + 2 * c.gated - in_fp8) * mlp)
    kept_scores = (c.attention == "classic") | (c.attention == "unfused")
    scores = c.tokens * heads * np.where(kept_scores, 5 * c.sequence, 4)
    half = c.tokens * (2 * hidden + 2 * attended + qkv + 2 * hidden + 2 * mlp) \
        * np.where(c.pointwise == "compiled", 0.9, 1.0)
    selective = np.where(c.selective == "half-the-products", half, all_but_scores)
    kept = np.select([c.recompute == 2, c.recompute == 1], [2 * c.tokens * hidden, selective],
                     all_but_scores + scores)
    return kept, all_but_scores + scores


def stage(c, layers, number):
    """Live tensors of a stage."""
    kept, everything = layer(c)
    parameters = c.hidden * (query_key_value(c) + heads_here(c)[0] * c.head_width
                             + (2 + c.gated) * most_of(c.feed_forward, c.tensor))
    vocabulary = most_of(c.vocabulary, c.tensor)
    embedding = vocabulary * c.hidden
    at_end = (number == 0) | (number == c.pipeline - 1)
    matrices = np.where(c.pipeline == 1, 2 - c.tied, np.where(at_end, 1, 0))
    held = layers * parameters + matrices * embedding
    ranks = c.data * c.context
    pipelined, two = c.pipeline > 1, c.sharding == 2
    state = held * np.select([c.sharding == 3, two & ~pipelined, c.sharding >= 1],
                             [16 / ranks, 2 + 16 / ranks, 6 + 12 / ranks], c.state_bytes)
    whole = np.where(pipelined, 6 * held, 8 * parameters + (8 - 2 * c.tied) * embedding)
    whole = np.select([c.sharding == 3, two & ~pipelined],
                      [whole, 4 * np.maximum(parameters, embedding)], 0.0)
    plain = np.minimum(c.pipeline - number, c.count)
    turns = c.pipeline * c.virtual_stages
    interleaved = c.pipeline * (1 + (c.pipeline - 1) / turns) - 2 * number / c.virtual_stages
    flying = np.where(c.virtual_stages > 1, np.minimum(interleaved, c.count), plain)
    logits = np.where(number == c.pipeline - 1, c.tokens * vocabulary, 0)
    workspace = np.where(c.recompute > 0, everything, 0) \
        + np.where(c.tensor > 1, c.tokens * c.hidden * c.tensor_workspace_bytes, 0)
    beside = np.where(c.memory_figure == "layers", 0, logits * c.logit_bytes + workspace)
    return state + whole + kept * layers * flying + beside


def use(c, fit):
    live = np.maximum(stage(c, c.first, 0.0 * c.first), stage(c, c.last, c.pipeline - 1))
    inner = stage(c, c.middle, 1.0)
    live = 1.01 * np.where(c.pipeline > 2, np.maximum(live, inner), live)
    leaves_node = (c.context > 1) & (c.context * c.tensor > c.per_node)
    reserved = live * fit["reserved"] + (fit["reserve-gib"]
                                         + np.where(leaves_node, c.context - 1, 0)) * GIB
    return np.select([c.memory_figure == "reserved", c.memory_figure == "device"],
                     [reserved, live + fit["runtime-gib"] * GIB], live)
