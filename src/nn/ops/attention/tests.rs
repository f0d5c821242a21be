//! Gradients of every kind of attention, and what masks do.

use super::*;
use crate::nn::layout::Layout;
use crate::nn::ops::check::check_gradients;

fn attention(batch: usize, queries: usize, keys: usize, mask: Mask) -> Attention {
    Attention {
        batch,
        heads: 2,
        queries,
        keys,
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
        (Mask::Lengths([3, 1].into()), None),
        (Mask::Causal, DROPOUT),
    ] {
        check_gradients(Layout::default(), &[(6, 24)], |tape, x| {
            let part = |i| Cols::part(x[0], i, 3);
            let attention = Attention {
                dropout,
                ..attention(2, 3, 3, mask.clone())
            };
            (
                vec![tape.attention(part(0), part(1), part(2), attention)],
                0.0,
            )
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
fn padding_changes_nothing() {
    let q = |tape: &mut Tape, keys: usize| {
        let x: Vec<f32> = (0..keys * 12)
            .map(|i| ((i * 31) % 17) as f32 / 8.0 - 1.0)
            .collect();
        let x = tape.constant(keys, 12, &x);
        let part = |i| Cols::part(x, i, 3);
        let mask = Mask::Lengths([3].into());
        tape.attention(part(0), part(1), part(2), attention(1, keys, keys, mask))
    };
    check_gradients(Layout::default(), &[], |tape, _| {
        let (short, long) = (q(tape, 3), q(tape, 20));
        assert_eq!(tape.value(short), &tape.value(long)[..12]);
        (vec![], 0.0)
    });
}
