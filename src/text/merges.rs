//! Learning merges: byte pair encoding (Sennrich, Haddow and Birch, 2016) over word counts.
//!
//! The most frequent pair of neighbours becomes one piece, again and again.
//! Between pairs that are equally frequent the one with the smaller ids wins, so
//! that the same words always give the same merges: nothing here is in a hash
//! map's order. Hugging Face's trainer queues a pair once for every way in which
//! it came about, and which of those is merged first can depend on such an order.

use std::collections::{BTreeMap, BTreeSet};

/// A pair of pieces, by id.
type Pair = (u32, u32);

/// Pieces and merges learnt from words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merges {
    /// All pieces; their ids are their places.
    pub pieces: Vec<String>,
    /// Left and right piece of each merge, the first to apply first.
    pub merges: Vec<(String, String)>,
}

struct Word {
    pieces: Vec<u32>,
    count: u64,
}

/// Learns merges until there are `vocab` pieces, or none that occurs twice.
///
/// `pieces` are those to start with. `words` are cut into pieces of their own,
/// with their counts. `continuing` is the mark that a piece within a word
/// carries in front (`##`), which a merge leaves out.
pub fn learn(
    pieces: Vec<String>,
    words: &BTreeMap<Vec<String>, u64>,
    vocab: usize,
    continuing: &str,
) -> Merges {
    let mut ids: BTreeMap<String, u32> = pieces.iter().cloned().zip(0..).collect();
    let mut learnt = Merges {
        pieces,
        merges: Vec::new(),
    };
    let mut words: Vec<Word> = words
        .iter()
        .map(|(word, &count)| Word {
            pieces: word.iter().map(|piece| ids[piece]).collect(),
            count,
        })
        .collect();
    let mut table = Table::default();
    for (at, word) in words.iter().enumerate() {
        table.add(at, word);
    }
    while learnt.pieces.len() < vocab {
        let Some(pair) = table.most_frequent() else {
            break;
        };
        let [left, right] = [pair.0, pair.1].map(|id| learnt.pieces[id as usize].clone());
        let merged = format!("{left}{}", right.strip_prefix(continuing).unwrap_or(&right));
        let id = *ids.entry(merged.clone()).or_insert_with(|| {
            learnt.pieces.push(merged);
            learnt.pieces.len() as u32 - 1
        });
        learnt.merges.push((left, right));
        for at in table.words_of(pair) {
            table.remove(at, &words[at]);
            merge(&mut words[at].pieces, pair, id);
            table.add(at, &words[at]);
        }
    }
    learnt
}

/// Replaces every occurrence of `pair`, from the left.
fn merge(pieces: &mut Vec<u32>, pair: Pair, id: u32) {
    let mut merged = Vec::with_capacity(pieces.len());
    let mut rest = pieces.as_slice();
    while let [first, tail @ ..] = rest {
        if let [second, tail @ ..] = tail
            && (*first, *second) == pair
        {
            merged.push(id);
            rest = tail;
        } else {
            merged.push(*first);
            rest = tail;
        }
    }
    *pieces = merged;
}

/// How often each pair of neighbours occurs, and in which words.
#[derive(Default)]
struct Table {
    counts: BTreeMap<Pair, u64>,
    places: BTreeMap<Pair, BTreeSet<usize>>,
    /// Pairs by descending count, then ascending ids.
    ranking: BTreeSet<(std::cmp::Reverse<u64>, Pair)>,
}

impl Table {
    fn add(&mut self, at: usize, word: &Word) {
        for pair in neighbours(word) {
            self.recount(pair, |count| count + word.count);
            self.places.entry(pair).or_default().insert(at);
        }
    }

    fn remove(&mut self, at: usize, word: &Word) {
        for pair in neighbours(word) {
            self.recount(pair, |count| count - word.count);
            if let Some(places) = self.places.get_mut(&pair) {
                places.remove(&at);
            }
        }
    }

    fn recount(&mut self, pair: Pair, change: impl Fn(u64) -> u64) {
        let count = self.counts.entry(pair).or_insert(0);
        self.ranking.remove(&(std::cmp::Reverse(*count), pair));
        *count = change(*count);
        if *count > 1 {
            self.ranking.insert((std::cmp::Reverse(*count), pair));
        }
    }

    fn most_frequent(&self) -> Option<Pair> {
        self.ranking.first().map(|(_, pair)| *pair)
    }

    fn words_of(&self, pair: Pair) -> Vec<usize> {
        self.places
            .get(&pair)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }
}

fn neighbours(word: &Word) -> impl Iterator<Item = Pair> {
    word.pieces.windows(2).map(|pair| (pair[0], pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(words: &[(&str, u64)]) -> (Vec<String>, BTreeMap<Vec<String>, u64>) {
        let cut = |word: &str| word.chars().map(String::from).collect::<Vec<_>>();
        let counts: BTreeMap<_, _> = words.iter().map(|&(word, n)| (cut(word), n)).collect();
        let alphabet: BTreeSet<String> = counts.keys().flatten().cloned().collect();
        (alphabet.into_iter().collect(), counts)
    }

    #[test]
    fn the_most_frequent_pair_goes_first() {
        let (alphabet, words) = counted(&[("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]);
        let learnt = learn(alphabet, &words, 100, "");
        let first: Vec<String> = learnt
            .merges
            .iter()
            .take(4)
            .map(|(a, b)| format!("{a}+{b}"))
            .collect();
        assert_eq!(first, ["e+s", "es+t", "l+o", "lo+w"]);
        assert!(
            ["newest", "widest", "low"]
                .iter()
                .all(|w| learnt.pieces.contains(&(*w).to_owned()))
        );
    }

    #[test]
    fn a_repeated_letter_is_merged_from_the_left() {
        let mut pieces = vec![1, 1, 1, 2];
        merge(&mut pieces, (1, 1), 9);
        assert_eq!(pieces, [9, 1, 2]);
        let (alphabet, words) = counted(&[("aaaa", 3)]);
        assert_eq!(learn(alphabet, &words, 100, "").pieces, ["a", "aa", "aaaa"]);
    }

    #[test]
    fn the_vocabulary_is_no_bigger_than_asked_for() {
        let (alphabet, words) = counted(&[("abcabcabc", 4), ("cab", 9)]);
        assert_eq!(learn(alphabet.clone(), &words, 5, "").pieces.len(), 5);
        assert_eq!(learn(alphabet, &words, 1, "").pieces.len(), 3);
    }
}
