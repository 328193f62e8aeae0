#!/usr/bin/python3
"""Plans that axs plan --emit writes for other programs, from outside.
usage: plan_emit_test.py PATH-OF-AXS"""
import json
import re
import shlex
import sys
import tomllib
import unittest

import plan_test
from plan_test import JOB, ONE_SITE, plan

# Keys of torchtitan 0.2.2, torchtitan/config/job_config.py.
TORCHTITAN = {
    "model": {"name", "flavor", "converters"},
    "training": {"local_batch_size", "global_batch_size", "seq_len", "steps"},
    "parallelism": {"data_parallel_replicate_degree", "data_parallel_shard_degree",
                    "fsdp_reshard_after_forward", "tensor_parallel_degree",
                    "pipeline_parallel_degree", "pipeline_parallel_schedule",
                    "pipeline_parallel_microbatch_size", "module_fqns_per_model_part"},
    "activation_checkpoint": {"mode", "selective_ac_option"},
}
# Arguments of Megatron-LM at d98e8a64ddf34856e74b24714e3bedb2f5a39553: megatron/training/
# arguments.py, and the fields of the classes that it makes arguments of.
MEGATRON = {
    "num-layers", "hidden-size", "ffn-hidden-size", "num-attention-heads", "group-query-attention",
    "num-query-groups", "kv-channels", "swiglu", "untie-embeddings-and-output-weights",
    "window-size", "num-experts", "moe-router-topk", "moe-ffn-hidden-size",
    "moe-shared-expert-intermediate-size", "moe-layer-freq", "seq-length",
    "max-position-embeddings", "micro-batch-size", "global-batch-size", "train-iters",
    "tensor-model-parallel-size", "pipeline-model-parallel-size",
    "num-virtual-stages-per-pipeline-rank", "pipeline-model-parallel-layout", "sequence-parallel",
    "use-distributed-optimizer", "overlap-grad-reduce", "recompute-granularity",
    "recompute-method", "recompute-num-layers", "bf16", "fp8-format", "fp4-format",
    "normalization", "position-embedding-type", "disable-bias-linear", "vocab-size",
    "make-vocab-size-divisible-by", "use-megatron-fsdp", "data-parallel-sharding-strategy",
    "no-gradient-accumulation-fusion", "ckpt-format"}


# Whose plan has several stages, as wide as each other.
PIPELINE = ONE_SITE.replace("llama3-8b", "llama3-70b").replace("count = 16", "count = 32")


