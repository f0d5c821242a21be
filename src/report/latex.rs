//! Tables as LaTeX, for papers: `booktabs` and nothing else is needed.

use super::{Artifact, Report, Sink};
use crate::error::Result;
use crate::results::table::{Cell, Column, RowKind, Table};

/// Writes each table as `tables/NAME.tex`.
pub(super) struct Latex;

impl Sink for Latex {
    fn render(&self, report: &Report) -> Result<Vec<Artifact>> {
        let of = |t: &Table| Artifact::new(format!("tables/{}.tex", t.name), table(t));
        Ok(report.tables().map(of).collect())
    }
}

fn table(table: &Table) -> String {
    let alignment: String = table
        .columns
        .iter()
        .map(|c| if c.is_number() { 'r' } else { 'l' })
        .collect();
    let mut text = format!(
        "% \\usepackage{{booktabs}}\n\\begin{{table}}\n  \\centering\n  \\caption{{{}}}\n  \
         \\label{{tab:{}}}\n  \\begin{{tabular}}{{{alignment}}}\n    \\toprule\n",
        escape(&table.title),
        table.name.replace('_', "-"),
    );
    if table.columns.iter().any(|c| c.group.is_some()) {
        text.push_str(&groups(&table.columns));
    }
    line(&mut text, table.columns.iter().map(|c| escape(&c.heading)));
    text.push_str("    \\midrule\n");
    for (row, &kind) in table.kinds.iter().enumerate() {
        let starts_floors = kind == RowKind::Floor && row > 0 && table.kinds[row - 1] != kind;
        if starts_floors {
            text.push_str("    \\midrule\n");
        }
        let cells = table.columns.iter().enumerate().map(|(i, column)| {
            let slanted = i == 0 && matches!(kind, RowKind::Floor | RowKind::Diagnostic);
            written(&table.cell(row, column), slanted)
        });
        line(&mut text, cells);
    }
    text.push_str("    \\bottomrule\n  \\end{tabular}\n");
    for note in &table.notes {
        text.push_str(&format!("  \\par\\footnotesize {}\n", escape(note)));
    }
    text.push_str("\\end{table}\n");
    text
}

fn written(cell: &Cell, slanted: bool) -> String {
    let value = match escape(&cell.text) {
        value if value.is_empty() => return "--".to_owned(),
        value if cell.best => format!("\\textbf{{{value}}}"),
        value if slanted => format!("\\textit{{{value}}}"),
        value => value,
    };
    let more = cell.spread.iter().chain(&cell.tested);
    let more = more.map(|more| format!(" {{\\scriptsize {}}}", escape(more)));
    value + &more.collect::<String>()
}

/// The line of group headings, each over its columns, with a rule below it.
fn groups(columns: &[Column]) -> String {
    let mut cells = Vec::new();
    let mut rules = String::new();
    let mut start = 0;
    while start < columns.len() {
        let group = &columns[start].group;
        let same = columns[start..]
            .iter()
            .take_while(|c| c.group == *group)
            .count();
        match group {
            Some(name) => {
                cells.push(format!("\\multicolumn{{{same}}}{{c}}{{{}}}", escape(name)));
                rules.push_str(&format!("\\cmidrule(lr){{{}-{}}}", start + 1, start + same));
            }
            None => cells.extend(vec![String::new(); same]),
        }
        start += same;
    }
    let mut text = String::new();
    line(&mut text, cells.into_iter());
    text.push_str(&format!("    {rules}\n"));
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    let cells = cells.join(" & ");
    // A bracket after the last line's `\\` would be read as its optional argument.
    let guard = if cells.starts_with('[') { "{}" } else { "" };
    text.push_str(&format!("    {guard}{} \\\\\n", cells.trim_start()));
}

/// Text in which LaTeX sees nothing of its own.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '\\' => escaped.push_str("\\textbackslash{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '<' => escaped.push_str("\\textless{}"),
            '>' => escaped.push_str("\\textgreater{}"),
            '−' => escaped.push_str("$-$"),
            '±' => escaped.push_str("$\\pm$"),
            '–' => escaped.push_str("--"),
            '·' => escaped.push_str("$\\cdot$"),
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_latex_would_read_is_escaped() {
        assert_eq!(
            escape("50 % of a_b & {c} #1 $x$ \\d ~^ ± 2 −1"),
            "50 \\% of a\\_b \\& \\{c\\} \\#1 \\$x\\$ \\textbackslash{}d \\textasciitilde{}\\textasciicircum{} $\\pm$ 2 $-$1"
        );
    }
}
