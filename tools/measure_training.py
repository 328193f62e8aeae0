#!/usr/bin/env python3
"""Measures training steps of decoder-only transformers on one device: runs that no cost model was
fitted to. On a CUDA device it takes about 130 s; on the CPU two small cases try the script.

    measure_training.py --limit 240 runs.csv && axs plan score runs.csv

The file gets the columns of training-runs.csv and is replaced as a whole after each case. A JSON
line for each follows at once; a case that needs too much memory has a line, but no row. Last come
the rates of products, of attention and of a copy.

What is measured is what catalog/software.toml says of "plain PyTorch": eager operations (compiling
takes longer than measuring), FlashAttention 2, weights in two bytes, gradients added up in four,
master weights and both moments of a fused AdamW in twelve, clipped gradients, no dropout; where
recompute is full, a checkpoint() around each layer, not reentrant, which stops early. A network
four times as wide as the rest makes a GPT: LayerNorm, GELU, learned positions; any other a Llama:
RMSNorm, SwiGLU, rotated positions. Products have no biases. step_time_s is the median of steps,
each waited for, after a warm-up; peak_mem_gib the most that tensors take,
torch.cuda.max_memory_allocated(). The notes have what is reserved.
"""
import argparse
import collections
import csv
import functools
import gc
import json
import os
import statistics
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

COLUMNS = ("source,model,model_params_B,layers,hidden,heads,ffn_hidden,vocab,seq_len,global_batch,"
           "micro_batch,gpu_type,n_gpus,tp,pp,dp,vpp,ep,cp,seq_parallel,zero_stage,recompute,"
           "precision,achieved_tflops_per_gpu,flops_convention,mfu_pct,hfu_pct,step_time_s,"
           "tokens_per_s,peak_mem_gib,seen,memory_cols,derived_cols,notes").split(",")
GIB = 2 ** 30
# Named as the columns are. micro_batches: of a step. tied: the embedding is also the head.
Case = collections.namedtuple(
    "Case", "model layers hidden heads kv_heads ffn_hidden vocab seq_len micro_batch micro_batches "
    "recompute tied", defaults=(1, "none", True))
# A spread from the beginning on, should time run out.
CASES = (
    Case("GPT 1.3B", 24, 2048, 16, 16, 8192, 50304, 2048, 4),
    Case("Llama 1.1B", 22, 2048, 32, 4, 5632, 32000, 2048, 8, tied=False),
    Case("GPT 125M", 12, 768, 12, 12, 3072, 50304, 1024, 16),
    Case("Llama 2.5B", 34, 2560, 20, 4, 6912, 32000, 4096, 2, recompute="full", tied=False),
    Case("GPT 1.6B", 48, 1600, 25, 25, 6400, 50304, 1024, 8),
    Case("Llama 1.1B", 22, 2048, 32, 4, 5632, 32000, 16384, 1, recompute="full", tied=False),
    Case("Qwen 0.5B", 24, 896, 14, 2, 4864, 151936, 4096, 2),
    Case("GPT 350M", 24, 1024, 16, 16, 4096, 50304, 2048, 4, 4),
    Case("Llama 1.1B", 22, 2048, 32, 4, 5632, 32000, 8192, 1, tied=False),
    Case("GPT 2.5B", 30, 2560, 32, 32, 10240, 50304, 1024, 1),
    Case("GPT 1.3B", 24, 2048, 16, 16, 8192, 50304, 2048, 16, recompute="full"),
    Case("Llama 0.9B", 24, 1728, 27, 27, 4608, 32000, 2048, 4, tied=False),
    Case("GPT 760M", 24, 1536, 16, 16, 6144, 50304, 2048, 8),
    Case("Llama 1.1B", 22, 2048, 32, 4, 5632, 32000, 2048, 2, 4, tied=False),
    Case("Qwen 1.5B", 28, 1536, 12, 2, 8960, 151936, 2048, 4, recompute="full"),
    Case("GPT 350M", 24, 1024, 16, 16, 4096, 50304, 8192, 2, recompute="full"),
    Case("Llama 160M", 12, 768, 12, 12, 2048, 32000, 1024, 16, tied=False),
    Case("GPT 2.5B", 30, 2560, 32, 32, 10240, 50304, 2048, 2, 4, recompute="full"),
)
SMALL_CASES = (Case("GPT small", 2, 64, 4, 4, 256, 512, 64, 2),
               Case("Llama small", 2, 96, 6, 2, 256, 512, 64, 1, 4, recompute="full", tied=False))


def is_gated(case):
    return case.ffn_hidden != 4 * case.hidden


