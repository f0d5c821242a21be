//! The top and the foot of the page: what was run, and what must be known before any number.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::report::{Report, ReportData, RunData};
use crate::results::schema::CellKind;
use crate::results::table::{RowKind, Shown, write_number};

pub(super) fn masthead(report: &Report) -> Markup {
    let data = report.data;
    let count = |kind: RowKind| report.rows.iter().filter(|r| r.kind == kind).count();
    let (models, floors) = (count(RowKind::Model), count(RowKind::Floor));
    let captions = report
        .rows
        .first()
        .and_then(|r| r.cells.first())
        .map_or(0, |c| c.n);
    html! {
        header.masthead {
            div.inner {
                p.eyebrow { "caption-bench report" }
                h1 { (data.name()) }
                p.lede {
                    (plural(models, "model")) " and " (plural(floors, "floor")) ", scored on "
                    (write_number(captions as f64, Shown::Count)) " test captions. Data: "
                    (data.described()) "."
                }
                @for run in &data.runs { (stamp(run, data.is_comparison())) }
            }
            nav aria-label="Sections" {
                div.inner {
                    a href="#results" { "Results" }
                    a href="#charts" { "Charts" }
                    a href="#paper" { "Beside the paper" }
                    @if report.diagnostics.is_some() { a href="#diagnostics" { "Diagnostics" } }
                    @if !report.others.is_empty() { a href="#inside" { "Behind the scores" } }
                    a href="#gallery" { "Gallery" }
                    a href="#settings" { "Settings" }
                    a href="#reading" { "How to read this" }
                }
            }
        }
    }
}

/// Everything that says which run this is.
fn stamp(run: &RunData, several: bool) -> Markup {
    let stamp = &run.stamp;
    let models = run
        .cells
        .iter()
        .filter(|c| c.result.kind == CellKind::Model);
    let seeds: BTreeSet<u64> = models.map(|c| c.result.seed).collect();
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    html! {
        @if several { h2.run { (stamp.name) } }
        dl.stamp {
            div { dt { "Data" } dd { (stamp.data) } }
            div { dt { "Data fingerprint" } dd { (hash(&stamp.data_fingerprint)) } }
            div { dt { "Recipe" } dd { (hash(&stamp.recipe_hash)) } }
            div { dt { (if seeds.len() == 1 { "Seed" } else { "Seeds" }) } dd { (seeds.join(", ")) } }
            div { dt { "Version" } dd { (stamp.version) } }
            div { dt { "Started" } dd { (utc(stamp.started_unix)) } }
        }
        @if !stamp.notes.is_empty() {
            ul.run-notes { @for note in &stamp.notes { li { (note) } } }
        }
    }
}

/// The beginning of a hash; the whole of it where the pointer rests.
fn hash(full: &str) -> Markup {
    let short: String = full.chars().take(12).collect();
    html! { code title=(full) { (short) } }
}

pub(super) fn warnings(warnings: &[String]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            section.warnings #warnings aria-labelledby="warnings-title" {
                h2 #warnings-title { "Read this first" }
                ul { @for warning in warnings { li { (warning) } } }
            }
        }
    }
}

pub(super) fn footer(data: &ReportData) -> Markup {
    html! {
        footer {
            div.inner {
                p {
                    "Made by caption-bench " (env!("CARGO_PKG_VERSION")) " from "
                    (plural(data.runs.iter().map(|r| r.cells.len()).sum(), "finished cell"))
                    ". The same tables lie in " code { "tables/" } " as CSV, Parquet, Markdown and LaTeX, "
                    "the charts in " code { "charts/" } "."
                }
            }
        }
    }
}

fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{s}")
}

/// Seconds since 1970 as `2023-11-15 09:30 UTC`, after Howard Hinnant's `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that a leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + next;
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02} UTC",
        of_day / 3600,
        of_day % 3600 / 60
    )
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_the_calendars() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_700_040_600), "2023-11-15 09:30 UTC");
    }
}
