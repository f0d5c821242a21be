//! Native scores against the reference implementations', to 1e-9.
//!
//! `fixtures/metrics` has cases of our own and is always compared. The public cases are compared
//! in place where `CAPTION_BENCH_REFERENCE` names the folder that holds `metrics/`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use caption_bench::metrics::bleu::{SacreBleu, SacreTokenizer, Smoothing};
use caption_bench::metrics::rouge::{Rouge, RougeKind};
use caption_bench::metrics::{self, Case, Metric, PtbTokens, porter, tokenizers, wordnet::WordNet};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How far a score may be from the reference's, relative to max(1, |x|).
const TOLERANCE: f64 = 1e-9;

/// Values by metric key.
type Values = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct CaseLine {
    id: String,
    hypothesis: String,
    references: Vec<String>,
}

fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parse =
        |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(parse).collect()
}

fn case(value: Value) -> Case<'static> {
    let line: CaseLine = serde_json::from_value(value).unwrap();
    Case {
        id: line.id.into(),
        hypothesis: line.hypothesis.into(),
        references: line.references.into_iter().map(Cow::Owned).collect(),
    }
}

fn cases(path: &Path) -> Vec<Case<'static>> {
    lines(path).into_iter().map(case).collect()
}

/// The folder of reference scores, or `None` with a note that the test is skipped.
fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("CAPTION_BENCH_REFERENCE");
    if folder.is_none() {
        println!("skipped: CAPTION_BENCH_REFERENCE is not set");
    }
    folder.map(|folder| Path::new(&folder).join("metrics"))
}

/// The reference's value, or what bench gives where the reference raises instead of answering.
fn expected(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| {
        assert_eq!(value["error"], "ZeroDivisionError", "{value}");
        0.0
    })
}

fn assert_close(ours: f64, theirs: f64, what: &str) {
    let off = (ours - theirs).abs();
    assert!(
        off <= TOLERANCE * theirs.abs().max(1.0),
        "{what}: {ours} and not {theirs}"
    );
}

/// Whether coco-caption can score a case at all: its tokenizer ends a caption at any line break.
fn coco_can_read(scores: &Values) -> bool {
    let error = &scores["coco.bleu1"]["error"];
    assert!(
        error.is_null() || error == "line break in a caption",
        "{error}"
    );
    error.is_null()
}

/// Compares the score of each case and of all together, under every metric there is.
fn compare(cases: &[Case], per_case: &BTreeMap<String, Values>, corpus: &Values) {
    let coco = |metric: &dyn Metric| metric.key().starts_with("coco.");
    let readable: Vec<Case> = cases
        .iter()
        .filter(|case| coco_can_read(&per_case[&*case.id]))
        .cloned()
        .collect();
    let (of_coco, others): (Vec<_>, Vec<_>) = metrics::suite("all")
        .unwrap()
        .into_iter()
        .partition(|metric| coco(*metric));
    compare_with(&others, cases, per_case, corpus);
    compare_with(&of_coco, &readable, per_case, corpus);
}

fn compare_with(
    metrics: &[&dyn Metric],
    cases: &[Case],
    per_case: &BTreeMap<String, Values>,
    corpus: &Values,
) {
    let evaluation = metrics::evaluate(metrics, cases, 2, 0);
    for metric in metrics {
        let key = metric.key();
        if metric.unavailable().is_some() {
            println!("skipped: {key} is unavailable");
            continue;
        }
        let table = &evaluation.tables[key];
        for (i, case) in cases.iter().enumerate() {
            let theirs = expected(&per_case[&*case.id][key]);
            assert_close(
                metric.caption_score(table.row(i)),
                theirs,
                &format!("{key} of {}", case.id),
            );
        }
        assert_close(
            metric.score(&table.sums()),
            expected(&corpus[key]),
            &format!("{key} of all"),
        );
    }
}