class Emit(unittest.TestCase):
    write = plan_test.Job.write

    def test_torchtitan(self):
        job = self.write(PIPELINE)
        document = json.loads(plan(job, "--json").stdout)
        (group,) = document["groups"]
        config = tomllib.loads(plan(job, "--emit", "torchtitan").stdout)
        for table, entries in config.items():
            self.assertLessEqual(set(entries), TORCHTITAN[table])
        degrees = config["parallelism"]
        self.assertEqual(degrees["data_parallel_replicate_degree"] *
                         degrees["data_parallel_shard_degree"], group["replicas"])
        self.assertEqual(degrees["tensor_parallel_degree"], group["stages"][0]["tensor"])
        self.assertEqual(degrees["pipeline_parallel_degree"], len(group["stages"]))
        layers = [sum(name.startswith("layers.") for name in part)
                  for part in degrees["module_fqns_per_model_part"]]
        self.assertEqual(layers, [stage["layers"] for stage in group["stages"]])
        training = config["training"]
        self.assertEqual(training["local_batch_size"],
                         group["micro_batches"] * document["micro_batch"])
        self.assertEqual(training["global_batch_size"] %
                         (training["local_batch_size"] * group["replicas"]), 0)
        self.assertGreaterEqual(training["steps"] * 256 * training["seq_len"], 1e12)

    def test_megatron(self):
        job = self.write(PIPELINE)
        (group,) = json.loads(plan(job, "--json").stdout)["groups"]
        lines = plan(job, "--emit", "megatron").stdout.splitlines()
        said = {name: value for name, value, *_ in (shlex.split(line) + [None] for line in lines)}
        self.assertLessEqual(set(said), {"--" + name for name in MEGATRON})
        self.assertEqual(int(said["--pipeline-model-parallel-size"]), len(group["stages"]))
        layout = said["--pipeline-model-parallel-layout"]
        self.assertIn(f"--pipeline-model-parallel-layout 'E{layout[1:-1]}L'", lines)
        self.assertEqual([int(stage.strip("ELt*")) for stage in layout.split("|")],
                         [stage["layers"] for stage in group["stages"]])
        self.assertEqual([said["--normalization"], said["--position-embedding-type"]],
                         ["RMSNorm", "rope"])
        self.assertLessEqual({"--swiglu", "--disable-bias-linear"}, set(said))
        words, multiple = int(said["--vocab-size"]), int(said["--make-vocab-size-divisible-by"])
        self.assertEqual(words % (multiple * int(said["--tensor-model-parallel-size"])), 0)

    def test_shards(self):
        """Llama 3 of 8B on two nodes, in shards of gradients or of parameters."""
        job = self.write(ONE_SITE.replace("sequences = 256", "sequences = 128"))
        document = json.loads(plan(job, "--json").stdout)
        self.assertIn(document["sharding"], ("gradients", "parameters"))
        of_all = document["sharding"] == "parameters"
        text = plan(job, "--emit", "torchtitan").stdout
        degrees = tomllib.loads(text)["parallelism"]
        self.assertEqual(degrees["data_parallel_replicate_degree"], 1)
        self.assertEqual(degrees["data_parallel_shard_degree"],
                         sum(group["replicas"] for group in document["groups"]))
        self.assertEqual(degrees["fsdp_reshard_after_forward"], "always" if of_all else "never")
        lines = plan(job, "--emit", "megatron").stdout.splitlines()
        self.assertIn("--data-parallel-sharding-strategy " +
                      ("optim_grads_params" if of_all else "optim_grads"), lines)
        self.assertLessEqual({"--use-megatron-fsdp", "--use-distributed-optimizer",
                              "--ckpt-format fsdp_dtensor"}, set(lines))
        self.assertLessEqual({line.split()[0] for line in lines},
                             {"--" + name for name in MEGATRON})

    def test_interleaved(self):
        """Chunks that are alike, and Llama 3 of 405B, of whose chunks two are a layer short."""
        for preset, devices, layers in (("llama3-70b", 256, 80), ("llama3-405b", 16384, 126)):
            text = ONE_SITE.replace("llama3-8b", preset).replace(
                "sequences = 256", f"sequences = {devices if layers == 80 else 2048}")
            job = self.write(re.sub(r"count = \d+", f"count = {devices}", text))
            document = json.loads(plan(job, "--json").stdout)
            (group,) = document["groups"]
            stages, chunks = len(group["stages"]), group["virtual_stages"]
            self.assertGreater(chunks, 1)
            self.assertEqual(group["micro_batches"] % stages, 0)
            degrees = tomllib.loads(plan(job, "--emit", "torchtitan").stdout)["parallelism"]
            self.assertEqual(degrees["pipeline_parallel_schedule"], "Interleaved1F1B")
            self.assertEqual(degrees["pipeline_parallel_degree"], stages)
            parts = degrees["module_fqns_per_model_part"]
            self.assertEqual(len(parts), stages * chunks)
            self.assertEqual([name for part in parts for name in part],
                             ["tok_embeddings"] + [f"layers.{n}" for n in range(layers)] +
                             ["norm", "output"])
            of_parts = [sum(name.startswith("layers.") for name in part) for part in parts]
            for i, stage in enumerate(group["stages"]):
                self.assertEqual(sum(of_parts[i::stages]), stage["layers"])
            lines = plan(job, "--emit", "megatron").stdout.splitlines()
            said = dict(shlex.split(line) for line in lines if line.count(" ") == 1)
            if len(set(of_parts)) == 1:
                self.assertEqual(said["--num-virtual-stages-per-pipeline-rank"], str(chunks))
                self.assertNotIn("--pipeline-model-parallel-layout", said)
            else:
                layout = said["--pipeline-model-parallel-layout"].split("|")
                self.assertEqual([int(part.strip("ELt*") or 0) for part in layout], of_parts)
                self.assertNotIn("--num-virtual-stages-per-pipeline-rank", said)

    def test_no_words(self):
        for program, text, what in (
                ("torchtitan", JOB, "sfo and fra"), ("megatron", JOB, "sfo and fra"),
                ("torchtitan", ONE_SITE.replace("llama3-8b", "mixtral-8x7b"), "experts"),
                ("megatron", ONE_SITE.replace("sequences = 256", "sequences = 255"),
                 "micro-batches")):
            outcome = plan(self.write(text), "--emit", program)
            self.assertEqual((outcome.returncode, outcome.stdout), (2, ""), (what, outcome))
            self.assertEqual(outcome.stderr.count("\n"), 1, outcome.stderr)
            self.assertIn(what, outcome.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
