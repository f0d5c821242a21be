//! METEOR's aligner: a beam search for the matches to keep among the candidates.
//!
//! The reference is walked word by word with up to 40 partial alignments. Two oddities of METEOR are
//! kept: within the search a match of another module than *exact* weighs half a word a side, cut to
//! an integer, and the distance of a new match is added to the path it branched off from, and so
//! to the path's later branches, instead of to the branch itself.

use super::matcher::{Candidates, Match};

/// Partial alignments kept at each word.
const BEAM: usize = 40;

/// No candidate, no end, no path.
const NONE: u32 = u32::MAX;

/// What orders paths.
type Rank = (u64, i32);

/// A partial alignment.
#[derive(Debug, Clone, Copy)]
struct Path {
    /// Weighted matched words, of both sides together.
    weight: u32,
    chunks: u32,
    /// As a Java integer.
    distance: i32,
    /// The first word of the reference that is still undecided.
    next: u32,
    /// Where the last match ended in the hypothesis, unless words of the reference were left since.
    last_end: u32,
    /// The last match, as the place of a [`Link`].
    link: u32,
}

impl Path {
    /// Smaller is better: weight, then chunks, then distance.
    fn rank(&self) -> Rank {
        let weight = u64::from(u32::MAX - self.weight);
        (weight << 32 | u64::from(self.chunks), self.distance)
    }

    /// The path that leaves word `i` of the reference unmatched, and with it a chunk's end behind.
    fn without(mut self, i: usize) -> Self {
        self.chunks += u32::from(self.last_end != NONE);
        self.last_end = NONE;
        self.next = i as u32 + 1;
        self
    }

    /// The path with another match; its distance stays.
    fn with(mut self, matched: Match) -> Self {
        self.chunks += u32::from(self.last_end != NONE && self.last_end != matched.hyp);
        self.weight += weight(matched);
        self.next = matched.reference_words().end as u32;
        self.last_end = matched.hyp_words().end as u32;
        self
    }
}

/// What a match weighs in the search; not what it weighs in the score.
fn weight(matched: Match) -> u32 {
    let [hyp, reference] = [matched.hyp_len, matched.reference_len].map(u32::from);
    if matched.module == super::matcher::EXACT {
        hyp + reference
    } else {
        hyp / 2 + reference / 2
    }
}

fn distance(matched: Match) -> i32 {
    matched.reference.abs_diff(matched.hyp) as i32
}

/// A match of a path, and the path's match before it.
#[derive(Clone, Copy)]
struct Link {
    candidate: u32,
    before: u32,
}

/// A path on its way into the beam: the path it comes from, and the candidate it newly takes.
#[derive(Clone, Copy)]
struct Entry {
    rank: Rank,
    parent: u32,
    candidate: u32,
}

/// The aligner, with room that is used again.
#[derive(Default)]
pub(super) struct Aligner {
    paths: Vec<Path>,
    paths_before: Vec<Path>,
    entries: Vec<Entry>,
    links: Vec<Link>,
    /// Per path a bit for each word of the hypothesis that is matched.
    used: Vec<u64>,
    used_before: Vec<u64>,
    /// Per word the number of candidates that cover it.
    hyp_cover: Vec<u32>,
    reference_cover: Vec<u32>,
    /// Per word of the reference the match that starts there and was fixed beforehand.
    fixed: Vec<u32>,
    fixed_reference: Vec<bool>,
}

impl Aligner {
    /// Writes the best alignment's matches to `matches`, in the order of the reference.
    pub fn align(
        &mut self,
        hyp: usize,
        reference: usize,
        candidates: &Candidates,
        matches: &mut Vec<Match>,
    ) {
        let stride = hyp.div_ceil(64);
        self.fix(hyp, reference, candidates);
        self.links.clear();
        self.paths.clear();
        self.paths.push(Path {
            weight: 0,
            chunks: 0,
            distance: 0,
            next: 0,
            last_end: NONE,
            link: NONE,
        });
        for i in 0..reference {
            self.step(i, stride, candidates);
        }
        // The first of equals, as a stable sort would have it.
        let closed = self.paths.iter().map(|path| path.without(reference));
        let best = closed.min_by_key(Path::rank).map_or(NONE, |path| path.link);
        matches.clear();
        let mut link = best;
        while let Some(&Link { candidate, before }) = self.links.get(link as usize) {
            matches.push(candidates.get(candidate as usize));
            link = before;
        }
        matches.reverse();
    }

    /// Fixes the matches that are alone: no other covers any of their words.
    fn fix(&mut self, hyp: usize, reference: usize, candidates: &Candidates) {
        for (cover, len) in [
            (&mut self.hyp_cover, hyp),
            (&mut self.reference_cover, reference),
        ] {
            cover.clear();
            cover.resize(len, 0);
        }
        for matched in candidates.all() {
            self.hyp_cover[matched.hyp_words()]
                .iter_mut()
                .for_each(|n| *n += 1);
            self.reference_cover[matched.reference_words()]
                .iter_mut()
                .for_each(|n| *n += 1);
        }
        self.fixed.clear();
        self.fixed.resize(reference, NONE);
        self.fixed_reference.clear();
        self.fixed_reference.resize(reference, false);
        self.used.clear();
        self.used.resize(hyp.div_ceil(64), 0);
        for i in 0..reference {
            let list = candidates.at(i);
            if list.len() != 1 {
                continue;
            }
            let matched = candidates.get(list.start);
            let alone = self.hyp_cover[matched.hyp_words()].iter().all(|&n| n == 1)
                && self.reference_cover[matched.reference_words()]
                    .iter()
                    .all(|&n| n == 1);
            if alone {
                self.fixed[i] = list.start as u32;
                self.fixed_reference[matched.reference_words()].fill(true);
                set(&mut self.used, matched);
            }
        }
    }

