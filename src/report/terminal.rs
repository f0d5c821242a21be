//! The results for a person at a terminal: aligned, as wide as the terminal allows, in colour only
//! where someone sees it.

use std::collections::BTreeSet;
use std::io::{IsTerminal, stdout};

use super::{Artifact, Report, ReportData, Sink};
use crate::error::Result;
use crate::results::table::{Cell, Row, RowKind, Table};

/// The width of text that is written to a file.
const PLAIN_WIDTH: usize = 118;

/// The results as text: warnings, the main table, and the paper's Table 4 beside ours; of a run over
/// several latents all its four tables.
///
/// As wide as the terminal on standard output; colours only on a terminal, and not if `NO_COLOR` is
/// set.
pub fn terminal(data: &ReportData) -> String {
    let on_terminal = stdout().is_terminal();
    let width = match terminal_size::terminal_size() {
        Some((width, _)) if on_terminal => usize::from(width.0),
        _ => PLAIN_WIDTH,
    };
    let colour = on_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    match Report::new(data) {
        Ok(report) => page(
            &report,
            Screen {
                width: width.max(40),
                colour,
            },
        ),
        Err(error) => format!("{error}\n"),
    }
}

/// Writes the same as `report.txt`.
pub(super) struct Plain;

impl Sink for Plain {
    fn render(&self, report: &Report) -> Result<Vec<Artifact>> {
        let screen = Screen {
            width: PLAIN_WIDTH,
            colour: false,
        };
        Ok(vec![Artifact::new("report.txt", page(report, screen))])
    }
}

/// What is written on.
#[derive(Clone, Copy)]
struct Screen {
    width: usize,
    colour: bool,
}

/// Looks of text, as ANSI codes.
#[derive(Clone, Copy)]
enum Look {
    Plain,
    Bold,
    Faint,
    Alert,
}

impl Screen {
    fn paint(&self, text: &str, look: Look) -> String {
        let code = match look {
            Look::Bold => "1",
            Look::Faint => "2",
            Look::Alert => "33",
            Look::Plain => return text.to_owned(),
        };
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn page(report: &Report, screen: Screen) -> String {
    let mut text = String::new();
    let name = printable(&report.data.name());
    let about = format!(
        "{}  {}",
        screen.paint(&name, Look::Bold),
        report.data.described()
    );
    text.push_str(&format!("{about}\n\n"));
    for warning in &report.warnings {
        for (i, line) in wrap(warning, screen.width - 2).iter().enumerate() {
            let sign = if i == 0 { "! " } else { "  " };
            text.push_str(&screen.paint(&format!("{sign}{line}"), Look::Alert));
            text.push('\n');
        }
    }
    if !report.warnings.is_empty() {
        text.push('\n');
    }
    for table in std::iter::once(&report.results)
        .chain(mirrored(report))
        .chain(&report.diagnostics)
    {
        text.push_str(&written(table, screen));
        text.push('\n');
    }
    for finding in &report.findings {
        for (i, line) in wrap(finding, screen.width - 2).iter().enumerate() {
            text.push_str(if i == 0 { "- " } else { "  " });
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The paper's tables that are shown: of a run over several latents all four, else Table 4 alone, as the
/// others would have a row or two.
fn mirrored<'a>(report: &'a Report) -> &'a [Table] {
    let latent = |row: &Row| Some((row.latent.clone()?, row.latent_size?));
    let latents: BTreeSet<_> = report.rows.iter().filter_map(latent).collect();
    match latents.len() {
        0 | 1 => &report.paper[report.paper.len().saturating_sub(1)..],
        _ => &report.paper,
    }
}

/// How intervals are set, the roomiest first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Behind their value.
    Beside,
    /// On a line below it.
    Below,
    /// Not at all: the terminal is too narrow.
    Absent,
}

/// A piece of a line: its text and its look.
type Piece = (String, Look);

fn written(table: &Table, screen: Screen) -> String {
    let layouts = [Layout::Beside, Layout::Below, Layout::Absent];
    let fits = |layout: &Layout| {
        widths(table, *layout).iter().map(|w| w + 2).sum::<usize>() <= screen.width + 2
    };
    let layout = layouts.into_iter().find(fits).unwrap_or(Layout::Absent);
    let mut widths = widths(table, layout);
    // What is still too wide is taken from the label, which is cut.
    let total: usize = widths.iter().map(|w| w + 2).sum();
    if let Some(label) = widths.first_mut() {
        *label = label
            .saturating_sub(total.saturating_sub(screen.width + 2))
            .max(8);
    }
    let mut text = format!("{}\n", screen.paint(&printable(&table.title), Look::Bold));
    for line in headings(table, &widths) {
        text.push_str(&screen.paint(line.trim_end(), Look::Faint));
        text.push('\n');
    }
    let rule = "─".repeat(widths.iter().map(|w| w + 2).sum::<usize>() - 2);
    text.push_str(&format!("{}\n", screen.paint(&rule, Look::Faint)));
    for (row, &kind) in table.kinds.iter().enumerate() {
        if kind == RowKind::Floor && row > 0 && table.kinds[row - 1] != kind {
            text.push_str(&format!("{}\n", screen.paint(&rule, Look::Faint)));
        }
        let cells: Vec<Cell> = table.columns.iter().map(|c| table.cell(row, c)).collect();
        let values = cells.iter().map(|cell| value(cell, layout, kind)).collect();
        text.push_str(&line(table, &widths, values, screen));
        if layout == Layout::Below && cells.iter().any(|c| c.spread.is_some()) {
            let spread = |c: &Cell| vec![(c.spread.clone().unwrap_or_default(), Look::Faint)];
            text.push_str(&line(
                table,
                &widths,
                cells.iter().map(spread).collect(),
                screen,
            ));
        }
    }
    text
}

fn value(cell: &Cell, layout: Layout, kind: RowKind) -> Vec<Piece> {
    let look = match kind {
        _ if cell.best => Look::Bold,
        RowKind::Floor | RowKind::Diagnostic | RowKind::NotRun => Look::Faint,
        RowKind::Model => Look::Plain,
    };
    let text = if cell.text.is_empty() {
        "–".to_owned()
    } else {
        printable(&cell.text)
    };
    let mut pieces = vec![(text, look)];
    if let (Layout::Beside, Some(spread)) = (layout, &cell.spread) {
        pieces.push((format!(" {spread}"), Look::Faint));
    }
    pieces
}

fn widths(table: &Table, layout: Layout) -> Vec<usize> {
    let of = |column| {
        let cells = (0..table.height()).map(|row| {
            let cell = table.cell(row, column);
            let (value, spread) = (
                length(&cell.text).max(1),
                cell.spread.as_deref().map_or(0, length),
            );
            match layout {
                Layout::Beside if spread > 0 => value + 1 + spread,
                Layout::Below => value.max(spread),
                _ => value,
            }
        });
        cells.max().unwrap_or(0).max(length(&column.heading))
    };
    let mut widths: Vec<usize> = table.columns.iter().map(of).collect();
    // A group's heading needs room over its columns.
    for group in spans(table) {
        let width = widths[group.from..group.to]
            .iter()
            .map(|w| w + 2)
            .sum::<usize>()
            - 2;
        widths[group.from] += group.name.map_or(0, length).saturating_sub(width);
    }
    widths
}

/// Neighbouring columns of one group.
struct Span<'a> {
    name: Option<&'a str>,
    from: usize,
    to: usize,
}

fn spans(table: &Table) -> Vec<Span<'_>> {
    let mut spans: Vec<Span> = Vec::new();
    for (i, column) in table.columns.iter().enumerate() {
        let name = column.group.as_deref();
        match spans.last_mut() {
            Some(last) if last.name == name => last.to = i + 1,
            _ => spans.push(Span {
                name,
                from: i,
                to: i + 1,
            }),
        }
    }
    spans
}