class Layer(nn.Module):
    def __init__(self, case):
        super().__init__()
        hidden, self.head_width, self.gated = case.hidden, case.hidden // case.heads, is_gated(case)
        self.parts = [n * self.head_width for n in (case.heads, case.kv_heads, case.kv_heads)]
        norm = nn.RMSNorm if self.gated else nn.LayerNorm
        self.attention_norm, self.network_norm = norm(hidden), norm(hidden)
        self.query_key_value = nn.Linear(hidden, sum(self.parts), bias=False)
        self.attention_out = nn.Linear(hidden, hidden, bias=False)
        self.up = nn.Linear(hidden, (1 + self.gated) * case.ffn_hidden, bias=False)
        self.down = nn.Linear(case.ffn_hidden, hidden, bias=False)

    def forward(self, x, rotation):
        x = x + self.attend(self.attention_norm(x), rotation)
        inner = self.up(self.network_norm(x))
        if not self.gated:
            return x + self.down(F.gelu(inner))
        gate, inner = inner.chunk(2, -1)
        return x + self.down(F.silu(gate) * inner)

    def attend(self, x, rotation):
        query, key, value = (part.unflatten(-1, (-1, self.head_width)).transpose(1, 2)
                             for part in self.query_key_value(x).split(self.parts, -1))
        if rotation:
            query, key = rotated(query, *rotation), rotated(key, *rotation)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True,
                                               enable_gqa=query.shape[1] != key.shape[1])
        return self.attention_out(mixed.transpose(1, 2).flatten(2))


def rotated(x, cosine, sine):
    left, right = x.chunk(2, -1)
    return x * cosine + torch.cat((-right, left), -1) * sine


def rotation_of(case):
    """Cosines and sines for each place and number of a head (Su et al. 2021)."""
    width = case.hidden // case.heads
    speeds = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.outer(torch.arange(case.seq_len, dtype=torch.float32), speeds).repeat(1, 2)
    return [wave.to(torch.get_default_dtype()) for wave in (angles.cos(), angles.sin())]


class Model(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.recompute = case.recompute == "full"
        self.embedding = nn.Embedding(case.vocab, case.hidden)
        self.positions = None if is_gated(case) else nn.Embedding(case.seq_len, case.hidden)
        self.rotation = rotation_of(case) if is_gated(case) else None
        self.layers = nn.ModuleList(Layer(case) for _ in range(case.layers))
        self.norm = (nn.RMSNorm if is_gated(case) else nn.LayerNorm)(case.hidden)
        self.head = nn.Linear(case.hidden, case.vocab, bias=False)
        if case.tied:
            self.head.weight = self.embedding.weight
        for weight in self.parameters():
            if weight.dim() > 1:
                nn.init.normal_(weight, std=0.02)

    def forward(self, tokens):
        x = self.embedding(tokens[:, :-1])
        if self.positions:
            x = x + self.positions.weight
        for layer in self.layers:
            x = checkpoint(layer, x, self.rotation, use_reentrant=False,
                           preserve_rng_state=False) if self.recompute else layer(x, self.rotation)
        return F.cross_entropy(self.head(self.norm(x)).flatten(0, 1).float(),
                               tokens[:, 1:].flatten())


class Training:
    """A model, its master weights with their gradients, and random tokens."""

    def __init__(self, case):
        self.model = Model(case)
        self.weights = list(self.model.parameters())
        self.masters = [weight.detach().to(torch.float32, copy=True) for weight in self.weights]
        for weight, master in zip(self.weights, self.masters):
            master.grad = torch.zeros_like(master)
            weight.register_post_accumulate_grad_hook(functools.partial(move_gradient, master))
        self.optimizer = torch.optim.AdamW(self.masters, lr=1e-4, fused=True)
        self.batches = torch.randint(
            case.vocab, (case.micro_batches, case.micro_batch, case.seq_len + 1))

    def add_gradients(self):
        """Of all micro-batches. Returns the mean loss."""
        mean = 0.0
        for batch in self.batches:
            loss = self.model(batch) / len(self.batches)
            loss.backward()
            mean += loss.detach()
        return mean

    def step(self):
        loss = self.add_gradients()
        nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.masters)
        self.optimizer.zero_grad(set_to_none=False)
        return loss


def move_gradient(master, weight):
    master.grad.add_(weight.grad)
    weight.grad = None


def repeated(work, device, seconds, least):
    """What each call took, waited for; as many as take so long together."""
    wait, times = torch.get_device_module(device).synchronize, []
    while sum(times) < seconds or len(times) < least:
        begin = time.perf_counter()
        work()
        wait()
        times.append(time.perf_counter() - begin)
    return times


