//! `bench score`: scores any system's captions, with no model and no picture at hand.

mod conventions;
mod description;
mod each;
pub mod input;
pub(super) mod output;
mod sacrebleu;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Args;

use self::input::{Files, Source};
use self::sacrebleu::SacreArgs;
use super::progress::Progress;
use crate::error::{Error, Result};
use crate::metrics::bleu::SacreBleu;
use crate::metrics::describe::Description;
use crate::metrics::rouge::{Rouge, RougeKind};
use crate::metrics::{self, Case, Evaluation, Metric};
use crate::results::schema::{SCHEMA, ScoreDocument};
use crate::results::scores::scores;
use crate::stats::bootstrap;

/// The suite of who names neither a suite nor a metric.
const SUITE: &str = "paper";
/// Scoring that takes no longer shows no progress.
const PATIENCE: Duration = Duration::from_secs(2);

/// Flags of `bench score`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Formats, told by the name or else by the text; any may be packed with gzip:
  H  COCO results [{\"image_id\",\"caption\"},…]
  R  COCO captions {\"annotations\":[{\"image_id\",\"caption\"},…]}, or
     Karpathy's dataset_*.json (by cocoid, else imgid)
  both also as {\"image_id\",\"caption\"} a line (.jsonl), or as one caption a line

Lines of plain captions go together line by line, all else by image id. Images
without a caption in H are not scored; a caption without a reference is an error.
One of H, R and the file of cases may be `-`, the standard input.

Examples:
  bench score --hyp results.json --ref captions_val2014.json
  bench score --hyp results.jsonl.gz --ref dataset_coco.json --per-caption each.parquet
  bench score --hyp captions.txt --ref first.txt --ref second.txt --suite all --json scores.json
  write-captions | bench score --hyp - --ref captions_val2014.json --metric hf.meteor
  bench score --cases cases.jsonl --metric hf.meteor --per-caption each.jsonl
  bench score --hyp results.json --ref val.json --describe --train train.json
  bench score --hyp h.txt --ref r.txt --suite sacrebleu --sacrebleu-tokenize intl")]
pub struct ScoreArgs {
    /// Captions to score
    #[arg(
        long,
        value_name = "H",
        required_unless_present = "cases",
        requires = "references"
    )]
    pub hyp: Option<PathBuf>,
    /// References; each further file adds to them
    #[arg(long = "ref", value_name = "R", id = "references")]
    pub references: Vec<PathBuf>,
    /// In place of --hyp and --ref: {"id","hypothesis","references":[…]}, one case a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hyp", "references"])]
    pub cases: Option<PathBuf>,
    /// Metrics by suite: paper, coco, sacrebleu, all [default: paper, unless a metric is named]
    #[arg(long)]
    pub suite: Option<String>,
    /// One more metric, such as hf.meteor; may be given often
    #[arg(long, value_name = "M")]
    pub metric: Vec<String>,
    /// METEOR 1.5's data, for coco.meteor: pycocoevalcap's folder `meteor`, or one with meteor-1.5.jar and paraphrase-en.gz [default: $CAPTION_BENCH_METEOR_DATA]
    #[arg(long, value_name = "DIR")]
    pub meteor_data: Option<PathBuf>,
    /// Write the scores of every caption, as one JSON document a line, or as a table if FILE ends in .parquet
    #[arg(long, value_name = "FILE")]
    pub per_caption: Option<PathBuf>,
    /// Write the scores as JSON; `-` prints it in place of the table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Describe the captions too: self-BLEU, distinct-1 and -2, vocabulary, lengths, novelty, repetition
    #[arg(long)]
    pub describe: bool,
    /// With --describe: captions of the training set, to tell how many are new; in the formats of R
    #[arg(long, value_name = "FILE", requires = "describe")]
    pub train: Vec<PathBuf>,
    /// Threads to use; no number depends on it [default: all cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Stem the words of hf.rouge* first, as rouge_score's use_stemmer=True does; the signature says so
    #[arg(long)]
    pub rouge_stemmer: bool,
    /// Settings of `sacrebleu.bleu`.
    #[command(flatten)]
    pub sacrebleu: SacreArgs,
}

/// Runs `bench score`.
///
/// # Errors
/// [`Error::Input`] for captions and references that do not fit together, broken
/// files and unknown metrics; [`Error::Failed`] if an output cannot be written.
pub fn run(args: ScoreArgs) -> Result<()> {
    let sacrebleu = args.sacrebleu.metric()?;
    if let Some(dir) = &args.meteor_data {
        metrics::coco_meteor::use_data(dir)?;
    }
    let mut metrics = chosen_metrics(args.suite.as_deref(), &args.metric, &sacrebleu)?;
    if args.rouge_stemmer {
        stem_rouge(&mut metrics)?;
    }
    for path in args.json.iter().chain(&args.per_caption) {
        output::check(path)?;
    }
    if metrics
        .iter()
        .any(|metric| metric.key().starts_with("coco."))
    {
        // Its rules take a tenth of a second to compile: time enough to read the captions.
        std::thread::spawn(metrics::tokenizers::ptb::prepare);
    }
    let threads = args
        .threads
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get);
    let (source, files);
    let cases = match (&args.cases, &args.hyp) {
        (Some(path), _) => {
            source = Source::read(path)?;
            input::cases(&source, threads)?
        }
        (None, Some(hypotheses)) => {
            files = Files::read(hypotheses, &args.references)?;
            captions(&files, threads)?
        }
        (None, None) => {
            return Err(Error::input(
                "there is nothing to score: give --hyp and --ref, or --cases",
            ));
        }
    };
    let description = match args.describe {
        true => Some(describe(&cases, &args.train, threads)?),
        false => None,
    };

    let evaluation = evaluate(&metrics, &cases, threads);
    let document = ScoreDocument {
        schema: SCHEMA,
        n: evaluation.n,
        metrics: scores(&metrics, &evaluation),
        description,
    };
    if let Some(path) = &args.per_caption {
        each::write(path, &metrics, &cases, &evaluation)?;
    }
    if let Some(path) = &args.json {
        output::json(path, &document)?;
    }
    if args.json.as_deref().is_some_and(output::is_stdout) {
        say_unavailable(&metrics);
    } else {
        output::table(&metrics, &document)?;
        if let Some(description) = &document.description {
            output::print(&description::text(description))?;
        }
    }
    Ok(())
}

/// The captions of files and their references; says on the standard error which are not used.
pub(super) fn captions(files: &Files, threads: usize) -> Result<Vec<Case<'_>>> {
    let captions = files.captions(threads)?;
    if let Some(note) = captions.note {
        eprintln!("note: {note}");
    }
    Ok(captions.cases)
}

