//! One self-contained page: styles and pictures are inside, nothing is requested from anywhere.
//!
//! A content security policy in the page's head says so to the browser, too. All text is escaped by
//! maud. The page follows the reader's light or dark setting.

mod exhibits;
mod masthead;
mod reading;
mod tables;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::charts::{Chart, Figure};
use super::{Artifact, PAGE, Report, Sink};
use crate::error::Result;

/// Writes the page, with these figures in it.
pub(super) struct Page<'a>(pub &'a [Figure]);

impl Sink for Page<'_> {
    fn render(&self, report: &Report) -> Result<Vec<Artifact>> {
        Ok(vec![Artifact::new(
            PAGE,
            page(report, self.0).into_string(),
        )])
    }
}

const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

fn page(report: &Report, figures: &[Figure]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "caption-bench " (env!("CARGO_PKG_VERSION")) };
                title { (report.data.name()) " · caption-bench report" }
                style { (PreEscaped(include_str!("html/style.css"))) }
            }
            body {
                (masthead::masthead(report))
                main {
                    (masthead::warnings(&report.warnings))
                    (results(report))
                    (charts(figures))
                    (paper(report))
                    (diagnostics(report))
                    (inside(report))
                    (exhibits::gallery(report.data))
                    (reading::settings(report.data))
                    (reading::signatures(report.data))
                    (reading::how_to_read(report))
                    (reading::recipes(report.data))
                }
                (masthead::footer(report.data))
            }
        }
    }
}

fn results(report: &Report) -> Markup {
    html! {
        section #results {
            h2 { "Results" }
            (tables::table(&report.results))
            @if !report.findings.is_empty() {
                h3 { "What the numbers say" }
                ul.findings {
                    @for finding in &report.findings { li { (finding) } }
                }
            }
            @if let Some(differences) = &report.differences { (tables::table(differences)) }
        }
    }
}

fn charts(figures: &[Figure]) -> Markup {
    html! {
        section #charts {
            h2 { "Charts" }
            @for figure in figures {
                @match figure {
                    Figure::Drawn(chart) => (drawn(chart)),
                    Figure::LeftOut { title, why } => p.note { strong { (title) ": " } "left out, as " (why) }
                }
            }
        }
    }
}

fn drawn(chart: &Chart) -> Markup {
    let (width, height) = chart.size;
    html! {
        figure.chart {
            figcaption { strong { (chart.title) } " " (chart.caption) }
            picture {
                source srcset=(data_uri("image/png", &chart.dark)) media="(prefers-color-scheme: dark)";
                img src=(data_uri("image/png", &chart.light)) width=(width) height=(height) alt=(chart.alt);
            }
        }
    }
}

fn paper(report: &Report) -> Markup {
    let paper = crate::results::table::paper::paper();
    html! {
        section #paper {
            h2 { "Beside the paper" }
            p.lead {
                (paper.authors) ", “" (paper.title) "”, " (paper.venue) ". Its numbers in points, ours beside them."
            }
            @for table in &report.paper { (tables::table(table)) }
        }
    }
}

fn diagnostics(report: &Report) -> Markup {
    html! {
        @if let Some(table) = &report.diagnostics {
            section #diagnostics {
                h2 { "Diagnostics" }
                (tables::table(table))
            }
        }
    }
}

fn inside(report: &Report) -> Markup {
    html! {
        @if !report.others.is_empty() {
            section #inside {
                h2 { "Behind the scores" }
                @for table in &report.others { (tables::table(table)) }
            }
        }
    }
}

/// Bytes as an address that needs no request.
fn data_uri(media_type: &str, bytes: &[u8]) -> String {
    format!("data:{media_type};base64,{}", STANDARD.encode(bytes))
}