fn headings(table: &Table, widths: &[usize]) -> Vec<String> {
    let mut lines = Vec::new();
    if table.columns.iter().any(|c| c.group.is_some()) {
        let over = |span: &Span| {
            let width = widths[span.from..span.to]
                .iter()
                .map(|w| w + 2)
                .sum::<usize>()
                - 2;
            format!("{:>width$}", span.name.unwrap_or_default())
        };
        lines.push(spans(table).iter().map(over).collect::<Vec<_>>().join("  "));
    }
    let own = table.columns.iter().zip(widths).map(|(column, &width)| {
        let heading = &column.heading;
        if column.is_number() {
            format!("{heading:>width$}")
        } else {
            format!("{heading:<width$}")
        }
    });
    lines.push(own.collect::<Vec<_>>().join("  "));
    lines
}

fn line(table: &Table, widths: &[usize], cells: Vec<Vec<Piece>>, screen: Screen) -> String {
    let mut text = String::new();
    for ((column, &width), mut pieces) in table.columns.iter().zip(widths).zip(cells) {
        if let [(only, _)] = &mut pieces[..] {
            *only = cut(only, width);
        }
        let room = width.saturating_sub(pieces.iter().map(|p| length(&p.0)).sum());
        let painted: String = pieces
            .iter()
            .map(|(t, look)| screen.paint(t, *look))
            .collect();
        let (before, after) = if column.is_number() {
            (room, 2)
        } else {
            (0, room + 2)
        };
        text.push_str(&format!(
            "{}{painted}{}",
            " ".repeat(before),
            " ".repeat(after)
        ));
    }
    format!("{}\n", text.trim_end())
}

/// The number of characters, which is what a terminal shows of the scripts used here.
fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    text.chars()
        .take(width.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// The text without control characters: names come from files, and a terminal obeys what it is sent.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = printable(text);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if !lines[last].is_empty() && length(&lines[last]) + 1 + length(word) > width {
            lines.push(word.to_owned());
        } else {
            if !lines[last].is_empty() {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}
