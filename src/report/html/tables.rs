//! A table as HTML: headers with their scope, so that it can be listened to.

use maud::{Markup, html};

use crate::results::table::{Cell, Column, RowKind, Shown, Table};

pub(super) fn table(table: &Table) -> Markup {
    let title = format!("t-{}", table.name);
    html! {
        div.table {
            div.scroll role="region" aria-labelledby=(title) tabindex="0" {
                table {
                    caption #(title) { (table.title) }
                    thead { (head(table)) }
                    tbody {
                        @for (row, &kind) in table.kinds.iter().enumerate() {
                            tr class=(class(kind, row.checked_sub(1).map(|r| table.kinds[r]))) {
                                @for (i, column) in table.columns.iter().enumerate() {
                                    (body_cell(&table.cell(row, column), column, i == 0, kind))
                                }
                            }
                        }
                    }
                }
            }
            @for note in &table.notes { p.note { (note) } }
        }
    }
}

fn head(table: &Table) -> Markup {
    let grouped = table.columns.iter().any(|c| c.group.is_some());
    let alone = |i: usize| table.columns[i].group.is_none();
    html! {
        @if grouped {
            tr {
                @for (i, column) in table.columns.iter().enumerate() {
                    @if let Some(group) = &column.group {
                        @if i == 0 || table.columns[i - 1].group.as_ref() != Some(group) {
                            th.group scope="colgroup" colspan=(span(table, i)) { (group) }
                        }
                    } @else {
                        th.text[!column.is_number()] scope="col" rowspan="2" { (column.heading) }
                    }
                }
            }
        }
        tr {
            @for (i, column) in table.columns.iter().enumerate() {
                @if !grouped || !alone(i) {
                    th.text[!column.is_number()] .theirs[column.shown == Shown::Paper] scope="col" { (column.heading) }
                }
            }
        }
    }
}

/// The number of columns from `first` on that share its group.
fn span(table: &Table, first: usize) -> usize {
    let group = &table.columns[first].group;
    table.columns[first..]
        .iter()
        .take_while(|c| c.group == *group)
        .count()
}

fn body_cell(cell: &Cell, column: &Column, first: bool, kind: RowKind) -> Markup {
    let theirs = column.shown == Shown::Paper;
    html! {
        @if first {
            th.text scope="row" { (cell.text) }
        } @else if !column.is_number() {
            td.text { (cell.text) }
        } @else if cell.text.is_empty() {
            @let why = if kind == RowKind::NotRun && !theirs { "not run" } else { "no value" };
            td.absent { span aria-hidden="true" { "–" } span.unseen { (why) } }
        } @else {
            td.theirs[theirs] .best[cell.best] {
                span.value { (cell.text) }
                @for line in cell.spread.iter().chain(&cell.tested) { " " span.spread { (line) } }
            }
        }
    }
}

fn class(kind: RowKind, before: Option<RowKind>) -> &'static str {
    match (kind, before) {
        (RowKind::Model, _) => "model",
        (RowKind::Floor, Some(RowKind::Floor)) => "floor",
        (RowKind::Floor, _) => "floor first",
        (RowKind::Diagnostic, _) => "diagnostic",
        (RowKind::NotRun, _) => "not-run",
    }
}
