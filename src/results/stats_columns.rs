//! Tables of statistics as columns of a data frame and back: `METRIC:i` (f64) is statistic `i` of a metric.
//!
//! A frame may hold several [`Part`]s one after the other, each with tables of its own; a column is null in the parts
//! that were not scored under its metric.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series};

use crate::metrics::StatsTable;

/// Captions that were scored together.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// How many there are.
    pub captions: usize,
    /// By metric key: one row a caption.
    pub tables: &'a BTreeMap<String, StatsTable>,
}

/// The columns of all parts' tables, parts one after the other, metrics in the order of their keys.
///
/// # Errors
/// A sentence, if a table has not one row a caption, or two parts have tables of other widths for one metric.
pub fn columns(parts: &[Part]) -> Result<Vec<Column>, String> {
    let mut widths: BTreeMap<&str, usize> = BTreeMap::new();
    for part in parts {
        for (metric, table) in part.tables {
            let (numbers, width, captions) = (table.rows.len(), table.width, part.captions);
            if numbers != captions * width {
                return Err(format!(
                    "{metric} has {numbers} numbers, not {width} for each of {captions} captions"
                ));
            }
            let expected = *widths.entry(metric).or_insert(width);
            if width != expected {
                return Err(format!(
                    "{metric} has {width} numbers a caption in one row and {expected} in another"
                ));
            }
        }
    }
    let mut columns = Vec::new();
    for (metric, width) in widths {
        for index in 0..width {
            let values = parts.iter().flat_map(|part| {
                let table = part.tables.get(metric);
                (0..part.captions).map(move |caption| table.map(|table| table.row(caption)[index]))
            });
            let values: Vec<Option<f64>> = values.collect();
            columns.push(Series::new(format!("{metric}:{index}").into(), values).into());
        }
    }
    Ok(columns)
}

/// The tables of `count` captions from the `first` on, read from all columns but those of the names in `others`.
/// A metric whose columns are null in all of these rows has no table.
///
/// # Errors
/// What is wrong: the column and what was expected of it.
pub fn tables(
    frame: &DataFrame,
    others: &[&str],
    first: usize,
    count: usize,
) -> Result<BTreeMap<String, StatsTable>, (String, String)> {
    let mut found: BTreeMap<&str, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
    for column in frame.columns() {
        let name = column.name().as_str();
        if others.contains(&name) {
            continue;
        }
        let wrong = |expected: &str| (format!("column {name:?}"), format!("expected {expected}"));
        let (metric, index) = name
            .rsplit_once(':')
            .and_then(|(metric, index)| Some((metric, index.parse::<usize>().ok()?)))
            .ok_or_else(|| wrong("a name METRIC:NUMBER"))?;
        let numbers = "floating-point numbers of 64 bits, none missing in a row's captions";
        let rows = column.slice(first as i64, count);
        if rows.dtype() != &DataType::Float64 {
            return Err(wrong(numbers));
        }
        if count > 0 && rows.null_count() == count {
            continue;
        }
        let values = rows.f64().map_err(|_| wrong(numbers))?;
        let values: Option<Vec<f64>> = values.iter().collect();
        let values = values.ok_or_else(|| wrong(numbers))?;
        found.entry(metric).or_default().insert(index, values);
    }
    let mut tables = BTreeMap::new();
    for (metric, columns) in found {
        let width = columns.len();
        if columns.keys().copied().ne(0..width) {
            let message = format!("expected {metric}:0 and so on, with none left out");
            return Err(("columns".to_owned(), message));
        }
        let value = |caption: usize| columns.values().map(move |values| values[caption]);
        let rows = (0..count).flat_map(value).collect();
        tables.insert(metric.to_owned(), StatsTable { width, rows });
    }
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, captions: usize) -> StatsTable {
        StatsTable {
            width,
            rows: (0..captions * width).map(|i| 0.1 + i as f64).collect(),
        }
    }

    fn frame(parts: &[Part]) -> DataFrame {
        let height = parts.iter().map(|part| part.captions).sum();
        DataFrame::new(height, columns(parts).unwrap()).unwrap()
    }

    #[test]
    fn each_part_gets_back_the_tables_that_it_had() {
        // Twelve statistics: column 10 must not be sorted before column 2.
        let one = BTreeMap::from([("hf.bleu".to_owned(), table(12, 3))]);
        let other = BTreeMap::from([
            ("hf.bleu".to_owned(), table(12, 2)),
            ("hf.rouge1".to_owned(), table(1, 2)),
        ]);
        let parts = [(3, &one), (2, &other)].map(|(captions, tables)| Part { captions, tables });
        let frame = frame(&parts);
        assert_eq!(tables(&frame, &[], 0, 3).unwrap(), one);
        assert_eq!(tables(&frame, &[], 3, 2).unwrap(), other);
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let three = BTreeMap::from([("m".to_owned(), table(2, 3))]);
        let wide = BTreeMap::from([("m".to_owned(), table(3, 3))]);
        let part = |captions, tables| Part { captions, tables };
        assert!(columns(&[part(4, &three)]).is_err());
        let error = columns(&[part(3, &three), part(3, &wide)]).unwrap_err();
        assert!(error.contains("in another"), "{error}");
    }

    #[test]
    fn columns_that_are_no_table_are_named() {
        let column = |name: &str, values: &[Option<f64>]| Series::new(name.into(), values).into();
        let frame = |columns: Vec<Column>| DataFrame::new(2, columns).unwrap();
        let ones = [Some(1.0), Some(1.0)];
        let wrong = |columns: Vec<Column>| tables(&frame(columns), &["id"], 0, 2).unwrap_err();
        assert!(
            wrong(vec![column("loss", &ones)])
                .1
                .contains("METRIC:NUMBER")
        );
        assert!(
            wrong(vec![column("m:0", &[Some(1.0), None])])
                .1
                .contains("none missing")
        );
        assert!(
            wrong(vec![column("m:0", &ones), column("m:2", &ones)])
                .1
                .contains("left out")
        );
        assert!(
            wrong(vec![Column::new("m:0".into(), &[1i64, 2])])
                .0
                .contains("m:0")
        );
        let only_others = frame(vec![column("id", &ones)]);
        assert!(tables(&only_others, &["id"], 0, 2).unwrap().is_empty());
    }
}
