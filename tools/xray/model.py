"""The formulas of src/plan, for many runs at once. Seconds and bytes."""
import numpy as np

# name: (where the fit starts, width of the prior in the logarithm)
NUMBERS = {
    "A100.products": (0.80, 0.15), "A100.half-depth": (150.0, 0.5),
    "A100.attention": (0.60, 0.2), "A100.memory": (0.75, 0.2),
    "Hopper.products": (0.70, 0.15), "Hopper.half-depth": (250.0, 0.5),
    "Hopper.attention": (0.40, 0.3), "Hopper.memory": (0.70, 0.2),
    "fp8-gain": (1.7, 0.1), "power-exponent": (0.6, 0.4),
    "scale-up": (0.70, 0.2), "network": (0.80, 0.2), "network-latency-s": (20e-6, 0.7),
    "exposed-transfers": (1.0, 0.7), "hiding": (0.7, 0.4), "hiding-cost": (0.3, 0.7),
    "eager-bytes": (1.3, 0.25), "flash1": (0.6, 0.2), "flash3": (1.5, 0.2),
    "shared-rails": (0.25, 0.5), "stragglers": (0.01, 1.0),
}
TILES = ((256, 128, 1.0), (128, 256, 1.0), (128, 128, 0.95), (256, 64, 0.9), (64, 256, 0.9),
         (128, 64, 0.83), (64, 64, 0.7))
HOP = 6e-6


class Machine:
    """The rates that the accelerators of the runs reach."""

    def __init__(self, c, fit):
        def of_family(key):
            return np.where(c.family == "A100", fit[f"A100.{key}"], fit[f"Hopper.{key}"])
        derated = (c.power_w / c.rated_power_w) ** fit["power-exponent"]
        peak = c.peak_tflops * 1e12 * derated
        self.products, self.half_depth = peak * of_family("products"), of_family("half-depth")
        self.attention = peak * of_family("attention")
        self.memory = c.memory_gb_per_s * 1e9 * of_family("memory")
        self.multiprocessors, self.per_node = c.multiprocessors, c.per_node
        self.scale_up = c.scale_up_gb_per_s * 1e9 * fit["scale-up"]
        self.node_rate, self.latency = c.node_rate * fit["network"], fit["network-latency-s"]
        self.fp8_gain = np.where(c.fp8 > 0, fit["fp8-gain"], 1.0)

    def product(self, rows, columns, depth, gain=1.0, batch=1.0):
        best = 0
        for high, wide, efficiency in TILES:
            tiles = np.ceil(rows / high) * np.ceil(columns / wide) * batch
            waves = tiles / self.multiprocessors
            filled = rows * columns * batch / (tiles * high * wide) * waves / np.ceil(waves)
            best = np.maximum(best, efficiency * filled)
        rate = self.products * best * depth / (depth + self.half_depth) * gain
        moved = 2 * batch * (rows * depth + depth * columns + rows * columns)
        return np.maximum(2 * rows * columns * depth * batch / rate, moved / self.memory)

    def one_pass(self, size, ranks, per_node, share=1.0):
        across = ranks > per_node
        cards = np.minimum(self.scale_up, self.node_rate * per_node / self.per_node * share)
        nodes = np.maximum(np.ceil(ranks / per_node), 2)
        latency = HOP * (np.minimum(ranks, per_node) - 1) \
            + np.where(across, self.latency * np.log2(nodes), 0)
        time = (ranks - 1) / ranks * size / np.where(across, cards, self.scale_up) + latency
        return np.where(ranks > 1, time, 0.0)

    def all_reduce(self, size, ranks, per_node, share=1.0):
        nodes = np.maximum(np.ceil(ranks / per_node), 1)
        ring = 2 * self.one_pass(size, ranks, per_node, share)
        layered = 2 * self.one_pass(size, per_node, per_node) \
            + 2 * (nodes - 1) / nodes * size / per_node / (self.node_rate / self.per_node * share) \
            + 2 * self.latency * np.log2(np.maximum(nodes, 2))
        return np.where((ranks > per_node) & (per_node > 1), np.minimum(ring, layered), ring)


def most_of(units, tensor):
    """Of units that are dealt out as evenly as may be, what the device with most has."""
    return np.ceil(units / tensor)


