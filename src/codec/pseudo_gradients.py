"""Trains a small character model and writes pseudo-gradients (30 steps each) as raw fp32.

usage: pseudo_gradients.py TEXT FOLDER; then AXS_GRADIENT=FOLDER/step300.f32 codec_bench
The model is nanoGPT's CPU recipe: 4 layers, 4 heads, width 128, context 64, 12 sequences a step.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, LAYERS, HEADS, CONTEXT, BATCH, HORIZON = 128, 4, 4, 64, 12, 30


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.down = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        heads = [
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).split(WIDTH, -1)
        ]
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Model(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.token, self.place = nn.Embedding(symbols, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        hidden = self.blocks(self.token(tokens) + self.place.weight)
        return F.linear(self.norm(hidden), self.token.weight)


def flat(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


def main(text, folder):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    symbols, data = np.unique(np.fromfile(text, dtype=np.uint8), return_inverse=True)
    data = torch.from_numpy(data.astype(np.int64))
    model = Model(len(symbols))
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.99), weight_decay=0.1)
    for step in range(1, 601):
        if step % 300 == 300 - HORIZON + 1:
            before = flat(model)
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1, step / 100)
        starts = torch.randint(len(data) - CONTEXT, (BATCH,))
        rows = torch.stack([data[s : s + CONTEXT + 1] for s in starts])
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 300 == 0:
            (before - flat(model)).numpy().tofile(f"{folder}/step{step}.f32")
            print(f"step {step}: loss {loss.item():.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
