//! Per-caption statistics as text that is small and can be read in a diff.
//!
//! Each statistic of a metric is one string: its value for every caption in
//! order, with at most six decimals, apart by spaces. For 500 captions the five
//! scores of a row take some 30 kB, a third of what base64 of the numbers'
//! own bytes would.

use crate::metrics::StatsTable;

/// Decimals that are kept. A caption's share of a corpus score is known to far less.
const DECIMALS: usize = 6;

/// One string for each statistic.
pub fn pack(table: &StatsTable) -> Vec<String> {
    let column = |index: usize| {
        let values = table.rows.iter().skip(index).step_by(table.width);
        values.map(|&v| number(v)).collect::<Vec<_>>().join(" ")
    };
    (0..table.width).map(column).collect()
}

/// The table that [`pack`] wrote; `None` if the columns are not numbers or not of one length.
pub fn unpack(columns: &[String]) -> Option<StatsTable> {
    let parse = |column: &String| {
        let values = column.split_ascii_whitespace().map(str::parse::<f64>);
        values.collect::<Result<Vec<_>, _>>().ok()
    };
    let columns = columns.iter().map(parse).collect::<Option<Vec<_>>>()?;
    let n = columns.first()?.len();
    let whole = columns.iter().flatten().all(|v| v.is_finite());
    if !whole || columns.iter().any(|column| column.len() != n) {
        return None;
    }
    let rows = (0..n)
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect();
    Some(StatsTable {
        width: columns.len(),
        rows,
    })
}

fn number(value: f64) -> String {
    let text = format!("{value:.DECIMALS$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_come_back() {
        let table = StatsTable {
            width: 2,
            rows: vec![12.0, 0.5, 100.0, 1.0 / 3.0, -0.0, -0.25],
        };
        let packed = pack(&table);
        assert_eq!(packed, ["12 100 0", "0.5 0.333333 -0.25"]);
        let unpacked = unpack(&packed).unwrap();
        assert_eq!(unpacked.width, 2);
        assert_eq!(unpacked.rows, [12.0, 0.5, 100.0, 0.333333, 0.0, -0.25]);
    }

    #[test]
    fn packing_again_changes_nothing() {
        let rows = (1..=50).map(|i| 1.0 / f64::from(i)).collect();
        let packed = pack(&StatsTable { width: 5, rows });
        assert_eq!(pack(&unpack(&packed).unwrap()), packed);
    }

    #[test]
    fn what_is_no_table_is_none() {
        let columns = |columns: &[&str]| columns.iter().map(|c| c.to_string()).collect::<Vec<_>>();
        for bad in [&[][..], &["1 2", "1"], &["1 two"], &["1 NaN"], &["inf 2"]] {
            assert_eq!(unpack(&columns(bad)), None, "{bad:?}");
        }
    }
}
