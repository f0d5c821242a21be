//! The verdicts as JUnit XML, which every CI shows as test results: one test case a score.

use crate::gate::text::doubt;
use crate::gate::verdict::{Check, Outcome};
use crate::report::aligned::{interval, p_value, signed};

/// The whole document.
pub fn document(outcome: &Outcome) -> String {
    let failures = outcome.failures().len();
    let errors = outcome.problems.len() + outcome.missing.len();
    let tests = outcome.checks.len() + errors;
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bench gate\" {counts}>\n  <testsuite \
         name=\"baseline {}\" {counts} skipped=\"0\">\n",
        escape(&outcome.name)
    );
    for check in &outcome.checks {
        xml += &test_case(check, outcome.fails(check.verdict));
    }
    for (kind, lines) in [
        ("not comparable", &outcome.problems),
        ("missing", &outcome.missing),
    ] {
        for line in lines {
            xml += &format!(
                "    <testcase classname=\"gate\" name=\"{kind}\">\n      <error type=\"{kind}\" \
                 message=\"{}\"/>\n    </testcase>\n",
                escape(line)
            );
        }
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn test_case(check: &Check, fails: bool) -> String {
    let figures = figures(check);
    let body = match fails {
        true => format!(
            "<failure type=\"regression\" message=\"{}\">{}</failure>",
            escape(&figures),
            escape(&check.signature)
        ),
        false => format!("<system-out>{}</system-out>", escape(&figures)),
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{}\">\n      {body}\n    </testcase>\n",
        escape(&check.row),
        escape(&check.metric)
    )
}

/// A verdict's numbers as a sentence.
pub(super) fn figures(check: &Check) -> String {
    let test = check.test.map_or(String::new(), |test| {
        let (interval, p) = (
            interval(test.difference_ci95),
            p_value(test.p_fall_adjusted),
        );
        format!(", 95 % interval {interval}, p {p}")
    });
    let doubt = doubt(check).map_or(String::new(), |doubt| format!(", {doubt}"));
    format!(
        "{} {:.2} → {:.2}, difference {}{test}, may fall {:.2}{doubt}",
        check.metric,
        check.baseline,
        check.now,
        signed(check.difference),
        check.max_drop
    )
}

/// Text for XML, in an attribute as well as between tags; characters that XML 1.0 cannot hold become `?`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' => escaped += "&#10;",
            '\t' => escaped += "&#9;",
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_leave_its_place() {
        assert_eq!(
            escape("a<b> & \"c\"\n\u{0}é"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;?é"
        );
    }
}
