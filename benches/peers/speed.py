#!/usr/bin/env python3
"""speed.py BENCH [--rounds N] [--sizes tiny,base]

Times `bench speed` and, in turn with it, PyTorch and transformers on the same work (train.py and caption.py
beside this file; `pip install -r requirements-torch.txt`). Prints a table of medians over the rounds and
ratios ours / theirs: wall time on two threads, CPU time on one, and captions of one batch. Keep the machine quiet:
PyTorch's threads spin, and anything beside them multiplies its time.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = [
    ("plain", "encoder-decoder", 0.0, 0.0),
    ("dropout, clipped", "encoder-decoder", 0.1, 1.0),
    ("+VAE", "vae", 0.0, 0.0),
    ("+VAE+CL", "vae-cl", 0.0, 0.0),
]
STEPS = {"tiny": 30, "base": 6}
CAPTIONS = {"tiny": (256, 20), "base": (16, 20)}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr[-2000:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="tiny,base")
    args = parser.parse_args()
    print("| size | work | threads | ours, ms | PyTorch, ms | wall | CPU | ours, MB | PyTorch, MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for size in args.sizes.split(","):
        ours_at = {}
        for name, variant, dropout, clip in ROWS:
            for threads in (2, 1) if name == "plain" else (2,):
                pairs = []
                for _ in range(args.rounds):
                    ours = run(args.bench, "speed", "--json", "--preset", size, "--variant", variant, "--dropout", dropout,
                               "--clip", clip, "--threads", threads, "--steps", STEPS[size])
                    theirs = run(sys.executable, os.path.join(HERE, "train.py"), size, variant, STEPS[size],
                                 "--threads", threads, "--dropout", dropout, "--clip", clip)
                    pairs.append((ours, theirs))
                median = lambda side, key: statistics.median(pair[side][key] for pair in pairs)
                ratio = lambda key: statistics.median(a[key] / b[key] for a, b in pairs)
                ours_at[name, threads] = median(0, "step_ms_median")
                share = median(0, "products_share")
                print(f"| {size} | {name} ({100 * share:.0f} % products) | {threads} | {median(0, 'step_ms_median'):.1f} | "
                      f"{median(1, 'step_ms_median'):.1f} | **{ratio('step_ms_median'):.2f}** | {ratio('cpu_ms'):.2f} | "
                      f"{median(0, 'peak_memory_mb'):.0f} | {median(1, 'peak_mb'):.0f} |", flush=True)
        scaling = ours_at["plain", 1] / ours_at["plain", 2]
        count, tokens = CAPTIONS[size]
        pairs = []
        for _ in range(args.rounds):
            ours = run(args.bench, "speed", "--json", "--preset", size, "--threads", 2, "--steps", 1)
            theirs = run(sys.executable, os.path.join(HERE, "caption.py"), size, count, tokens, "--threads", 2)
            pairs.append((1e3 / ours["captions_per_s"], theirs["caption_ms_per_image"]))
        ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"| {size} | a caption, of {count} in {tokens} tokens | 2 | {ours:.2f} | {theirs:.2f} | **{ratio:.2f}** | | | |")
        print(f"\nTwo threads are {scaling:.2f} times as fast as one on {size}.\n", flush=True)


if __name__ == "__main__":
    main()
