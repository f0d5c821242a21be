#!/usr/bin/env python3
"""caption.py SIZE COUNT TOKENS [--threads T] [--beams K] [--device D] [--bf16]

Times transformers' `generate` on a random ViT and GPT-2 of the sizes of `bench speed`: COUNT pictures in one
batch, TOKENS tokens each, with its cache. SIZE is `tiny` or `base`. Prints one JSON object.
"""
import argparse
import json
import statistics
import time

import torch
import transformers
from transformers import GPT2Config, ViTConfig, VisionEncoderDecoderConfig, VisionEncoderDecoderModel

SIZES = {
    "tiny": dict(image=64, patch=8, width=128, layers=3, heads=4, vocab=500, positions=64),
    "base": dict(image=224, patch=16, width=768, layers=12, heads=12, vocab=50257, positions=1024),
}


def build(image, patch, width, layers, heads, vocab, positions):
    shared = dict(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads)
    vit = ViTConfig(image_size=image, patch_size=patch, intermediate_size=4 * width, **shared)
    last = vocab - 1
    gpt2 = GPT2Config(n_embd=width, n_layer=layers, n_head=heads, vocab_size=vocab, n_positions=positions,
                      bos_token_id=last, eos_token_id=last)
    model = VisionEncoderDecoderModel(VisionEncoderDecoderConfig.from_encoder_decoder_configs(vit, gpt2))
    for name in ("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(model.generation_config, name, last)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("count", type=int)
    parser.add_argument("tokens", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    kind = torch.bfloat16 if args.bf16 else torch.float32
    model = build(**SIZES[args.size]).to(args.device, kind)
    pictures = torch.randn(args.count, 3, SIZES[args.size]["image"], SIZES[args.size]["image"]).to(args.device, kind)
    wait = torch.cuda.synchronize if args.device.startswith("cuda") else lambda: None
    seconds = []
    for _ in range(args.runs + 1):
        started = time.perf_counter()
        model.generate(pictures, min_new_tokens=args.tokens, max_new_tokens=args.tokens, num_beams=args.beams, do_sample=False)
        wait()
        seconds.append(time.perf_counter() - started)
    print(json.dumps({
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "caption_ms_per_image": 1e3 * statistics.median(seconds[1:]) / args.count,
    }))


if __name__ == "__main__":
    main()