#[test]
fn our_own_cases_equal_the_references() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metrics/golden.jsonl");
    let golden: Vec<Value> = lines(&path);
    let (head, rows) = golden.split_first().unwrap();
    let command = head["command"].as_str().unwrap();
    assert!(command.contains("fixtures/make/metrics.py"), "{command}");
    assert!(
        rows.len() >= 300 && head["n"] == rows.len(),
        "{}",
        rows.len()
    );
    let values = |value: &Value| serde_json::from_value::<Values>(value.clone()).unwrap();
    let cases: Vec<Case> = rows.iter().map(|row| case(row.clone())).collect();
    let per_case = rows
        .iter()
        .zip(&cases)
        .map(|(row, case)| (case.id.to_string(), values(&row["scores"])))
        .collect();
    compare(&cases, &per_case, &values(&head["corpus"]));
}

#[test]
fn public_cases_equal_the_references() {
    let Some(folder) = reference() else { return };
    let cases = cases(&folder.join("cases.jsonl"));
    let mut per_case: BTreeMap<String, Values> = BTreeMap::new();
    let mut put = |line: &Value, key: &str, value: &Value| {
        let id = line["id"].as_str().unwrap().to_owned();
        per_case
            .entry(id)
            .or_default()
            .insert(key.to_owned(), value.clone());
    };
    for line in lines::<Value>(&folder.join("hf_bleu_percase.jsonl")) {
        put(&line, "hf.bleu", &line["bleu"]);
    }
    for line in lines::<Value>(&folder.join("rouge.jsonl")) {
        for kind in ["rouge1", "rouge2", "rougeL", "rougeLsum"] {
            put(&line, &format!("hf.{kind}"), &line["plain_multi"][kind][2]);
        }
    }
    for line in lines::<Value>(&folder.join("nltk_meteor.jsonl")) {
        put(&line, "hf.meteor", &line["wt"]);
    }
    for line in lines::<Value>(&folder.join("sacrebleu_sentence.jsonl")) {
        put(&line, "sacrebleu.bleu", &line["13a+eff"]);
    }
    for line in lines::<Value>(&folder.join("nltk_bleu_sentence.jsonl")) {
        put(&line, "nltk.bleu", &line["wtl-m0"]);
    }
    for line in lines::<Value>(&folder.join("coco.jsonl")) {
        for n in 1..=4 {
            put(&line, &format!("coco.bleu{n}"), &line["bleu"][n - 1]);
        }
        put(&line, "coco.rougeL", &line["rougeL"]);
        put(&line, "coco.cider", &line["ciderD_all"]);
        put(&line, "coco.meteor", &line["meteor15"]);
    }
    let corpus: Value =
        serde_json::from_slice(&std::fs::read(folder.join("corpus.json")).unwrap()).unwrap();
    let mut all = Values::from([
        (
            "hf.bleu".to_owned(),
            corpus["hf_bleu"]["all/default"]["bleu"].clone(),
        ),
        (
            "hf.meteor".to_owned(),
            corpus["nltk_meteor_mean"]["all/wt"].clone(),
        ),
        (
            "sacrebleu.bleu".to_owned(),
            corpus["sacrebleu"]["all/13a"]["score"].clone(),
        ),
        (
            "nltk.bleu".to_owned(),
            corpus["nltk_bleu"]["all/wtl-m0"].clone(),
        ),
    ]);
    let coco = &corpus["pycocoevalcap"]["all"];
    for n in 1..=4 {
        all.insert(format!("coco.bleu{n}"), coco["Bleu_1..4"][n - 1].clone());
    }
    all.insert("coco.rougeL".to_owned(), coco["ROUGE_L"].clone());
    all.insert("coco.cider".to_owned(), coco["CIDEr(D)"].clone());
    all.insert("coco.meteor".to_owned(), coco["METEOR1.5"].clone());
    for kind in ["rouge1", "rouge2", "rougeL", "rougeLsum"] {
        let value = &corpus["rouge_mean_f"][format!("all/plain_multi/{kind}")];
        all.insert(format!("hf.{kind}"), value.clone());
    }
    compare(&cases, &per_case, &all);
}