/// Says on the standard error which metrics have no data here.
pub(super) fn say_unavailable(metrics: &[&dyn Metric]) {
    for metric in metrics {
        if let Some(why) = metric.unavailable() {
            eprintln!("note: {} is unavailable: it {why}", metric.key());
        }
    }
}

/// Describes the captions, with the captions of `training` files to compare them with.
fn describe(cases: &[Case], training: &[PathBuf], threads: usize) -> Result<Description> {
    let mut known = Vec::new();
    for path in training {
        known.extend(input::training(path, threads)?);
    }
    let known = (!training.is_empty()).then_some(&known[..]);
    Ok(metrics::describe::describe(cases, known))
}

/// The metrics of the suite and those named, each once, in the order of tables; sacreBLEU with its
/// settings.
fn chosen_metrics<'a>(
    suite: Option<&str>,
    named: &[String],
    sacrebleu: &'a SacreBleu,
) -> Result<Vec<&'a dyn Metric>> {
    let mut chosen = match suite {
        Some(suite) => metrics::suite(suite)?,
        None if named.is_empty() => metrics::suite(SUITE)?,
        None => Vec::new(),
    };
    for key in named {
        let metric = metrics::named(key)?;
        if let Some(why) = metric.unavailable() {
            return Err(Error::input(format!("{key} {why}")));
        }
        chosen.push(metric);
    }
    let mut all: Vec<&dyn Metric> = metrics::suite("all")?;
    all.retain(|metric| chosen.iter().any(|c| c.key() == metric.key()));
    match all
        .iter_mut()
        .find(|metric| metric.key() == sacrebleu.key())
    {
        Some(metric) => *metric = sacrebleu,
        None if *sacrebleu != SacreBleu::DEFAULT => {
            return Err(Error::input(format!(
                "flags --sacrebleu-… change {key}, which is not asked for: add --metric {key}",
                key = sacrebleu.key()
            )));
        }
        None => {}
    }
    Ok(all)
}

/// Puts stemming ROUGEs in the place of plain ones.
fn stem_rouge(metrics: &mut [&dyn Metric]) -> Result<()> {
    const STEMMED: [&dyn Metric; 4] = [
        &Rouge::stemmed(RougeKind::One),
        &Rouge::stemmed(RougeKind::Two),
        &Rouge::stemmed(RougeKind::L),
        &Rouge::stemmed(RougeKind::Lsum),
    ];
    let mut found = false;
    for metric in metrics {
        if let Some(stemmed) = STEMMED
            .into_iter()
            .find(|rouge| rouge.key() == metric.key())
        {
            (*metric, found) = (stemmed, true);
        }
    }
    match found {
        true => Ok(()),
        false => Err(Error::input(
            "--rouge-stemmer changes hf.rouge*, of which none is asked for: add --metric hf.rouge1",
        )),
    }
}

/// Evaluates with a progress bar, should it take its time.
pub(super) fn evaluate(metrics: &[&dyn Metric], cases: &[Case], threads: usize) -> Evaluation {
    let started = Instant::now();
    let done = AtomicUsize::new(0);
    let bar = OnceLock::new();
    let evaluation =
        metrics::evaluate_with(metrics, cases, threads, bootstrap::SEED, &|captions| {
            let done = done.fetch_add(captions, Ordering::Relaxed) + captions;
            if started.elapsed() > PATIENCE {
                bar.get_or_init(|| Progress::new("scoring captions", cases.len()))
                    .set(done);
            }
        });
    if let Some(bar) = bar.get() {
        bar.finish();
    }
    evaluation
}
