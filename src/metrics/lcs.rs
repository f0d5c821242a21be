//! Longest common subsequences, for ROUGE-L and ROUGE-Lsum.

/// The length of a longest common subsequence, in memory linear in the shorter text.
pub fn length(a: &[u32], b: &[u32]) -> usize {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut row = vec![0usize; short.len() + 1];
    for x in long {
        let mut diagonal = 0;
        for (j, y) in short.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y {
                diagonal + 1
            } else {
                above.max(row[j])
            };
            diagonal = above;
        }
    }
    row[short.len()]
}

/// The positions in `reference` of the longest common subsequence that rouge_score picks, marked
/// true in `marks` (positions marked before stay).
///
/// It walks the table back from both ends: equal tokens are taken; otherwise a token of the
/// hypothesis is dropped if that alone keeps the length, else one of the reference.
pub fn mark(reference: &[u32], hypothesis: &[u32], marks: &mut [bool]) {
    let width = hypothesis.len() + 1;
    let mut table = vec![0u32; (reference.len() + 1) * width];
    for (i, x) in reference.iter().enumerate() {
        for (j, y) in hypothesis.iter().enumerate() {
            table[(i + 1) * width + j + 1] = if x == y {
                table[i * width + j] + 1
            } else {
                table[i * width + j + 1].max(table[(i + 1) * width + j])
            };
        }
    }
    let (mut i, mut j) = (reference.len(), hypothesis.len());
    while i > 0 && j > 0 {
        if reference[i - 1] == hypothesis[j - 1] {
            marks[i - 1] = true;
            i -= 1;
            j -= 1;
        } else if table[i * width + j - 1] > table[(i - 1) * width + j] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_of_common_subsequences() {
        assert_eq!(length(&[1, 2, 3, 4, 5], &[9, 2, 4, 3, 5]), 3);
        assert_eq!(length(&[9, 2, 4, 3, 5], &[1, 2, 3, 4, 5, 6]), 3);
        assert_eq!(length(&[], &[1]), 0);
    }

    #[test]
    fn ties_drop_a_reference_token() {
        let mut marks = [false; 2];
        mark(&[1, 2], &[2, 1], &mut marks);
        assert_eq!(marks, [true, false]);
        let mut marks = [false; 3];
        mark(&[1, 2, 3], &[1, 3], &mut marks);
        assert_eq!(marks, [true, false, true]);
    }
}