#[test]
fn public_tokens_equal_the_references() {
    let Some(folder) = reference() else { return };
    let by_id: BTreeMap<String, Case> = cases(&folder.join("cases.jsonl"))
        .into_iter()
        .map(|case| (case.id.to_string(), case))
        .collect();
    for line in lines::<Value>(&folder.join("tokens.jsonl")) {
        let case = &by_id[line["id"].as_str().unwrap()];
        let text = match line["text"].as_str().unwrap().strip_prefix('r') {
            Some(i) => &case.references[i.parse::<usize>().unwrap()],
            None => &case.hypothesis,
        };
        let joined = |tokens: Vec<String>| Value::from(tokens.join(" "));
        // sacreBLEU itself, not Hugging Face, strips trailing white space.
        let stripped = text.trim_end_matches(tokenizers::python::is_space);
        assert_eq!(
            joined(tokenizers::thirteen_a(stripped)),
            line["13a"],
            "{text:?}"
        );
        assert_eq!(
            joined(tokenizers::international::tokenize(stripped)),
            line["intl"],
            "{text:?}"
        );
        assert_eq!(
            Value::from(tokenizers::word_tokenize(text)),
            line["word_tokenize"],
            "{text:?}"
        );
        assert_eq!(joined(tokenizers::rouge(text)), line["rouge"], "{text:?}");
    }
}

#[test]
fn public_stemmed_rouge_equals_the_reference() {
    let Some(folder) = reference() else { return };
    let cases = cases(&folder.join("cases.jsonl"));
    let golden: Vec<Value> = lines(&folder.join("rouge.jsonl"));
    for (name, kind) in [
        ("rouge1", RougeKind::One),
        ("rouge2", RougeKind::Two),
        ("rougeL", RougeKind::L),
        ("rougeLsum", RougeKind::Lsum),
    ] {
        let rouge = Rouge::stemmed(kind);
        let table = metrics::stats_table(&rouge, &cases, 2);
        assert_eq!(table.len(), golden.len());
        for (i, line) in golden.iter().enumerate() {
            let theirs = line["stem_multi"][name][2].as_f64().unwrap();
            let ours = rouge.caption_score(table.row(i));
            assert_close(ours, theirs, &format!("{name} of {}", line["id"]));
        }
    }
}

/// Tokens that coco-caption takes away; `ptb_probe.jsonl` still has them.
const PTB_PUNCTUATION: [&str; 13] = [
    "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";",
];

#[test]
fn public_ptb_tokens_equal_the_reference() {
    let Some(folder) = reference() else { return };
    let probes: Vec<Value> = lines(&folder.join("ptb_probe.jsonl"));
    let texts = probes.iter().map(|probe| probe["text"].as_str().unwrap());
    // The reference read them as one file, with an empty line after each.
    let mut ours = vec![Vec::new(); 2 * probes.len()];
    tokenizers::ptb::scan(texts.flat_map(|text| [text, ""]), None, |line, token| {
        ours[line].push(token.to_owned());
    });
    for (probe, ours) in probes.iter().zip(ours.chunks_exact(2)) {
        let mut wanted: Vec<String> = serde_json::from_value(probe["tokens"].clone()).unwrap();
        wanted.retain(|token| !PTB_PUNCTUATION.contains(&token.as_str()));
        assert_eq!(ours, [wanted, Vec::new()], "{}", probe["text"]);
    }
    let cases = cases(&folder.join("cases.jsonl"));
    let tokens = PtbTokens::new(&cases, 2);
    for (case, line) in lines::<Value>(&folder.join("coco.jsonl"))
        .iter()
        .enumerate()
    {
        assert_eq!(tokens.line(case), line["hyp_tok"].as_str().unwrap());
        let references = line["refs_tok"].as_array().unwrap();
        for (text, reference) in tokens.references(case).zip(references) {
            assert_eq!(tokens.line(text), reference.as_str().unwrap());
        }
    }
}

