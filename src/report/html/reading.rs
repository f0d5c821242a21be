//! What a reader needs to believe the numbers: settings, signatures, and how to read all this.

use maud::{Markup, html};

use crate::report::findings;
use crate::report::settings::{OPEN_CHOICES, answers};
use crate::report::{Report, ReportData};
use crate::results::table::metric_heading;

pub(super) fn settings(data: &ReportData) -> Markup {
    html! {
        section #settings {
            h2 { "What the paper leaves open, and what was used" }
            div.scroll role="region" aria-label="Open choices" tabindex="0" {
                table.prose {
                    thead {
                        tr {
                            th.text scope="col" { "Choice" }
                            th.text scope="col" { "The paper" }
                            @for run in &data.runs {
                                th.text scope="col" { @if data.is_comparison() { (run.stamp.name) } @else { "This run" } }
                            }
                        }
                    }
                    tbody {
                        @for choice in &OPEN_CHOICES {
                            tr {
                                th.text scope="row" { (choice.question) }
                                td.text { (choice.paper) }
                                @for run in &data.runs {
                                    td.text {
                                        @let answers = answers(run, choice);
                                        @if answers.is_empty() { span.faint { "not in this recipe" } }
                                        @for answer in answers { code { (answer) } br; }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn signatures(data: &ReportData) -> Markup {
    let signatures = findings::signatures(data);
    html! {
        @if !signatures.is_empty() {
            section #signatures {
                h2 { "Signatures" }
                p.lead { "A number never travels without its signature: implementation, tokenization, references, version." }
                dl.signatures {
                    @for (key, all) in &signatures {
                        div {
                            dt { (metric_heading(key)) " " code { (key) } }
                            @for signature in all { dd { code { (signature) } } }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn how_to_read(report: &Report) -> Markup {
    html! {
        section.reading #reading {
            h2 { "How to read this" }
            dl {
                div {
                    dt { "Points" }
                    dd { "Scores on a scale of 0 to 100, as papers print them; higher is better. BLEU is a "
                        "corpus score, the others are means over captions." }
                }
                div {
                    dt { "Intervals" }
                    dd { "Brackets are 95 % percentile bootstrap intervals over test captions. They say how "
                        "far the score would move with other test pictures, not with another training "
                        "seed; for that, run several seeds, and rows show ± one standard deviation over them. Two "
                        "intervals that overlap do not prove two models equal: both captioned the same "
                        "pictures, and the table of differences tests them as the pairs they are." }
                }
                div {
                    dt { "Differences" }
                    dd { "The interval is of a paired bootstrap, p of approximate randomization over images, "
                        "corrected by Holm over the table: of all that stand at p ≤ 0.05, none is chance in 95 "
                        "of 100 reports. A true difference of the size that stands after \"from\" would be found, "
                        "without the correction, four times out of five; what is smaller, this test set "
                        "can hardly show. A difference is called sure at p ≤ 0.05 after the correction; between rows "
                        "with other numbers of seeds, which have no p, if its interval is clear of zero." }
                }
                div {
                    dt { "Floors" }
                    dd { "Captions written without looking: the most frequent training caption for every "
                        "picture, and the caption of a training picture drawn at random. What is not above "
                        "them has learnt to write, but not to see." }
                }
                div {
                    dt { "Best values" }
                    dd { "Bold is the best model of a column, where it is best at the precision shown. Floors "
                        "and diagnostics are never ranked." }
                }
                div {
                    dt { "Diagnostics" }
                    dd { "Teacher-forced scores predict each word from the true words before it; an oracle "
                        "retrieves from the test captions themselves. Neither is captioning." }
                }
                div {
                    dt { "Beside the paper" }
                    dd { "The paper names neither its metric implementations nor how captions were decoded, "
                        "so its values cannot be matched exactly even on its own data; see the choices above." }
                }
                @if report.rows.iter().any(|r| r.latent.is_some()) {
                    div {
                        dt { "Collapse" }
                        dd { "A variational bottleneck has collapsed when its posterior equals the prior: KL per "
                            "dimension near zero and hardly an active unit. The decoder then ignores the picture, "
                            "whatever the score says." }
                    }
                }
            }
        }
    }
}

pub(super) fn recipes(data: &ReportData) -> Markup {
    html! {
        section #recipe {
            h2 { "Recipe" }
            @for run in &data.runs {
                details {
                    summary { "The resolved recipe" @if data.is_comparison() { " of " (run.stamp.name) } }
                    pre { code { (run.recipe_toml) } }
                }
            }
        }
    }
}
