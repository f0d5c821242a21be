//! Tables as Markdown, for issues and READMEs.

use super::{Artifact, Report, Sink};
use crate::error::Result;
use crate::results::table::{Column, RowKind, Table};

/// Writes each table as `tables/NAME.md`.
pub(super) struct Markdown;

impl Sink for Markdown {
    fn render(&self, report: &Report) -> Result<Vec<Artifact>> {
        let of = |t: &Table| Artifact::new(format!("tables/{}.md", t.name), table(t));
        Ok(report.tables().map(of).collect())
    }
}

fn table(table: &Table) -> String {
    let mut text = format!("### {}\n\n", escape(&table.title));
    let headings = table.columns.iter().map(|c| escape(&heading(c)));
    line(&mut text, headings);
    line(
        &mut text,
        table
            .columns
            .iter()
            .map(|c| if c.is_number() { "---:" } else { ":---" }.into()),
    );
    for (row, kind) in table.kinds.iter().enumerate() {
        let cells = table.columns.iter().enumerate().map(|(i, column)| {
            let cell = table.cell(row, column);
            let value = escape(&cell.text);
            let value = match (cell.best, i, kind) {
                (true, ..) => format!("**{value}**"),
                (_, 0, RowKind::Floor | RowKind::Diagnostic) => format!("*{value}*"),
                _ if value.is_empty() => "–".to_owned(),
                _ => value,
            };
            let more = cell.spread.iter().chain(&cell.tested);
            value
                + &more
                    .map(|more| format!(" {}", escape(more)))
                    .collect::<String>()
        });
        line(&mut text, cells);
    }
    for note in &table.notes {
        text.push_str(&format!("\n{}\n", escape(note)));
    }
    text
}

/// A column's heading with its group's: Markdown has a single line of headings.
fn heading(column: &Column) -> String {
    match &column.group {
        Some(group) => format!("{group}, {}", column.heading),
        None => column.heading.clone(),
    }
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push('|');
    for cell in cells {
        text.push_str(&format!(" {cell} |"));
    }
    text.push('\n');
}

/// Text in which Markdown and the HTML in it see nothing of theirs.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
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
    fn nothing_breaks_out_of_a_cell() {
        assert_eq!(escape("a|b\n<i>_c_"), "a\\|b &lt;i&gt;\\_c\\_");
    }
}
