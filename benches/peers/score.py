#!/usr/bin/env python3
"""score.py BENCH CASES.jsonl [--runs N] [--threads T]

Times `bench score` on cases ({"id","hypothesis","references"} a line) as a whole process: start, reading,
scoring, 1,000 bootstrap resamples and printing. One JSON line a suite or metric: the median of N runs in wall and
CPU seconds, the spread, and captions a second. Peers are timed by their own scripts; compare on one machine, in
one sitting. `coco.meteor` needs CAPTION_BENCH_METEOR_DATA.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import time

WORK = [
    ("BLEU (hf)", ["--metric", "hf.bleu"]), ("BLEU (sacrebleu)", ["--metric", "sacrebleu.bleu"]),
    ("ROUGE-1 and -L", ["--metric", "hf.rouge1", "--metric", "hf.rougeL"]),
    ("ROUGE-1 and -L, stemmed", ["--metric", "hf.rouge1", "--metric", "hf.rougeL", "--rouge-stemmer"]),
    ("METEOR (nltk)", ["--metric", "hf.meteor"]), ("METEOR (1.5)", ["--metric", "coco.meteor"]),
    ("suite coco", ["--suite", "coco"]), ("suite all", ["--suite", "all"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bench")
    parser.add_argument("cases")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    with open(args.cases, encoding="utf-8") as file:
        n = sum(1 for line in file if line.strip())
    for name, flags in WORK:
        if "coco.meteor" in flags and not os.environ.get("CAPTION_BENCH_METEOR_DATA"):
            continue
        command = [args.bench, "score", "--cases", args.cases, "--threads", str(args.threads), *flags]
        wall, cpu = [], []
        for _ in range(args.runs):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            wall.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        median = statistics.median(wall)
        print(json.dumps({"work": name, "n": n, "threads": args.threads, "wall_s": round(median, 3),
                          "spread_s": [round(min(wall), 3), round(max(wall), 3)],
                          "cpu_s": round(statistics.median(cpu), 3), "captions_per_s": round(n / median)}), flush=True)


main()
