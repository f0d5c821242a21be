//! `coco.meteor` as a metric: METEOR 1.5 on coco-caption's tokens.
//!
//! METEOR's language data is large and has a licence of its own (LGPL), so it is not part of this
//! crate: a folder that holds it is named by [`use_data`] or `CAPTION_BENCH_METEOR_DATA`. Without it
//! the metric is unavailable. It has no stand-in: METEOR without its paraphrases is another number.

use std::path::Path;
use std::sync::OnceLock;

use super::Metric;
use super::meteor15::Meteor15;
use super::prepared::Prepared;
use super::signature::signature;
use crate::error::{Error, Result};

/// Names the folder with METEOR's data where no flag does.
pub const DATA_VARIABLE: &str = "CAPTION_BENCH_METEOR_DATA";

/// How to get the data.
const HOW: &str = "needs METEOR's own data: `pip download --no-deps pycocoevalcap`, unzip the wheel, \
                   and name its folder pycocoevalcap/meteor with --meteor-data or CAPTION_BENCH_METEOR_DATA";

static DATA: OnceLock<std::result::Result<Meteor15, String>> = OnceLock::new();

/// Opens METEOR's data for the whole process; see [`Meteor15::open`] for what the folder holds.
///
/// # Errors
/// [`Error::Input`] if the folder does not hold the data, and if other data was opened before.
pub fn use_data(dir: &Path) -> Result<()> {
    let data = Meteor15::open(dir)?;
    DATA.set(Ok(data))
        .map_err(|_| Error::input("METEOR's data is named twice"))
}

/// The data that was opened, or that the environment names; else why there is none.
fn data() -> std::result::Result<&'static Meteor15, &'static str> {
    let open = || match std::env::var_os(DATA_VARIABLE).filter(|dir| !dir.is_empty()) {
        Some(dir) => Meteor15::open(Path::new(&dir)).map_err(|e| format!("{DATA_VARIABLE}: {e}")),
        None => Err(HOW.to_owned()),
    };
    DATA.get_or_init(open).as_ref().map_err(String::as_str)
}

/// `coco.meteor`, on a 0…1 scale.
///
/// A caption's statistics: see [`Meteor15::WIDTH`].
pub struct CocoMeteor;

impl Metric for CocoMeteor {
    fn key(&self) -> &'static str {
        "coco.meteor"
    }

    fn width(&self) -> usize {
        Meteor15::WIDTH
    }

    fn unavailable(&self) -> Option<&'static str> {
        data().err()
    }

    fn stats(&self, caption: &Prepared<'_>, row: &mut Vec<f64>) {
        let data = data().expect("only available metrics look at captions");
        let ptb = caption.corpus().ptb();
        let references: Vec<String> = ptb
            .references(caption.index())
            .map(|text| ptb.line(text))
            .collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        data.stats(&ptb.line(caption.index()), &references, row);
    }

    fn score(&self, sums: &[f64]) -> f64 {
        Meteor15::score(sums)
    }

    fn signature(&self, references: Option<usize>) -> String {
        let fields = [
            ("case", "lc"),
            ("tok", "ptb-3.4.1,norm"),
            ("stages", "exact,stem,synonym,paraphrase"),
            ("params", "0.85,0.2,0.6,0.75"),
            ("agg", "sums"),
            ("impl", "meteor-1.5"),
        ];
        signature(references, &fields)
    }
}