/// The SHA-256 of all captions' tokens, one caption a line.
fn digest<'a>(captions: impl Iterator<Item = &'a str>) -> String {
    let mut lines: Vec<String> = Vec::new();
    tokenizers::ptb::scan(captions, None, |line, token| {
        lines.resize(lines.len().max(line + 1), String::new());
        if !lines[line].is_empty() {
            lines[line].push(' ');
        }
        lines[line].push_str(token);
    });
    let hash = Sha256::digest(lines.join("\n") + "\n");
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn ptb_tokens_of_whole_data_sets_equal_the_reference() {
    let Some(folder) = std::env::var_os("CAPTION_BENCH_DATA") else {
        println!("skipped: CAPTION_BENCH_DATA is not set");
        return;
    };
    let read = |name| std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metrics/ptb_digests.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();

    let coco: Value = serde_json::from_str(&read("captions_val2017.json")).unwrap();
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), 25_014);
    let captions = annotations.iter().map(|a| a["caption"].as_str().unwrap());
    assert_eq!(digest(captions), golden["captions_val2017.json"]);

    let flickr = read("Flickr8k.token.txt");
    let captions = flickr.lines().map(|line| line.split_once('\t').unwrap().1);
    assert_eq!(digest(captions), golden["Flickr8k.token.txt"]);
}

#[test]
fn public_words_equal_the_references() {
    let Some(folder) = reference() else { return };
    let wordnet = WordNet::embedded();
    for line in lines::<Value>(&folder.join("words.jsonl")) {
        let word = line["w"].as_str().unwrap();
        let stem = porter::stem(word);
        assert_eq!(*stem, line["porter_nltk"], "{word}");
        let names = line["syn_of_stem"].as_array().unwrap();
        // Names with capitals are no part of the table: stems are in lower case.
        let mut wanted: Vec<u32> = names
            .iter()
            .filter_map(|name| wordnet.rank(name.as_str().unwrap()))
            .collect();
        wanted.sort_unstable();
        let lower = names
            .iter()
            .filter(|name| name.as_str() == Some(&name.as_str().unwrap().to_lowercase()));
        assert_eq!(lower.count(), wanted.len(), "{stem}");
        assert_eq!(wordnet.synonyms(&stem), wanted, "{stem}");
    }
}

/// The metric behind `TOK[-lc][-SMOOTH[-VALUE]][+eff]`, or `None` for one that counts up to other orders.
fn sacrebleu(column: &str) -> Option<SacreBleu> {
    let (column, effective_order) = match column.strip_suffix("+eff") {
        Some(column) => (column, true),
        None => (column, false),
    };
    let (tokenizer, rest) = column.split_once('-').unwrap_or((column, ""));
    let tokenizer = match tokenizer {
        "13a" => SacreTokenizer::ThirteenA,
        "intl" => SacreTokenizer::International,
        "none" => SacreTokenizer::None,
        "char" => SacreTokenizer::Char,
        _ => panic!("{column}"),
    };
    let (lowercase, rest) = match rest.strip_prefix("lc") {
        Some(rest) => (true, rest.strip_prefix('-').unwrap_or(rest)),
        None => (false, rest),
    };
    let smoothing = match rest {
        "" | "exp" => Smoothing::Exp,
        "none" => Smoothing::None,
        "floor" => Smoothing::FLOOR,
        "add-k" => Smoothing::ADD_K,
        "max2" => return None,
        _ => match rest.rsplit_once('-').unwrap() {
            ("floor", value) => Smoothing::Floor(value.parse().unwrap()),
            ("add-k", value) => Smoothing::AddK(value.parse().unwrap()),
            _ => panic!("{column}"),
        },
    };
    Some(SacreBleu {
        tokenizer,
        smoothing,
        lowercase,
        effective_order,
    })
}