def condition():
    """Clocks, power and heat of now, or why they are not known."""
    query = "clocks.sm,clocks.mem,power.draw,power.limit,temperature.gpu"
    return f"{query}: " + subprocess.getoutput(
        f"nvidia-smi --query-gpu={query} --format=csv,noheader")


def measure(case, device):
    cuda = device == "cuda"
    with torch.device(device):
        training = Training(case)
    repeated(training.step, device, 1.5 * cuda, 3)
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    times = repeated(training.step, device, 4.0 * cuda, 3)
    peak, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    loss = training.step()  # It still runs while the clocks are asked for.
    notes = (f"PyTorch {torch.__version__} eager; {case.kv_heads} heads of keys and values; "
             f"{'tied' if case.tied else 'untied'}; {len(times)} steps of {min(times):.4g} to "
             f"{max(times):.4g} s; {reserved / GIB:.2f} GiB reserved; {condition()}; "
             f"loss {loss.item():.3f}")
    parameters = sum(weight.numel() for weight in training.weights)
    batch, seconds = case.micro_batch * case.micro_batches, statistics.median(times)
    rate = batch * case.seq_len / seconds
    flops = 6 * parameters + 12 * case.layers * case.hidden * case.seq_len  # of a token
    return case._asdict() | {
        "source": "tools/measure_training.py", "model_params_B": parameters / 1e9,
        "gpu_type": torch.cuda.get_device_name() if cuda else "CPU",
        "global_batch": batch, "precision": "bf16", "n_gpus": 1, "tp": 1, "pp": 1, "dp": 1, "cp": 1,
        "seq_parallel": "n", "zero_stage": 0, "achieved_tflops_per_gpu": round(rate * flops / 1e12),
        "flops_convention": "model", "step_time_s": round(seconds, 6), "tokens_per_s": round(rate),
        "peak_mem_gib": round(peak / GIB, 3) if cuda else "", "seen": "yes", "notes": notes,
        "derived_cols": "tokens_per_s;achieved_tflops_per_gpu"}


def rates(device):
    """Of what a family's fitted numbers stand for."""
    normal, cuda = functools.partial(torch.randn, device=device), device == "cuda"

    def rate(what, amount, call):
        times = repeated(lambda: [call() for _ in range(10)], device, 0.4, 3)
        return {"rate": what, "value": round(10 * amount / statistics.median(times), 3)}

    shapes = ((8192, 8192, 8192), (8192, 6144, 2048), (8192, 2048, 8192), (2048, 8192, 8192),
              (8192, 50304, 2048), (8192, 50257, 2048), (8192, 4800, 1600), (16384, 768, 768))
    for rows, columns, depth in shapes if cuda else ((64, 64, 64),):
        yield rate(f"TFLOP/s of a product, {rows} x {columns}, {depth} deep",
                   2e-12 * rows * columns * depth,
                   functools.partial(F.linear, normal(rows, depth), normal(columns, depth)))
    tokens = 8192 if cuda else 64
    heads = [normal(1, 16, tokens, 128)] * 3
    attend = functools.partial(F.scaled_dot_product_attention, *heads, is_causal=True)
    yield rate(f"TFLOP/s of causal attention, forward, 16 heads of 128, {tokens} tokens",
               2e-12 * 16 * 128 * tokens ** 2, attend)
    source = normal(8 * tokens ** 2)
    yield rate("GB/s read and written by a copy", 4e-9 * source.numel(), source.clone)
    yield {"condition": condition()}


def write(path, rows):
    with open(path + ".part", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)
    os.replace(path + ".part", path)


def measured(cases, device, path, end):
    """Rows, of cases that end before `end` if they take no longer than the longest before them."""
    rows, longest = [], 0.0
    for case in cases:
        begin = time.monotonic()
        if begin + longest > end:
            yield case._asdict() | {"left_out": "no time left"}
            continue
        try:
            rows.append(measure(case, device))
            write(path, rows)
            yield rows[-1]
        except torch.OutOfMemoryError:
            yield case._asdict() | {"left_out": "out of memory"}
        gc.collect()
        torch.cuda.empty_cache()
        longest = max(longest, time.monotonic() - begin)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", metavar="RUNS.csv", help="where the rows go")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--limit", type=float, default=240, metavar="SECONDS",
                        help="begin no case that may end later (default: %(default)s)")
    options = parser.parse_args()
    end = time.monotonic() + options.limit
    torch.set_default_dtype(torch.bfloat16)
    torch.manual_seed(1)
    cases = CASES if options.device == "cuda" else SMALL_CASES
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        for results in measured(cases, options.device, options.runs, end), rates(options.device):
            for result in results:
                print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