    /// Decides about word `i` of the reference, in every path.
    fn step(&mut self, i: usize, stride: usize, candidates: &Candidates) {
        self.entries.clear();
        for (parent, &path) in self.paths.iter().enumerate() {
            let mut add = |path: Path, candidate| {
                let entry = Entry {
                    rank: path.rank(),
                    parent: parent as u32,
                    candidate,
                };
                insert(&mut self.entries, entry);
            };
            if i < path.next as usize {
                add(path, NONE);
            } else if self.fixed_reference[i] {
                if self.fixed[i] != NONE {
                    let matched = candidates.get(self.fixed[i] as usize);
                    let mut path = path.with(matched);
                    path.distance = path.distance.wrapping_add(distance(matched));
                    add(path, self.fixed[i]);
                }
            } else {
                let used = &self.used[parent * stride..][..stride];
                let mut path = path;
                for candidate in candidates.at(i) {
                    let matched = candidates.get(candidate);
                    let others = i + 1..matched.reference_words().end;
                    if is_set(used, matched) || self.fixed_reference[others].contains(&true) {
                        continue;
                    }
                    add(path.with(matched), candidate as u32);
                    path.distance = path.distance.wrapping_add(distance(matched));
                }
                add(path.without(i), NONE);
            }
        }
        if self.entries.is_empty() {
            self.paths.truncate(1);
        } else {
            self.enter(i, stride, candidates);
        }
    }

    /// Makes paths of the entries for word `i`.
    fn enter(&mut self, i: usize, stride: usize, candidates: &Candidates) {
        std::mem::swap(&mut self.used, &mut self.used_before);
        std::mem::swap(&mut self.paths, &mut self.paths_before);
        self.used.clear();
        self.paths.clear();
        for entry in &self.entries {
            let parent = entry.parent as usize;
            let mut path = self.paths_before[parent];
            let start = self.used.len();
            let used = &self.used_before[parent * stride..][..stride];
            self.used.extend_from_slice(used);
            if entry.candidate != NONE {
                let matched = candidates.get(entry.candidate as usize);
                set(&mut self.used[start..], matched);
                self.links.push(Link {
                    candidate: entry.candidate,
                    before: path.link,
                });
                path = path.with(matched);
                path.link = self.links.len() as u32 - 1;
            } else if i >= path.next as usize {
                path = path.without(i);
            }
            path.distance = entry.rank.1;
            self.paths.push(path);
        }
    }
}

/// Puts an entry in its place among the best 40, behind its equals.
fn insert(entries: &mut Vec<Entry>, entry: Entry) {
    if entries.len() == BEAM {
        match entries.last() {
            Some(last) if last.rank <= entry.rank => return,
            _ => entries.pop(),
        };
    }
    entries.push(entry);
    let mut place = entries.len() - 1;
    while place > 0 && entries[place - 1].rank > entry.rank {
        entries[place] = entries[place - 1];
        place -= 1;
    }
    entries[place] = entry;
}

fn set(used: &mut [u64], matched: Match) {
    for word in matched.hyp_words() {
        used[word / 64] |= 1 << (word % 64);
    }
}

fn is_set(used: &[u64], matched: Match) -> bool {
    matched
        .hyp_words()
        .any(|word| used[word / 64] >> (word % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::aligned;

    #[test]
    fn more_words_first_then_fewer_chunks_then_less_distance() {
        assert_eq!(aligned("a b c", "a b c"), [(0, 0), (1, 1), (2, 2)]);
        assert_eq!(aligned("the x the y", "the y"), [(2, 0), (3, 1)]);
        assert_eq!(aligned("x the z the", "the"), [(1, 0)]);
        assert_eq!(aligned("the cat", "the dog the cat"), [(0, 2), (1, 3)]);
    }

    #[test]
    fn exact_matches_are_preferred() {
        assert_eq!(aligned("sofa couch", "couch sofa"), [(1, 0), (0, 1)]);
    }

    #[test]
    fn other_modules_weigh_nothing_in_the_search() {
        // Alone a match is fixed beforehand; this pair is listed in both directions, and neither of
        // the two candidates is worth a chunk.
        assert_eq!(aligned("above", "on top of"), [(0, 0)]);
        assert_eq!(aligned("man", "guy"), []);
        assert_eq!(aligned("the man", "the guy"), [(0, 0), (1, 1)]);
    }

    #[test]
    fn distance_counts_for_the_branches_after() {
        // The nearest of the two comes second, and carries the first one's distance.
        assert_eq!(aligned("the x the", "q q the"), [(0, 2)]);
    }
}
