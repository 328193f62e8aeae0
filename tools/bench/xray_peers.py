"""Another cost model on the same runs: xray_peers.py RUNS.csv. tools/bench/xray runs it.

llm-analysis is on PyPI. It wants the efficiency of products from its user: each family gets the one
that makes its median error zero, on the very runs that are scored. Calculon is not on PyPI (the
package of that name is something else).
"""
import logging
import sys
from pathlib import Path

import numpy as np
from llm_analysis.analysis import ActivationRecomputation, DSZeRO, LLMAnalysis
from llm_analysis.config import GPUConfig, ModelConfig, ParallelismConfig

sys.path.insert(0, str(Path(__file__).parents[1]))
import fit_xray  # noqa: E402  (also puts tools/xray on the path)
import runs as published  # noqa: E402

START, ROUNDS = 0.5, 4
HOP = 8e-6  # its own files have that for every accelerator


def step_time(run, efficiency):
    """Its time of an iteration; it knows no context parallelism and no virtual stages."""
    facts, again = run.accelerator, ActivationRecomputation(run.recompute)
    node_rate = run.software.get("node-network-gb-per-s", facts["node-network-gb-per-s"])
    # It refuses what does not fit by its own count: memory is not what is compared here.
    gpu = GPUConfig(facts["name"], 1e9, facts["memory-gb-per-s"], facts["scale-up-gb-per-s"], HOP,
                    facts["peak-tflops"] * (2 if run.fp8 else 1),
                    inter_node_bandwidth_in_GB_per_sec=node_rate)
    model = ModelConfig(run.model, run.layers, run.heads, run.hidden, run.vocabulary,
                        max_seq_len=run.sequence, num_key_value_heads=run.kv_heads,
                        ffn_embed_dim=run.feed_forward,
                        expansion_ratio=run.feed_forward / run.hidden)
    cut = ParallelismConfig(tp_size=run.tensor, pp_size=run.pipeline, dp_size=run.data,
                            sp_size=run.tensor if run.sequence_parallel else 1)
    analysis = LLMAnalysis(model, gpu, parallelism_config=cut, flops_efficiency=efficiency,
                           hbm_memory_efficiency=0.8)
    count = int(run.global_batch / run.data / run.micro_batch)
    return analysis.training(batch_size_per_gpu=int(run.micro_batch),
                             gradient_accumulation_steps=count, seq_len=run.sequence,
                             activation_recomputation=again, ds_zero=DSZeRO(run.sharding),
                             flash_attn=run.software["attention"].startswith("flash"),
                             mlp_gated_linear_units=bool(run.gated))["latency_per_iter"]


def main(path):
    logging.disable(logging.CRITICAL)
    _, timed, _ = fit_xray.read(path)
    timed = [run for run in timed if run.context == 1]
    c = published.columns(timed)
    efficiency = {family: START for family in np.unique(c.family)}
    for _ in range(ROUNDS):
        time = np.array([step_time(run, efficiency[run.accelerator["family"]]) for run in timed])
        efficiency = {family: min(1, value * np.median((time / c.time)[c.family == family]))
                      for family, value in efficiency.items()}
    shares = ", ".join(f"{family} {value:.2f}" for family, value in efficiency.items())
    fit_xray.table(c, time / c.time - 1, f"llm-analysis, efficiency {shares}, %")


main(sys.argv[1])
