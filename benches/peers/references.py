#!/usr/bin/env python3
"""references.py PYTHON CASES.jsonl [--runs N] [--nltk-cases N] [--only NAME]

Times the references and the fast peers on cases ({"id","hypothesis","references"} a line), each as a process of its
own that PYTHON runs: start, imports, reading and scoring, as `score.py` times `bench score`; the packages are those
of `requirements.txt` beside this file. One JSON line a peer: medians of N runs in wall and CPU seconds, and what its
scoring alone took, without start and reading. NLTK's METEOR is slow and runs once, on a few cases.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time

READ = """
import json, sys, time
cases = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
hyps, refs = [c["hypothesis"] for c in cases], [c["references"] for c in cases]
start = time.perf_counter()
"""
DONE = """
print("ALONE", time.perf_counter() - start)
"""
COCO = """
import contextlib, io
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
flat = lambda text: " ".join(text.split())
gts = {i: [{"caption": flat(x)} for x in r] for i, r in enumerate(refs)}
res = {i: [{"caption": flat(h)}] for i, h in enumerate(hyps)}
g, r = PTBTokenizer().tokenize(gts), PTBTokenizer().tokenize(res)
"""
PEERS = {
    "bleuscore": "import bleuscore\nbleuscore.compute(refs, hyps)",
    "sacrebleu": "import sacrebleu\nsacrebleu.corpus_bleu(hyps, [list(x) for x in zip(*refs)])",
    "rouge-score-rs, stemmed": """
from rouge_score_rs import rouge_scorer
scorer = rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
for r, h in zip(refs, hyps): scorer.score_multi(r, h)""",
    "nltk meteor": """
from nltk.tokenize import word_tokenize
from nltk.translate.meteor_score import meteor_score
for h, r in zip(hyps, refs): meteor_score([word_tokenize(x) for x in r], word_tokenize(h))""",
    "meteor 1.5": COCO + """
start = time.perf_counter()
from pycocoevalcap.meteor.meteor import Meteor
Meteor().compute_score(g, r)""",
    "pycocoevalcap": COCO + """
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
from pycocoevalcap.rouge.rouge import Rouge
for scorer in (Bleu(4), Meteor(), Rouge(), Cider()): scorer.compute_score(g, r)""",
}
SLOW = {"nltk meteor", "meteor 1.5", "pycocoevalcap", "sacrebleu"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("python")
    parser.add_argument("cases")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--nltk-cases", type=int, default=1000)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with open(args.cases, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        few = os.path.join(folder, "few.jsonl")
        with open(few, "w", encoding="utf-8") as file:
            file.writelines(lines[:args.nltk_cases])
        for name, work in PEERS.items():
            if args.only not in name:
                continue
            path, n = (few, min(len(lines), args.nltk_cases)) if "nltk" in name else (args.cases, len(lines))
            wall, cpu, alone = [], [], []
            for _ in range(1 if name in SLOW else args.runs):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                start = time.perf_counter()
                run = subprocess.run([args.python, "-c", READ + work + DONE, path], check=True, capture_output=True, text=True)
                wall.append(time.perf_counter() - start)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
                alone.append(float(run.stdout.rsplit("ALONE", 1)[1]))
            median = statistics.median
            print(json.dumps({"peer": name, "n": n, "wall_s": round(median(wall), 3), "cpu_s": round(median(cpu), 3),
                              "alone_s": round(median(alone), 3), "captions_per_s": round(n / median(wall))}), flush=True)


main()
