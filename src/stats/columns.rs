//! The statistics of captions by column, so that many weighted sums of them cost little.

use crate::metrics::StatsTable;
use crate::nn::kernels::dispatch::dispatch;

/// Captions that are summed at a time: what is needed of them stays in the nearest caches.
const BLOCK: usize = 4096;
/// The largest value of a column of whole numbers: with it, and with the largest count, a block's
/// sum is still below 2³¹.
const LARGEST: f64 = 2047.0;
/// Partial sums of a column of fractions, which are added up at the end.
const PARTS: usize = 8;

/// The columns of several tables over the same captions, those that are equal kept once.
///
/// Nearly all statistics are small whole numbers; these take 16 bits and are summed without rounding.
pub(super) struct Columns {
    whole: Vec<Vec<i16>>,
    any: Vec<Vec<f64>>,
    /// Where the columns of each table are.
    tables: Vec<Vec<Place>>,
}

#[derive(Clone, Copy)]
enum Place {
    Whole(usize),
    Any(usize),
}

impl Columns {
    /// The columns of `tables`.
    pub(super) fn of<'a>(tables: impl IntoIterator<Item = &'a StatsTable>) -> Self {
        let mut columns = Self {
            whole: Vec::new(),
            any: Vec::new(),
            tables: Vec::new(),
        };
        for table in tables {
            let places = (0..table.width).map(|at| columns.add(table, at)).collect();
            columns.tables.push(places);
        }
        columns
    }

    fn add(&mut self, table: &StatsTable, at: usize) -> Place {
        let values = || table.rows.iter().skip(at).step_by(table.width).copied();
        match values().all(|value| (0.0..=LARGEST).contains(&value) && value.fract() == 0.0) {
            true => Place::Whole(place(&mut self.whole, values().map(|value| value as i16))),
            false => Place::Any(place(&mut self.any, values())),
        }
    }

    /// For each resample, how often it counts each caption, the sums of each table's columns.
    ///
    /// No sum depends on the other resamples, nor on the processor.
    pub(super) fn sums<const N: usize>(&self, counts: &[Vec<u8>; N]) -> [Vec<Vec<f64>>; N] {
        let captions = counts.first().map_or(0, Vec::len);
        let mut whole = vec![[0i64; N]; self.whole.len()];
        let mut any = vec![[[0.0; PARTS]; N]; self.any.len()];
        for start in (0..captions).step_by(BLOCK) {
            let block = start..captions.min(start + BLOCK);
            let counts: [&[u8]; N] = std::array::from_fn(|lane| &counts[lane][block.clone()]);
            for (column, sums) in self.whole.iter().zip(&mut whole) {
                add_whole(&column[block.clone()], &counts, sums);
            }
            for (column, sums) in self.any.iter().zip(&mut any) {
                add_any(&column[block.clone()], &counts, sums);
            }
        }
        std::array::from_fn(|lane| {
            let sum = |place: &Place| match *place {
                Place::Whole(at) => whole[at][lane] as f64,
                Place::Any(at) => any[at][lane].iter().sum(),
            };
            let table = |places: &Vec<Place>| places.iter().map(sum).collect();
            self.tables.iter().map(table).collect()
        })
    }
}

/// Where these values are among `columns`, at the end if they were not there.
fn place<T: PartialEq + Copy>(
    columns: &mut Vec<Vec<T>>,
    values: impl Iterator<Item = T> + Clone,
) -> usize {
    let known = columns
        .iter()
        .position(|column| values.clone().eq(column.iter().copied()));
    known.unwrap_or_else(|| {
        columns.push(values.collect());
        columns.len() - 1
    })
}

/// Adds a block of a column of whole numbers, each as often as each lane counts it.
fn add_whole<const N: usize>(values: &[i16], counts: &[&[u8]; N], sums: &mut [i64; N]) {
    for (counts, sum) in counts.iter().zip(sums) {
        *sum += i64::from(whole_sum(values, counts));
    }
}

/// Adds a block of a column, each value as often as each lane counts it.
fn add_any<const N: usize>(values: &[f64], counts: &[&[u8]; N], sums: &mut [[f64; PARTS]; N]) {
    for (counts, sums) in counts.iter().zip(sums) {
        add_parts(values, counts, sums);
    }
}

dispatch! {
    /// The sum of whole numbers, each as often as `counts` says.
    fn whole_sum(values: &[i16], counts: &[u8]) -> i32 {
        let terms = values.iter().zip(counts);
        terms.map(|(&value, &count)| i32::from(value) * i32::from(i16::from(count))).sum()
    }

    /// Adds every value, as often as `counts` says, to the part that its place decides.
    fn add_parts(values: &[f64], counts: &[u8], parts: &mut [f64; PARTS]) {
        let mut sums = *parts;
        let mut blocks = values.chunks_exact(PARTS).zip(counts.chunks_exact(PARTS));
        for (values, counts) in &mut blocks {
            for ((sum, &value), &count) in sums.iter_mut().zip(values).zip(counts) {
                *sum += f64::from(count) * value;
            }
        }
        let rest = values.len() / PARTS * PARTS;
        for ((sum, &value), &count) in sums.iter_mut().zip(&values[rest..]).zip(&counts[rest..]) {
            *sum += f64::from(count) * value;
        }
        *parts = sums;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::kernels::dispatch::{at_level, levels};

    fn table(width: usize, rows: Vec<f64>) -> StatsTable {
        StatsTable { width, rows }
    }

    #[test]
    fn sums_are_those_of_the_rows_on_every_processor() {
        let n = 2 * BLOCK + 13;
        let fraction = |i: usize| (i % 97) as f64 / 7.0 - 3.0;
        let rows = (0..n).flat_map(|i| [(i % 2048) as f64, fraction(i), 1.0]);
        let tables = [
            table(3, rows.collect()),
            table(1, (0..n).map(|i| (i % 2048) as f64).collect()),
            table(1, (0..n).map(|i| 2048.0 - (i % 2) as f64).collect()),
        ];
        let columns = Columns::of(&tables);
        assert_eq!((columns.whole.len(), columns.any.len()), (2, 2));
        let counts: [Vec<u8>; 3] =
            std::array::from_fn(|lane| (0..n).map(|i| (i * (lane + 3) % 256) as u8).collect());
        let sums = columns.sums(&counts);
        for (counts, sums) in counts.iter().zip(&sums) {
            for (table, sums) in tables.iter().zip(sums) {
                for (at, &sum) in sums.iter().enumerate() {
                    let values = table.rows.iter().skip(at).step_by(table.width);
                    let expected: f64 = values.zip(counts).map(|(v, &c)| v * f64::from(c)).sum();
                    assert!(
                        (sum - expected).abs() <= 1e-12 * expected.abs(),
                        "{sum} {expected}"
                    );
                }
            }
        }
        for level in levels() {
            assert_eq!(at_level(level, || columns.sums(&counts)), sums, "{level:?}");
        }
    }

    #[test]
    fn the_largest_sum_of_a_block_is_exact() {
        let columns = Columns::of(&[table(1, vec![LARGEST; BLOCK])]);
        let [sums] = columns.sums(&[vec![u8::MAX; BLOCK]]);
        assert_eq!(sums, [[255.0 * LARGEST * BLOCK as f64]]);
    }
}
