"""What a plan wants of Ray, without Ray. usage: python -m unittest axs.ray.bundles_test"""
import json
import random
import tempfile
import unittest
from pathlib import Path

from ..plan import PlanError, read_plan
from .bundles import AXS_TYPE, RAY_TYPE, Kind, bundles_of, dealt_out, world_size


def stage(accelerator, tensor, layers):
    return {"accelerator": accelerator, "tensor": tensor, "layers": layers, "memory_gib": 1.5}


def group(site, replicas, *stages, crossings=()):
    return {"site": site, "replicas": replicas, "micro_batches": 3, "stages": list(stages),
            "crossings": list(crossings)}


def document(*groups, **other):
    return {"version": 4, "job": "j", "micro_batch": 2, "context": 1, "sequence": 4096,
            "groups": list(groups), **other}


def parsed(plan):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "plan.json")
        file.write_text(plan if isinstance(plan, str) else json.dumps(plan), encoding="utf-8")
        return read_plan(file)


class Bundles(unittest.TestCase):
    def test_a_bundle_is_a_tensor_group(self):
        plan = parsed(document(group("sfo", 2, stage("H100", 4, 20), stage("A100-80", 2, 12)),
                               group("fra", 5, stage("H100", 8, 32))))
        bundles = bundles_of(plan, "sfo")
        self.assertEqual([(own.replica, own.stage, own.kind, own.first_layer, own.layers)
                          for own in bundles],
                         [(0, 0, Kind("H100", 4), 0, 20), (0, 1, Kind("A100-80", 2), 20, 12),
                          (1, 0, Kind("H100", 4), 0, 20), (1, 1, Kind("A100-80", 2), 20, 12)])
        # Tensor is fastest, then data, then pipeline.
        self.assertEqual([own.first_rank for own in bundles], [0, 8, 4, 10])
        self.assertEqual(world_size(bundles), 12)
        self.assertEqual(len(bundles_of(plan, "fra")), 5)

    def test_context_lies_between_tensor_and_data(self):
        plan = parsed(document(group("sfo", 2, stage("H100", 2, 32)), context=2))
        self.assertEqual([(own.replica, own.context, own.first_rank)
                          for own in bundles_of(plan, "sfo")],
                         [(0, 0, 0), (0, 1, 2), (1, 0, 4), (1, 1, 6)])

    def test_unlike_groups_share_sequences(self):
        parts = [{"accelerator": "H100", "groups": 2, "tokens": 1500, "memory_gib": 1},
                 {"accelerator": "A100-80", "groups": 1, "tokens": 1096, "memory_gib": 1}]
        shared = {**stage("H100", 2, 32), "parts": parts}
        bundles = bundles_of(parsed(document(group("sfo", 1, shared), context=3)), "sfo")
        self.assertEqual([(own.kind, own.first_rank, own.part.first_token, own.part.tokens)
                          for own in bundles],
                         [(Kind("H100", 2), 0, 0, 1500), (Kind("H100", 2), 2, 1500, 1500),
                          (Kind("A100-80", 2), 4, 3000, 1096)])

    def test_ranks_are_dealt_out_once(self):
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        with self.subTest(seed=seed):
            for _ in range(200):
                groups = [group("sfo", rng.randint(1, 4),
                                *(stage(rng.choice(("H100", "cpu")), rng.randint(1, 8), 3)
                                  for _ in range(rng.randint(1, 4))))
                          for _ in range(rng.randint(1, 3))]
                bundles = bundles_of(parsed(document(*groups, context=rng.randint(1, 3))), "sfo")
                ranks = [own.first_rank + i for own in bundles for i in range(own.kind.devices)]
                self.assertEqual(sorted(ranks), list(range(world_size(bundles))))

    def test_what_a_process_is_told(self):
        plan = parsed(document(group("sfo", 1, stage("H100", 2, 20), stage("H100", 1, 12))))
        first, second = bundles_of(plan, "sfo")
        told = first.environments(plan, "sfo", 3)
        self.assertEqual([(own["RANK"], own["LOCAL_RANK"]) for own in told], [("0", "0"),
                                                                            ("1", "1")])
        (last,) = second.environments(plan, "sfo", 3)
        self.assertEqual({name: last[name] for name in
                          ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "AXS_STAGE", "AXS_LAYERS",
                           "AXS_FIRST_LAYER", "AXS_MICRO_BATCH", "AXS_MICRO_BATCHES",
                           "AXS_FIRST_TOKEN", "AXS_TOKENS")},
                         {"RANK": "2", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "1", "AXS_STAGE": "1",
                          "AXS_LAYERS": "12", "AXS_FIRST_LAYER": "20", "AXS_MICRO_BATCH": "2",
                          "AXS_MICRO_BATCHES": "3", "AXS_FIRST_TOKEN": "0",
                          "AXS_TOKENS": "4096"})

    def test_resources_and_labels(self):
        for name, resources, labels in (
                ("cpu", {"CPU": 2}, {}), ("H100", {"GPU": 2}, {RAY_TYPE: "H100"}),
                ("A100-80", {"GPU": 2}, {RAY_TYPE: "A100"}),
                ("TPU v4", {"TPU": 2}, {RAY_TYPE: "TPU-V4"}), ("Zephyr", {"Zephyr": 2}, {})):
            kind = Kind(name, 2)
            self.assertEqual((kind.resources, kind.labels(False)), (resources, labels))
        self.assertEqual(Kind("TPU v4", 2).labels(True), {AXS_TYPE: "TPU-v4"})
        self.assertEqual(Kind("cpu", 2).labels(True), {})

    def test_pipelines_stay_on_a_node_where_they_can(self):
        plan = parsed(document(group("sfo", 3, stage("H100", 2, 16), stage("H100", 2, 16))))
        bundles = bundles_of(plan, "sfo")
        nodes = ["b", "a", "c", "c", "a", "b"]  # As Ray may pack them: in no order.
        order = dealt_out(bundles, nodes)
        self.assertEqual(sorted(order), list(range(6)))
        for first in (0, 2, 4):
            self.assertEqual(nodes[order[first]], nodes[order[first + 1]])