#[test]
fn sacrebleu_equals_our_own_goldens_in_all_its_settings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metrics");
    let by_id: BTreeMap<String, Case> = lines::<Value>(&folder.join("golden.jsonl"))
        .into_iter()
        .skip(1)
        .map(case)
        .map(|case| (case.id.to_string(), case))
        .collect();
    let golden: Vec<Value> = lines(&folder.join("sacrebleu.jsonl"));
    let (head, rows) = golden.split_first().unwrap();
    assert!(rows.len() > 150 && head["n"] == rows.len());
    let cases: Vec<Case> = rows
        .iter()
        .map(|row| by_id[row["id"].as_str().unwrap()].clone())
        .collect();
    for (column, corpus) in head["corpus"].as_object().unwrap() {
        let metric = sacrebleu(column).unwrap();
        let evaluation = metrics::evaluate(&[&metric], &cases, 2, 0);
        let table = &evaluation.tables[metric.key()];
        for (i, row) in rows.iter().enumerate() {
            let theirs = row["scores"][column].as_f64().unwrap();
            let what = format!("{column} of {}", row["id"]);
            assert_close(metric.score(table.row(i)), theirs, &what);
        }
        let theirs = corpus["score"].as_f64().unwrap();
        assert_close(metric.score(&table.sums()), theirs, column);
        assert_eq!(
            metric.signature(evaluation.references),
            corpus["signature"].as_str().unwrap()
        );
    }
}

#[test]
fn sacrebleu_equals_the_reference_in_all_its_settings() {
    let Some(folder) = reference() else { return };
    let cases = cases(&folder.join("cases.jsonl"));
    let sentences: BTreeMap<String, Value> =
        lines::<Value>(&folder.join("sacrebleu_sentence.jsonl"))
            .into_iter()
            .map(|line| (line["id"].as_str().unwrap().to_owned(), line))
            .collect();
    let mut compared = 0;
    for column in sentences[&*cases[0].id].as_object().unwrap().keys() {
        if column == "id" || column == "stats" {
            continue;
        }
        let Some(metric) = sacrebleu(column) else {
            continue;
        };
        let table = metrics::stats_table(&metric, &cases, 2);
        for (i, case) in cases.iter().enumerate() {
            let theirs = sentences[&*case.id][column].as_f64().unwrap();
            // The score of a corpus of one, for the columns without effective order.
            let ours = metric.score(table.row(i));
            assert_close(ours, theirs, &format!("{column} of {}", case.id));
            if metric.effective_order {
                assert_eq!(ours, metric.caption_score(table.row(i)));
            }
            compared += 1;
        }
    }
    assert!(compared >= 20 * cases.len(), "{compared}");
}

#[test]
fn sacrebleu_of_a_corpus_equals_the_reference_in_all_its_settings() {
    let Some(folder) = reference() else { return };
    let corpus: Value =
        serde_json::from_slice(&std::fs::read(folder.join("corpus.json")).unwrap()).unwrap();
    let all: Vec<(String, Case)> = lines::<Value>(&folder.join("cases.jsonl"))
        .into_iter()
        .map(|line| (line["kind"].as_str().unwrap().to_owned(), case(line)))
        .collect();
    for (name, theirs) in corpus["sacrebleu"].as_object().unwrap() {
        let (subset, column) = name.split_once('/').unwrap();
        let Some(metric) = sacrebleu(column) else {
            continue;
        };
        let (subset, first) = match subset.strip_suffix("_1ref") {
            Some(subset) => (subset, true),
            None => (subset, false),
        };
        let nasty = |kind: &str| kind.starts_with("nasty");
        let mut cases: Vec<Case> = all
            .iter()
            .filter(|(kind, _)| match subset {
                "all" => true,
                "clean" => !nasty(kind),
                "nasty" => nasty(kind),
                _ => kind == subset,
            })
            .map(|(_, case)| case.clone())
            .collect();
        if first {
            cases
                .iter_mut()
                .for_each(|case| case.references.truncate(1));
        }
        let evaluation = metrics::evaluate(&[&metric], &cases, 2, 0);
        let ours = metric.score(&evaluation.tables[metric.key()].sums());
        assert_close(ours, theirs["score"].as_f64().unwrap(), name);
        let signature = metric.signature(evaluation.references);
        assert_eq!(signature, theirs["signature"].as_str().unwrap(), "{name}");
    }
}
