//! The likeliest tokens of a row of logits.

use super::kernels::cross_entropy::{argmax, log_sum_exp};

/// The likeliest next tokens of a row of logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeliest {
    /// The logarithm of the sum of the exponentials of all logits, which a logit exceeds its
    /// log-probability by.
    pub log_sum: f64,
    /// Tokens and their logits, the largest first, of equals the smaller token first. There is always
    /// one, if logits are no numbers the first; of a small vocabulary fewer than were asked for.
    pub tokens: Vec<(u32, f32)>,
}

impl Likeliest {
    /// Those of a row of logits.
    pub fn of(logits: &[f32], count: usize) -> Self {
        let tokens = match count {
            1 => {
                let token = argmax(logits);
                vec![(token, logits[token as usize])]
            }
            _ => largest(logits, count),
        };
        Self {
            log_sum: log_sum_exp(logits),
            tokens,
        }
    }
}

/// The largest `count` values with their places, largest first, the first of equals before the others.
fn largest(values: &[f32], count: usize) -> Vec<(u32, f32)> {
    let (mut best, mut least) = (Vec::with_capacity(count + 1), f32::NEG_INFINITY);
    for (place, &value) in values.iter().enumerate() {
        if best.len() == count && value <= least {
            continue;
        }
        let rank = best.partition_point(|&(_, other): &(u32, f32)| other >= value);
        best.insert(rank, (place as u32, value));
        best.truncate(count);
        least = best[best.len() - 1].1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(values: &[f32], count: usize) -> Vec<u32> {
        let best = largest(values, count).into_iter();
        best.map(|(place, value)| {
            assert_eq!(value, values[place as usize]);
            place
        })
        .collect()
    }

    #[test]
    fn the_largest_come_first_and_the_first_of_equals() {
        assert_eq!(places(&[1.0, 3.0, 2.0, 3.0, -1.0], 3), [1, 3, 2]);
        assert_eq!(places(&[2.0, 2.0, 2.0], 2), [0, 1]);
        assert_eq!(places(&[0.5], 4), [0]);
        assert_eq!(places(&[f32::NEG_INFINITY; 3], 2), [0, 1]);
    }
}
