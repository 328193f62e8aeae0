"""Loads models that AXS exported with `transformers` and compares logits and tokens.

usage: export_transformers.py FOLDER, as learn_export_probe wrote it.
"""
import os
import sys

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
    print(f"{folder}: largest logit {numpy.abs(theirs).max():.3f}, largest difference {difference:.2e}")
    assert difference <= LARGEST_DIFFERENCE, difference

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    assert tokenizer.vocab_size == 256
    for text in ("", " ", "plain", "tab\tnew\n\nline  two spaces", "Grüß Gott 世界 🙂 \x00\x7f",
                 raw.decode("utf-8")):
        tokens = tokenizer.encode(text)
        assert tokens == list(text.encode("utf-8")), (text, tokens)
        assert tokenizer.decode(tokens) == text, text


if __name__ == "__main__":
    for name in ("tied", "own"):
        check(os.path.join(sys.argv[1], name))
