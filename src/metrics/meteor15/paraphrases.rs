//! The paraphrase table: a trie of phrases, each with the phrases it may stand for.
//!
//! Words are numbers from 1, in byte order; 0 is any word that is not in the table. Nodes of the
//! trie are in breadth-first order, so that the children of a node, and the paraphrases of nodes, lie
//! one after the other; the first nodes are the words themselves.

use std::ops::Range;

use super::cache::{Section, Tables};

/// The number of a word in the table; 0 for a word that is not in it.
pub(super) type WordNumber = u16;

/// The table, in place.
#[derive(Clone, Copy)]
pub(super) struct Paraphrases<'a> {
    words: &'a [WordNumber],
    children: &'a [u32],
    lists: &'a [u32],
    /// Paraphrases one after the other, each as the number of its words and its words.
    records: &'a [WordNumber],
}

impl<'a> Paraphrases<'a> {
    /// The table among `tables`.
    pub fn of(tables: &'a Tables) -> Self {
        Self {
            words: tables.numbers(Section::NodeWords),
            children: tables.numbers(Section::NodeChildren),
            lists: tables.numbers(Section::NodeLists),
            records: tables.numbers(Section::Lists),
        }
    }

    /// Calls `found` with the length and the node of each phrase that `text` starts with and that
    /// has paraphrases, shorter ones first.
    pub fn starting(&self, text: &[WordNumber], mut found: impl FnMut(usize, u32)) {
        let Some((&first, rest)) = text.split_first() else {
            return;
        };
        let Some(mut node) = usize::from(first).checked_sub(1) else {
            return;
        };
        let mut length = 1;
        loop {
            if self.lists[node] < self.lists[node + 1] {
                found(length, node as u32);
            }
            let Some(next) = rest.get(length - 1) else {
                return;
            };
            let children = self.children[node] as usize..self.children[node + 1] as usize;
            let Ok(child) = self.words[children.clone()].binary_search(next) else {
                return;
            };
            node = children.start + child;
            length += 1;
        }
    }

    /// Where in `records` the paraphrases of a node lie, in the order of the table's file.
    pub fn list(&self, node: u32) -> Range<usize> {
        let node = node as usize;
        self.lists[node] as usize..self.lists[node + 1] as usize
    }

    /// The words of the paraphrase at `at` in `records`.
    pub fn phrase(&self, at: usize) -> &'a [WordNumber] {
        &self.records[at + 1..][..self.records[at].into()]
    }
}
