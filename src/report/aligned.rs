//! Plain tables on a terminal, and how differences are written in them.

use crate::results::table::{Shown, write_number};

/// How a column lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}
use Align::{Left, Right};

/// Columns as wide as their widest cell, two spaces apart, a line under the header.
pub fn table(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |index: usize| {
        let cells = rows.iter().map(|row| row[index].chars().count());
        cells
            .chain([header[index].0.chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded =
            cells
                .zip(header)
                .zip(&widths)
                .map(|((cell, (_, align)), &width)| match align {
                    Left => format!("{cell:<width$}"),
                    Right => format!("{cell:>width$}"),
                });
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_string() + "\n"
    };
    let rules: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let mut text = line(&mut header.iter().map(|(name, _)| *name));
    text += &line(&mut rules.iter().map(String::as_str));
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

/// An interval of a difference as `[-0.12, +0.34]`.
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("[{}, {}]", signed(low), signed(high))
}

/// A p-value to two digits, and never 0.
pub fn p_value(p: f64) -> String {
    write_number(p, Shown::Chance)
}

/// A difference in points with its sign; what rounds to nothing has none.
pub fn signed(points: f64) -> String {
    let text = format!("{points:+.2}");
    if text == "-0.00" || text == "+0.00" {
        "0.00".into()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            vec!["a".into(), "1.00".into()],
            vec!["bcd".into(), "12.00".into()],
        ];
        let text = table(&[("row", Left), ("now", Right)], &rows);
        assert_eq!(text, "row    now\n---  -----\na     1.00\nbcd  12.00\n");
    }

    #[test]
    fn what_rounds_to_nothing_has_no_sign() {
        assert_eq!(
            [signed(-0.001), signed(0.0), signed(0.005), signed(-1.0)],
            ["0.00", "0.00", "+0.01", "-1.00"]
        );
    }
}
