//! What models look like from inside, a table for each question; one has every number for machines.

use std::collections::BTreeSet;

use super::{Column, Measure, Row, Sheet, Shown, Table, identity_columns};
use crate::error::Result;
use crate::results::schema::CellResult;

/// A number of a question's table: the probes of which the first that a model has is shown.
struct Probe {
    /// The name of the frame's column.
    name: &'static str,
    of: &'static [&'static str],
    group: &'static str,
    heading: &'static str,
    shown: Shown,
}

/// A question, answered by a table of its own.
struct Question {
    name: &'static str,
    title: &'static str,
    probes: &'static [Probe],
    note: &'static str,
    /// A row without this probe has nothing to say here.
    asked_of: &'static str,
}

/// A probe that is shown under its own name.
const fn probe(
    of: &'static [&'static str; 1],
    group: &'static str,
    heading: &'static str,
    shown: Shown,
) -> Probe {
    Probe {
        name: of[0],
        of,
        group,
        heading,
        shown,
    }
}

use Shown::{Count, Percent, Quantity};

const QUESTIONS: [Question; 4] = [
    Question {
        name: "embeddings",
        title: "Do pictures and texts meet?",
        probes: &[
            probe(&["initial.gap"], "Gap", "before", Quantity),
            probe(&["gap"], "Gap", "test", Quantity),
            probe(&["validation.gap"], "Gap", "validation", Quantity),
            probe(&["initial.cka"], "CKA", "before", Quantity),
            probe(&["cka"], "CKA", "test", Quantity),
            probe(&["retrieval_r1"], "Picture finds text (%)", "R@1", Percent),
            probe(
                &["retrieval_r10"],
                "Picture finds text (%)",
                "R@10",
                Percent,
            ),
            probe(
                &["retrieval_text_r1"],
                "Text finds picture (%)",
                "R@1",
                Percent,
            ),
            probe(
                &["retrieval_text_r10"],
                "Text finds picture (%)",
                "R@10",
                Percent,
            ),
        ],
        note: "Of test pictures and their first captions. Gap: distance of the centroids of normalised embeddings, 0 to \
               2, before training and after. Without a contrastive loss nothing brings the two sides together.",
        asked_of: "cka",
    },
    Question {
        name: "space",
        title: "How do embeddings fill their space?",
        probes: &[
            probe(&["initial.alignment"], "Alignment", "before", Quantity),
            probe(&["alignment"], "Alignment", "test", Quantity),
            probe(
                &["initial.uniformity_image"],
                "Uniformity of pictures",
                "before",
                Quantity,
            ),
            probe(
                &["uniformity_image"],
                "Uniformity of pictures",
                "test",
                Quantity,
            ),
            probe(
                &["initial.uniformity_text"],
                "Uniformity of texts",
                "before",
                Quantity,
            ),
            probe(
                &["uniformity_text"],
                "Uniformity of texts",
                "test",
                Quantity,
            ),
            probe(&["paired_cosine"], "Cosine", "of pairs", Quantity),
            probe(&["unpaired_cosine"], "Cosine", "of others", Quantity),
        ],
        note: "Alignment: mean squared distance of a picture and its caption, 0 to 4. Uniformity: 0 where all lie in one \
               place, and the smaller the more evenly they spread. Of both, smaller is better.",
        asked_of: "alignment",
    },
    Question {
        name: "latent",
        title: "What does the latent carry?",
        probes: &[
            probe(&["kl_per_picture"], "KL (nats)", "a picture", Quantity),
            probe(&["kl_per_dimension"], "KL (nats)", "a dimension", Quantity),
            probe(&["active_units"], "Dimensions", "active", Count),
            probe(&["latent_dimensions"], "Dimensions", "all", Count),
            probe(&["mutual_information"], "I(x; z) (nats)", "found", Quantity),
            probe(
                &["mutual_information_limit"],
                "I(x; z) (nats)",
                "at most",
                Quantity,
            ),
        ],
        note: "KL: of the posterior from the prior, all that a picture costs, and the mean over its dimensions and \
               latent vectors (a CLS latent has one, a patch latent as many as the encoder has tokens). Active: the \
               posterior's mean moves with the picture (variance over 0.01). At most: what it takes to tell the \
               pictures apart that were looked at.",
        asked_of: "kl_per_dimension",
    },
    Question {
        name: "shortcut",
        title: "Does the contrastive loss take its shortcut?",
        probes: &[
            Probe {
                name: "alone_r1",
                of: &["unimodal.retrieval_text_r1", "retrieval_text_r1"],
                group: "Captions find their picture, R@1 (%)",
                heading: "read alone",
                shown: Percent,
            },
            Probe {
                name: "fused_r1",
                of: &["fused.retrieval_text_r1", "retrieval_text_r1"],
                group: "Captions find their picture, R@1 (%)",
                heading: "beside it",
                shown: Percent,
            },
            Probe {
                name: "to_picture",
                of: &["shortcut.to_picture"],
                group: "Beside another picture, nearest to (%)",
                heading: "that picture",
                shown: Percent,
            },
            Probe {
                name: "to_caption",
                of: &["shortcut.to_caption"],
                group: "Beside another picture, nearest to (%)",
                heading: "their own",
                shown: Percent,
            },
        ],
        note: "A decoder that reads captions beside their pictures (contrastive.text_pass = \"fused\") can copy the \
               picture into the text's embedding: every pair is found, and nothing is aligned.",
        asked_of: "shortcut.to_picture",
    },
];

