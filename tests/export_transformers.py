"""Loads models that AXS exported with `transformers` and compares logits and tokens.

usage: export_transformers.py LEARN_EXPORT_PROBE
"""
import os
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LARGEST_DIFFERENCE = 1e-4


def check(folder):
    raw = open(os.path.join(folder, "input.bin"), "rb").read()
    ours = numpy.fromfile(os.path.join(folder, "logits.bin"), dtype="<f4").reshape(len(raw), -1)

    model, report = AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"], report
    with torch.no_grad():
        theirs = model(torch.tensor([list(raw)])).logits[0].numpy()
    difference = float(numpy.abs(ours - theirs).max())
    largest = numpy.abs(theirs).max()
    print(f"{folder}: largest logit {largest:.3f}, largest difference {difference:.2e}")
    assert difference <= LARGEST_DIFFERENCE, difference

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokenizer.vocab_size == 256
    for text in ("", " ", "plain", "tab\tnew\n\nline  two spaces", "Grüß Gott 世界 🙂 \x00\x7f",
                 raw.decode("utf-8")):
        tokens = tokenizer.encode(text)
        assert tokens == list(text.encode("utf-8")), (text, tokens)
        assert tokenizer.decode(tokens) == text, text


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as probe:
        subprocess.run([sys.argv[1], probe], check=True)
        for name in ("tied", "own"):
            check(os.path.join(probe, name))