def heads_here(c):
    """(heads of queries, of keys and values) of that device. Keys with all queries that share them
    are a unit; where there are fewer of them than devices, several devices share the queries."""
    queries, more = c.heads // c.kv_heads, c.heads % c.kv_heads
    groups = most_of(c.kv_heads, c.tensor)
    sharing = np.maximum(c.tensor // c.kv_heads, 1)
    shared = most_of(queries + np.minimum(more, 1), sharing)
    whole = groups * queries + np.minimum(groups, more)
    return np.where(c.tensor <= c.kv_heads, whole, shared), groups


def query_key_value(c):
    """Its width on one device, which has one head of keys and values at least."""
    queries, keys = heads_here(c)
    return (queries + 2 * keys) * c.head_width


def shards(c):
    """(outputs, inputs) of a layer's matrices on one device."""
    columns = most_of(c.feed_forward, c.tensor)
    return ((query_key_value(c), c.hidden), (c.hidden, heads_here(c)[0] * c.head_width),
            ((1 + c.gated) * columns, c.hidden), (c.hidden, columns))


def attention(c, fit, machine):
    """(forward, backward, forward of the classic core)"""
    queries, keys = heads_here(c)
    s, width, batch = c.sequence, c.head_width, c.micro_batch * queries
    scores = batch * s * s / c.context
    first, unfused = c.attention == "flash1", c.attention == "unfused"
    third = c.attention == "flash3"
    gain = np.select([first, third & (c.family == "Hopper")], [fit["flash1"], fit["flash3"]], 1.0)
    flash = 4 * scores * width * 0.5 * (1 + 128 / s) / (machine.attention * gain)
    products = machine.product(s, s, width, 1, batch) + machine.product(s, width, s, 1, batch)
    forward = products + scores * np.where(unfused, 0.45 * 130, 9) / machine.memory
    backward = 2 * products + scores * np.where(unfused, 0.55 * 130, 11) / machine.memory
    has_flash = first | third | (c.attention == "flash2")
    around = np.minimum(c.context, np.maximum(machine.per_node // c.tensor, 1))
    ring = machine.one_pass(4 * keys * width * c.tokens * c.context, c.context, around)
    return (np.where(has_flash, flash, forward) + 0.3 * ring,
            np.where(has_flash, 2.5 * np.where(first, 1.6, 1.25) * flash, backward) + 0.6 * ring,
            np.where(has_flash, 0.0, forward))


def pointwise(c, fit, machine, parameters):
    hidden = c.hidden / np.where(c.sequence_parallel > 0, c.tensor, 1)
    mlp, gate = most_of(c.feed_forward, c.tensor), c.gated
    rotated = 4 * query_key_value(c)
    factor = np.select([c.pointwise == "compiled", c.pointwise == "eager"],
                       [0.5, fit["eager-bytes"]], 1.0)
    inputs = 2 * hidden + heads_here(c)[0] * c.head_width + mlp
    cast = np.where(c.fp8 > 0, 3 * c.tokens * inputs, 0.0)
    forward = c.tokens * (22 * hidden + (4 + 2 * gate) * mlp + rotated) * factor + cast
    backward = c.tokens * (32 * hidden + (6 + 3 * gate) * mlp + rotated) * factor + 2 * cast \
        + c.accumulation_bytes * parameters
    return forward / machine.memory, backward / machine.memory


def layer(c, fit, machine, parameters):
    """A micro-batch in one layer."""
    gain = machine.fp8_gain
    forward = [machine.product(c.tokens, out, into, gain) for out, into in shards(c)]
    backward = sum(machine.product(c.tokens, into, out, gain)
                   + machine.product(into, out, c.tokens, gain) for out, into in shards(c))
    attend, attend_back, classic = attention(c, fit, machine)
    point, point_back = pointwise(c, fit, machine, parameters)
    exchange = 2 * machine.all_reduce(2 * c.tokens * c.hidden, c.tensor,
                                      np.minimum(c.tensor, machine.per_node)) \
        * np.where(c.overlaps_tensor, 0.5, 1.0)
    once = sum(forward) + attend + point
    full = once + exchange - np.where(c.stops_early, forward[3] + 0.5 * exchange, 0.0)
    half = np.where(c.selective == "half-the-products", 0.5 * (sum(forward) + point), 0.0)
    selective = np.where(classic > 0, classic, half)
    again = np.select([c.recompute == 2, c.recompute == 1], [full, selective], 0.0)
    device = once + backward + attend_back + point_back + again + 2 * exchange
    host = 3.2e-3 * np.where(c.recompute == 2, 4 / 3, 1.0)
    return np.cbrt(device ** 3 + host ** 3)


def head_and_embedding(c, machine):
    mine = most_of(c.vocabulary, c.tensor)
    loss = c.tokens * np.where(c.gathers_logits, 90 * c.vocabulary, 20 * mine) / machine.memory
    head = machine.product(c.tokens, mine, c.hidden) + machine.product(c.tokens, c.hidden, mine) \
        + machine.product(c.hidden, mine, c.tokens) + loss
    return head, 12 * c.tokens * c.hidden / machine.memory


def sharding_exchange(c, fit, machine, parameters, layer_time):
    """Exposed, of a layer: (of each micro-batch, of the step)"""
    ranks = c.data * c.context
    per_node = np.minimum(ranks, np.maximum(machine.per_node // c.tensor, 1))
    share = np.where(c.single_rail_sharding, 1 / 8, 1.0)
    gradient = np.where(c.single_rail_sharding, 2, 4)
    gather = machine.one_pass(2 * parameters, ranks, per_node, share)
    reduce = machine.one_pass(gradient * parameters, ranks, per_node, share)

    def exposed(exchange):
        hidden = np.minimum(exchange, fit["hiding"] * layer_time)
        return exchange - hidden + fit["hiding-cost"] * hidden * share

    pipelined, sharded = c.pipeline > 1, c.sharding >= 2
    again = np.where(c.sharding == 3, exposed(2 * gather + reduce), exposed(reduce))
    once = np.select([pipelined, c.sharding == 2], [exposed(gather + reduce), exposed(gather)], 0.0)
    return np.where(sharded & ~pipelined, again, 0.0), np.where(sharded, once, 0.0)


def stage_transfers(c, fit, machine):
    across = c.tensor * c.data * c.context >= machine.per_node
    rate = np.where(across, machine.node_rate / machine.per_node, machine.scale_up)
    in_parts = c.partitioned_transfers | (c.sequence_parallel > 0)
    size = 2 * c.tokens * c.hidden / np.where(in_parts, c.tensor, 1)
    once = fit["exposed-transfers"] * 2 * c.virtual_stages * (size / rate + machine.latency)
    return np.where(c.pipeline > 1, once, 0.0)


def pipeline(c, fit, machine, layer_time):
    """All micro-batches through all stages."""
    head, embedding = head_and_embedding(c, machine)
    transfers = stage_transfers(c, fit, machine)
    first, last = c.first * layer_time + embedding, c.last * layer_time + head
    ends = np.where(c.pipeline > 1, np.maximum(first, last),
                    c.layers * layer_time + embedding + head)
    slowest = ends + 0.5 * transfers
    inner = c.middle * layer_time + transfers
    slowest = np.where(c.pipeline > 2, np.maximum(slowest, inner), slowest)
    once = c.layers * layer_time + embedding + head \
        + (c.pipeline - 1) * transfers / c.virtual_stages
    return np.maximum(c.count * slowest + np.maximum(once - slowest, 0) / c.virtual_stages,
                      once + (c.count - 1) * slowest / c.virtual_stages)


def stage_end(c, fit, machine, parameters, layer_time, of_step, layers, embeddings):
    """What a stage does after its last micro-batch."""
    held = parameters * layers + embeddings * most_of(c.vocabulary, c.tensor) * c.hidden
    ranks = c.data * c.context
    per_node = np.minimum(ranks, np.maximum(machine.per_node // c.tensor, 1))
    crowded = (c.rails < machine.per_node) & (per_node > 1) & (per_node < machine.per_node) \
        & (ranks > per_node)
    gradients = machine.all_reduce(2 * held, ranks, per_node,
                                   np.where(crowded, fit["shared-rails"], 1.0))
    hidden = fit["hiding"] * layers * layer_time
    overlapped = np.maximum(0.1 * gradients, gradients - hidden)
    data = np.where(c.sharding >= 2, 0.0, np.where(c.overlaps_data, overlapped, gradients))
    optimizer = 44 * held / np.where(c.sharding > 0, ranks, 1) / machine.memory
    return data + layers * of_step + optimizer


def step_time(c, fit):
    machine = Machine(c, fit)
    parameters = sum(out * into for out, into in shards(c))
    layer_time = layer(c, fit, machine, parameters)
    again, of_step = sharding_exchange(c, fit, machine, parameters, layer_time)

    def end(layers, embeddings):
        return stage_end(c, fit, machine, parameters, layer_time, of_step, layers, embeddings)

    ends = np.where(c.pipeline > 1, np.maximum(end(c.first, 1), end(c.last, 1)),
                    end(c.layers, 2 - c.tied))
    ends = np.where(c.pipeline > 2, np.maximum(ends, end(c.middle, 0)), ends)
    slower = 1 + fit["stragglers"] * np.log2(np.maximum(c.devices / machine.per_node, 1))
    return (pipeline(c, fit, machine, layer_time + again) + ends) * slower + 15e-3
