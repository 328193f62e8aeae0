"""One rank of torch's DistributedDataParallel over Gloo on the job of tools/bench/sync.

usage: ddp.py FOLDER RANK RANKS STEPS ADDRESS PORT

FOLDER is what learn_bench_inputs wrote: the same initial parameters, text and sequences as those of
our workers. Rank 0 prints one JSON object.
"""
import json
import math
import os
import struct
import sys
import time

import numpy
import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

PEAK, FLOOR, WARMUP, CLIP = 1e-3, 1e-4, 100, 1.0
SEQUENCES = 4


def load_safetensors(path):
    raw = open(path, "rb").read()
    (size,) = struct.unpack("<Q", raw[:8])
    tensors = {}
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        values = numpy.frombuffer(raw[begin:end], dtype="<f4").reshape(entry["shape"]).copy()
        tensors[name] = torch.from_numpy(values)
    return tensors


def rotate_half(t):
    first, second = t.chunk(2, -1)
    return torch.cat((-second, first), -1)


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, hidden = config["hidden_size"], config["intermediate_size"]
        self.heads = config["num_attention_heads"]
        epsilon = config["rms_norm_eps"]
        self.input_layernorm = nn.RMSNorm(width, epsilon)
        self.post_attention_layernorm = nn.RMSNorm(width, epsilon)
        self.self_attn = nn.ModuleDict(
            {name: nn.Linear(width, width, bias=False)
             for name in ("q_proj", "k_proj", "v_proj", "o_proj")})
        self.mlp = nn.ModuleDict({
            "gate_proj": nn.Linear(width, hidden, bias=False),
            "up_proj": nn.Linear(width, hidden, bias=False),
            "down_proj": nn.Linear(hidden, width, bias=False)})

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        h = self.input_layernorm(x)
        q, k, v = (self.self_attn[name](h).view(batch, length, self.heads, -1).transpose(1, 2)
                   for name in ("q_proj", "k_proj", "v_proj"))
        q, k = (t * cos + rotate_half(t) * sin for t in (q, k))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.self_attn["o_proj"](attended.transpose(1, 2).reshape(batch, length, width))
        h = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](h)) * self.mlp["up_proj"](h))


class Llama(nn.Module):
    """Loads the names of an exported model; the output layer is the embedding."""

    def __init__(self, config):
        super().__init__()
        assert config["num_key_value_heads"] == config["num_attention_heads"]
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(config["vocab_size"], config["hidden_size"]),
            "layers": nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"])),
            "norm": nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])})
        width = config["hidden_size"] // config["num_attention_heads"]
        base = config.get("rope_theta", 10000.0)
        frequency = base ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
        angle = torch.outer(torch.arange(config["max_position_embeddings"]).float(), frequency)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, tokens, targets):
        x = self.model["embed_tokens"](tokens)
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        for layer in self.model["layers"]:
            x = layer(x, cos, sin)
        logits = self.model["norm"](x) @ self.model["embed_tokens"].weight.T
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def learning_rate(step, steps):
    if step < WARMUP:
        return PEAK * (step + 1) / (WARMUP + 1)
    progress = (step - WARMUP) / (steps - WARMUP)
    return FLOOR + 0.5 * (1 + math.cos(math.pi * progress)) * (PEAK - FLOOR)


def windows(text, begins, context):
    at = torch.as_tensor(begins)[:, None] + torch.arange(context)
    return text[at], text[at + 1]


@torch.no_grad()
def validation_loss(model, text, context):
    """Over the whole text, in windows of one context without overlap."""
    count = (len(text) - 1) // context
    total = 0.0
    for first in range(0, count, 64):
        begins = [w * context for w in range(first, min(first + 64, count))]
        total += model(*windows(text, begins, context)).item() * len(begins)
    return total / count


def loss_on(model, path, context):
    text = torch.from_numpy(numpy.fromfile(path, dtype=numpy.uint8).astype("int64"))
    return validation_loss(model, text, context)


def train(model, folder, rank, ranks, steps):
    text = torch.from_numpy(numpy.fromfile(folder + "/training", dtype=numpy.uint8).astype("int64"))
    positions = numpy.fromfile(folder + "/positions", dtype="<u8").astype("int64")
    positions = positions.reshape(steps, ranks, SEQUENCES)
    parallel = nn.parallel.DistributedDataParallel(model)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(
        [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.1},
         {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}],
        betas=(0.9, 0.99), eps=1e-8)
    context = model.cos.shape[0]
    dist.barrier()
    begin = time.monotonic()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps)
        optimiser.zero_grad()
        parallel(*windows(text, positions[step, rank], context)).backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
    return time.monotonic() - begin


def main():
    folder, rank, ranks, steps, address, port = sys.argv[1:]
    rank, ranks, steps = int(rank), int(ranks), int(steps)
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "axs0"
    dist.init_process_group("gloo", init_method=f"tcp://{address}:{port}", rank=rank,
                            world_size=ranks)
    config = json.load(open(folder + "/initial/config.json"))
    model = Llama(config)
    tensors = load_safetensors(folder + "/initial/model.safetensors")
    model.load_state_dict(tensors)
    seconds = train(model, folder, rank, ranks, steps)
    if rank == 0:
        loss = loss_on(model, folder + "/validation", config["max_position_embeddings"])
        print(json.dumps({"seconds": seconds, "loss": loss}), flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
