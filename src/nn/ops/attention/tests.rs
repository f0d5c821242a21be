//! Gradients of every kind of attention, and what masks do.

use super::*;
use crate::nn::Graph;
use crate::nn::layout::Layout;
use crate::nn::ops::check::check_gradients;

fn attention(batch: usize, queries: usize, keys: usize, mask: Mask) -> Attention {
    Attention {
        heads: 2,
        queries: Spans::even(batch, queries),
        keys: Spans::even(batch, keys),
        mask,
        dropout: None,
    }
}

const DROPOUT: Option<Dropout> = Some(Dropout {
    p: 0.3,
    seed: 1,
    stream: 2,
    first_row: 3,
});

#[test]
fn gradients_of_packed_self_attention() {
    for (mask, dropout) in [
        (Mask::Full, None),
        (Mask::Causal, None),
        (Mask::Causal, DROPOUT),
    ] {
        for lengths in [vec![3, 3], vec![1, 2, 3]] {
            check_gradients(Layout::default(), &[(6, 24)], |tape, x| {
                let part = |i| Cols::part(x[0], i, 3);
                let attention = Attention {
                    heads: 2,
                    queries: Spans::of(lengths.clone()),
                    keys: Spans::of(lengths.clone()),
                    mask,
                    dropout,
                };
                (
                    vec![tape.attention(part(0), part(1), part(2), attention)],
                    0.0,
                )
            });
        }
    }
}

/// Heads of 32 and 64 columns, and more queries and keys than a device takes at once.
#[test]
fn gradients_of_wide_heads_and_long_samples() {
    let random = |tape: &mut dyn Graph, rows: usize, cols: usize| {
        let values: Vec<f32> = (0..rows * cols)
            .map(|i| ((i * 7919) % 1013) as f32 / 506.5 - 1.0)
            .collect();
        tape.constant(rows, cols, &values)
    };
    for (size, mask, dropout) in [
        (32, Mask::Causal, None),
        (64, Mask::Causal, DROPOUT),
        (64, Mask::Full, DROPOUT),
    ] {
        // A few numbers of each are differentiated, and all take part.
        let mut builder = Layout::builder();
        let width = 2 * size;
        let map = builder.linear("map", 2, 3 * width, true, 0.4);
        check_gradients(builder.build(), &[], |tape, _| {
            let x = random(tape, 90, 2);
            let packed = tape.linear(x, map);
            let part = |i| Cols::part(packed, i, 3);
            let lengths = || Spans::of([19, 70, 1]);
            let own = Attention {
                heads: 2,
                queries: lengths(),
                keys: lengths(),
                mask,
                dropout,
            };
            let y = tape.attention(part(0), part(1), part(2), own);
            let memory = random(tape, 3 * 35, 2 * width);
            let (k, v) = (Cols::part(memory, 0, 2), Cols::part(memory, 1, 2));
            let cross = Attention {
                heads: 2,
                queries: lengths(),
                keys: Spans::even(3, 35),
                mask: Mask::Full,
                dropout,
            };
            (vec![y, tape.attention(Cols::all(y), k, v, cross)], 0.0)
        });
    }
}

#[test]
fn gradients_of_cross_attention() {
    check_gradients(Layout::default(), &[(4, 10), (34, 20)], |tape, x| {
        let (k, v) = (Cols::part(x[1], 0, 2), Cols::part(x[1], 1, 2));
        let first = tape.attention(Cols::all(x[0]), k, v, attention(2, 2, 17, Mask::Full));
        // Once more, so that gradients meet others that are already there.
        let second = tape.attention(Cols::all(first), v, k, attention(2, 2, 17, Mask::Full));
        (vec![second], 0.0)
    });
}

#[test]
fn gradients_of_blocks_that_overlap_or_leave_columns_out() {
    check_gradients(Layout::default(), &[(3, 10)], |tape, x| {
        let block = |start| Cols {
            var: x[0],
            start,
            width: 4,
        };
        let same = tape.attention(block(2), block(2), block(5), attention(1, 3, 3, Mask::Full));
        // The rest of the columns, so that all have a gradient.
        (vec![same, tape.add(x[0], x[0])], 0.0)
    });
}

#[test]
fn one_key_passes_its_value_through() {
    check_gradients(Layout::default(), &[(2, 4)], |tape, x| {
        let q = tape.constant(4, 4, &[0.3; 16]);
        let k = tape.constant(2, 4, &[0.7; 8]);
        let out = tape.attention(
            Cols::all(q),
            Cols::all(k),
            Cols::all(x[0]),
            attention(2, 2, 1, Mask::Full),
        );
        for row in 0..4 {
            assert_eq!(
                tape.value(out)[4 * row..][..4],
                tape.value(x[0])[row / 2 * 4..][..4]
            );
        }
        (vec![out], 0.0)
    });
}

#[test]
fn samples_do_not_see_each_other() {
    let lengths = [3, 1, 20];
    let x: Vec<f32> = (0..24 * 12)
        .map(|i| ((i * 31) % 17) as f32 / 8.0 - 1.0)
        .collect();
    let attend = |tape: &mut dyn Graph, rows: &[f32], spans: Spans, mask: Mask| {
        let x = tape.constant(rows.len() / 12, 12, rows);
        let part = |i| Cols::part(x, i, 3);
        let shape = Attention {
            heads: 2,
            queries: spans.clone(),
            keys: spans,
            mask,
            dropout: None,
        };
        let out = tape.attention(part(0), part(1), part(2), shape);
        tape.value(out)
    };
    check_gradients(Layout::default(), &[], |tape, _| {
        for mask in [Mask::Full, Mask::Causal] {
            let together = attend(tape, &x, Spans::of(lengths), mask);
            for rows in Spans::of(lengths).iter() {
                let alone = &x[rows.start * 12..rows.end * 12];
                let alone = attend(tape, alone, Spans::even(1, rows.len()), mask);
                assert_eq!(alone, together[rows.start * 4..rows.end * 4]);
            }
        }
        (vec![], 0.0)
    });
}