class Refused(unittest.TestCase):
    def check(self, plan, said, site="sfo"):
        with self.assertRaises(PlanError) as caught:
            bundles_of(parsed(plan), site)
        self.assertIn(said, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_what_is_no_plan(self):
        one = group("sfo", 1, stage("H100", 1, 4))
        for plan, said in (
                ("", "is not JSON"), ("[1]", "version: [1], want a whole number"),
                (document(one) | {"version": 5}, "version 5, want 4"), (document(), "no groups"),
                (document(one | {"replicas": 0}), "replicas: 0, want 1 or more"),
                (document(one | {"replicas": True}), "replicas: true, want a whole number"),
                (document(one | {"stages": []}), "without stages"),
                (document(one | {"stages": [3]}), "accelerator: 3, want a text"),
                (document(one) | {"context": None}, "context: null, want a whole number"),
                (document(one | {"stages": [{**stage("H100", 1, 4), "parts": [
                    {"accelerator": "H100", "groups": 2, "tokens": 2048}]}]}),
                 "parts: 2 groups, want the 1 parts of a sequence"),
                (document(one | {"stages": [{**stage("H100", 1, 4), "parts": [
                    {"accelerator": "H100", "groups": 1, "tokens": 1}]}]}),
                 "parts: 1 tokens, want 4096")):
            self.check(plan, said)

    def test_what_a_cluster_of_one_site_cannot_do(self):
        one = group("sfo", 1, stage("H100", 1, 4), stage("H100", 1, 4),
                    crossings=[{"stage": 1, "site": "fra"}])
        self.check(document(one), "a pipeline that goes on at another site")
        self.check(document(one), 'nothing is planned at "fra", want one of: sfo', site="fra")


if __name__ == "__main__":
    unittest.main()