/// A table for each question that any model answers, and one of what is left, whose frame has every probe.
///
/// # Errors
///
/// `Failed` if polars refuses a frame.
pub fn probes(rows: &[Row]) -> Result<Vec<Table>> {
    let questions = QUESTIONS.iter().map(|question| question.table(rows));
    let tables: Result<Vec<Option<Table>>> = questions.chain([all(rows)]).collect();
    Ok(tables?.into_iter().flatten().collect())
}

impl Question {
    fn table(&self, rows: &[Row]) -> Result<Option<Table>> {
        let asked = |row: &&Row| {
            let mut cells = row.cells.iter();
            cells.any(|cell| cell.probes.contains_key(self.asked_of))
        };
        let rows: Vec<&Row> = rows.iter().filter(asked).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let mut sheet = Sheet::default();
        sheet.identity(&rows);
        let mut columns = identity_columns(&rows);
        for probe in self.probes {
            let column = format!("probe.{}", probe.name);
            let of = |cell: &CellResult| {
                let value = probe.of.iter().find_map(|name| cell.probes.get(*name))?;
                Some((*value, None))
            };
            sheet.measure(&column, &measures(&rows, of));
            columns.push(Column::new(column, probe.heading, probe.shown).grouped(probe.group));
        }
        let kinds = rows.iter().map(|row| row.kind).collect();
        let mut table = Table::new(self.name, self.title, kinds, sheet, columns)?;
        table.notes.push(self.note.to_owned());
        if self.name == "embeddings" {
            let pictures = rows.iter().flat_map(|row| &row.cells).map(|cell| cell.n);
            let pictures: BTreeSet<usize> = pictures.collect();
            if let (1, Some(n)) = (pictures.len(), pictures.first()) {
                let chance = 100.0 / (*n).max(1) as f64;
                let note = format!("Of {n} pictures, chance finds {chance:.1} % at once.");
                table.notes.push(note);
            }
        }
        Ok(Some(table))
    }
}

/// Every probe in the frame; shown are those that no question's table has, nor any of their details.
fn all(rows: &[Row]) -> Result<Option<Table>> {
    let has_any = |row: &&Row| row.cells.iter().any(|cell| !cell.probes.is_empty());
    let rows: Vec<&Row> = rows.iter().filter(has_any).collect();
    let names = rows.iter().flat_map(|row| &row.cells);
    let names = names.flat_map(|cell| cell.probes.keys().map(String::as_str));
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() {
        return Ok(None);
    }
    let mut sheet = Sheet::default();
    sheet.identity(&rows);
    let mut columns = identity_columns(&rows);
    for name in names {
        // A probe may bear the name of a column that says which row this is.
        let column = format!("probe.{name}");
        let of = |cell: &CellResult| cell.probes.get(name).map(|&value| (value, None));
        sheet.measure(&column, &measures(&rows, of));
        if !is_elsewhere(name) {
            columns.push(Column::new(column, heading(name), Quantity));
        }
    }
    let kinds = rows.iter().map(|row| row.kind).collect();
    let mut table = Table::new("probes", "Inside the models", kinds, sheet, columns)?;
    let note =
        "tables/probes.csv has every probe, of test and validation pictures and before training.";
    table.notes.push(note.to_owned());
    Ok(Some(table))
}

/// Whether a question's table has it, or more of its kind.
fn is_elsewhere(name: &str) -> bool {
    let mut shown = QUESTIONS.iter().flat_map(|question| question.probes);
    name.contains('.')
        || name.starts_with("retrieval_")
        || shown.any(|probe| probe.of.contains(&name))
}

fn measures(
    rows: &[&Row],
    of: impl Fn(&CellResult) -> Option<(f64, Option<[f64; 2]>)>,
) -> Vec<Option<Measure>> {
    rows.iter().map(|row| row.over(&of)).collect()
}

/// A probe's name for people: known ones with their unit, others with spaces for underscores.
fn heading(name: &str) -> String {
    match name {
        "lm_loss" => "LM loss (nats/token)".into(),
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_question_has_a_column_of_its_own() {
        for question in &QUESTIONS {
            let names: BTreeSet<&str> = question.probes.iter().map(|probe| probe.name).collect();
            assert_eq!(names.len(), question.probes.len(), "{}", question.name);
        }
    }

    #[test]
    fn what_no_question_asks_is_shown_with_the_rest() {
        for name in ["lm_loss", "temperature", "best_step", "something_new"] {
            assert!(!is_elsewhere(name), "{name}");
        }
        for name in [
            "gap",
            "retrieval_r5",
            "validation.cka",
            "unpaired_cosine",
            "active_units",
        ] {
            assert!(is_elsewhere(name), "{name}");
        }
    }
}
