#!/usr/bin/env python3
"""train.py SIZE VARIANT STEPS [--threads T] [--dropout P] [--clip NORM] [--device D] [--batch N] [--bf16] [--compile]

Times a training step in PyTorch, of the work that `bench speed` times: forward, backward and fused AdamW
on random pictures and fixed tokens. SIZE is `tiny` or `base`; VARIANT `encoder-decoder`, `vae` (patch
latents) or `vae-cl` (with the contrastive loss of a text read without the picture). With --bf16 under autocast, with
--compile through torch.compile. Prints one JSON object; the peak is the process's, or a device's.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

SIZES = {
    "tiny": dict(image=64, patch=8, width=128, layers=3, heads=4, vocab=500, tokens=20, batch=48, latent=128),
    "base": dict(image=224, patch=16, width=768, layers=12, heads=12, vocab=50257, tokens=24, batch=2, latent=128),
}


class Attention(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key_value, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(self, x, memory, causal):
        split = lambda y: y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(memory).chunk(2, -1)
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(split(self.query(x)), split(key), split(value), is_causal=causal, dropout_p=dropout)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads, dropout, decodes):
        super().__init__()
        attention = lambda: Attention(width, heads, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3 if decodes else 2))
        self.own, self.cross = attention(), attention() if decodes else None
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)
        self.gelu = "tanh" if decodes else "none"

    def forward(self, x, memory=None):
        y = self.norms[0](x)
        x = x + self.drop(self.own(y, y, self.cross is not None))
        if memory is not None:
            x = x + self.drop(self.cross(self.norms[1](x), memory, False))
        return x + self.drop(self.down(F.gelu(self.up(self.norms[-1](x)), approximate=self.gelu)))


class Model(nn.Module):
    def __init__(self, size, variant, dropout):
        super().__init__()
        width, layers, heads = size["width"], size["layers"], size["heads"]
        patches = (size["image"] // size["patch"]) ** 2
        table = lambda *shape: nn.Parameter(0.02 * torch.randn(*shape))
        self.patches = nn.Conv2d(3, width, size["patch"], size["patch"])
        self.start, self.places = table(1, 1, width), table(1, patches + 1, width)
        self.encoder = nn.ModuleList(Block(width, heads, dropout, False) for _ in range(layers))
        self.words, self.positions = table(size["vocab"], width), table(size["tokens"] + 1, width)
        self.decoder = nn.ModuleList(Block(width, heads, dropout, True) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.drop = nn.Dropout(dropout)
        self.latent = None
        if variant != "encoder-decoder":
            latent = size["latent"]
            self.latent = nn.ModuleList([nn.Linear(width, latent), nn.Linear(width, latent), nn.Linear(latent, width)])
        self.sigma = None
        if variant == "vae-cl":
            self.sigma = nn.Parameter(torch.tensor(0.07))
            self.heads = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))

    def read(self, ids, memory):
        x = self.drop(F.embedding(ids, self.words) + self.positions[:ids.shape[1]])
        for block in self.decoder:
            x = block(x, memory)
        return self.norms[1](x)

    def forward(self, pictures, ids):
        x = self.patches(pictures).flatten(2).transpose(1, 2)
        x = self.drop(torch.cat([self.start.expand(len(x), -1, -1), x], 1) + self.places)
        for block in self.encoder:
            x = block(x)
        states = memory = self.norms[0](x)
        loss = 0.0
        if self.latent is not None:
            mean, log_variance = self.latent[0](states), self.latent[1](states)
            memory = self.latent[2](mean + (log_variance / 2).exp() * torch.randn_like(mean))
            loss = loss + 0.2 * ((mean ** 2 + log_variance.exp() - 1 - log_variance) / 2).mean()
        logits = self.read(ids, memory) @ self.words.T
        loss = loss + F.cross_entropy(logits.flatten(0, 1), ids.flatten())
        if self.sigma is not None:
            # One token more than the other pass: the end token, whose state is the caption's.
            text = self.read(torch.cat([ids, ids[:, :1]], 1), None)[:, -1]
            image, text = F.normalize(self.heads[0](states[:, 0]), dim=-1), F.normalize(self.heads[1](text), dim=-1)
            cosines = image @ text.T / self.sigma
            right = torch.arange(len(cosines), device=cosines.device)
            loss = loss + 0.2 * (F.cross_entropy(cosines, right) + F.cross_entropy(cosines.T, right))
        return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("variant", choices=["encoder-decoder", "vae", "vae-cl"])
    parser.add_argument("steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--clip", type=float, default=0.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    size, device = SIZES[args.size], torch.device(args.device)
    model = Model(size, args.variant, args.dropout).to(device)
    step_of = torch.compile(model) if args.compile else model
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.01, fused=True)
    batch, tokens, vocab = args.batch or size["batch"], size["tokens"], size["vocab"]
    pictures = torch.randn(batch, 3, size["image"], size["image"]).to(device)
    ids = (torch.arange(batch * tokens) * 7919 + 13).remainder(vocab).view(batch, tokens).to(device)
    walls = []
    for step in range(args.steps + 3):
        if step == 3:
            cpu = time.process_time()
        started = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=args.bf16):
            loss = step_of(pictures, ids)
        loss.backward()
        if args.clip > 0:
            nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        wait()
        walls.append(1e3 * (time.perf_counter() - started))
    walls = walls[3:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 1e6
    print(json.dumps({
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "parameters": sum(p.numel() for p in model.parameters()),
        "step_ms_median": statistics.median(walls),
        "step_ms_min": min(walls),
        "cpu_ms": 1e3 * (time.process_time() - cpu) / args.steps,
        "peak_mb": peak,
    }))


if __name__ == "__main__":
    main()
