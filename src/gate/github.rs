//! The verdicts on GitHub: annotations on standard output, a Markdown step summary.

use crate::gate::junit::figures;
use crate::gate::text::check_cells;
use crate::gate::verdict::{End, Outcome, Verdict};

/// Workflow commands, one a line: an error for each regression, problem and missing row, a warning for each large fall
/// that is not confirmed, a notice for each improvement.
///
/// At most ten of each are shown by GitHub, so the worst regressions come first.
pub fn annotations(outcome: &Outcome) -> String {
    let mut lines = String::new();
    for problem in &outcome.problems {
        lines += &command("error", "Not comparable with the baseline", problem);
    }
    for missing in &outcome.missing {
        lines += &command("error", "Missing cell", missing);
    }
    let failures = outcome.failures();
    for check in &failures {
        lines += &command(
            "error",
            &format!("Regression: {}", check.label),
            &figures(check),
        );
    }
    let doubts = outcome.with(Verdict::Unconfirmed);
    for check in doubts.filter(|check| !outcome.fails(check.verdict)) {
        lines += &command(
            "warning",
            &format!("Large fall, not confirmed: {}", check.label),
            &figures(check),
        );
    }
    for check in outcome.with(Verdict::Improved) {
        lines += &command(
            "notice",
            &format!("Improved: {}", check.label),
            &figures(check),
        );
    }
    lines
}

/// The Markdown that belongs into `$GITHUB_STEP_SUMMARY`.
pub fn summary(outcome: &Outcome) -> String {
    let mark = match outcome.end() {
        End::NotComparable | End::Incomplete => "⚠️",
        End::Regression => "❌",
        End::Pass => "✅",
    };
    let mut markdown = format!("### {mark} bench gate: {}\n\n", cell(&outcome.summary()));
    if !outcome.checks.is_empty() {
        markdown += "| row | metric | baseline | now | difference | its 95 % interval | p (Holm) | may fall | \
                     verdict |\n";
        markdown += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n";
    }
    for check in &outcome.checks {
        let cells: Vec<_> = check_cells(check).iter().map(|text| cell(text)).collect();
        markdown += &format!("| {} |\n", cells.join(" | "));
    }
    for note in &outcome.notes {
        markdown += &format!("\n> {}\n", cell(note));
    }
    markdown.push('\n');
    markdown
}

fn command(kind: &str, title: &str, message: &str) -> String {
    let data = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={}::{}\n", property(title), data(message))
}

/// Text that stays in its table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_whatever_it_says() {
        assert_eq!(
            command("error", "a: b, c", "50 % less\nthan before"),
            "::error title=a%3A b%2C c::50 %25 less%0Athan before\n"
        );
    }

    #[test]
    fn a_pipe_makes_no_new_cell() {
        assert_eq!(cell("hf|refs:5"), "hf\\|refs:5");
    }
}
