//! Were two snapshots measured alike?

use std::collections::BTreeMap;

use serde_json::Value;

use crate::gate::snapshot::{Row, Snapshot};
use crate::results::store::short_hash;

/// Recipe values that a sentence names.
const NAMED: usize = 4;

/// What is not the same about the two as a whole: kind of source, recipe, data.
pub fn other_conditions(before: &Snapshot, now: &Snapshot) -> Vec<String> {
    if before.source != now.source {
        let problem = format!("it is of {}, and this is {}", before.source, now.source);
        return vec![problem];
    }
    let recipes = [before, now].map(|s| s.recipe_hash.as_deref().unwrap_or("none"));
    let data = [before, now].map(|s| s.data_fingerprint.as_str());
    let mut problems = Vec::new();
    if recipes[0] != recipes[1] {
        let [then, now_hash] = recipes.map(short_hash);
        let values = other_values(&before.recipe, &now.recipe);
        problems.push(format!(
            "other recipe ({then} then, {now_hash} now){values}"
        ));
    }
    if data[0] != data[1] {
        let [then, now_hash] = data.map(short_hash);
        let names = match before.data == now.data {
            true => String::new(),
            false => format!(": {} then, {} now", before.data, now.data),
        };
        let captions = [before, now].map(|snapshot| snapshot.rows.first().map_or(0, |row| row.n));
        let counts = match captions[0] == captions[1] {
            true => String::new(),
            false => format!("; of {} captions then, {} now", captions[0], captions[1]),
        };
        problems.push(format!(
            "other data ({then} then, {now_hash} now){names}{counts}"
        ));
    }
    problems
}

/// The recipe values that differ, as the end of a sentence.
fn other_values(before: &BTreeMap<String, Value>, now: &BTreeMap<String, Value>) -> String {
    let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.retain(|key| before.get(*key) != now.get(*key));
    let shown = |values: &BTreeMap<String, Value>, key: &str| {
        values.get(key).map_or("none".into(), Value::to_string)
    };
    let named = keys.iter().take(NAMED).map(|key| {
        let [then, now] = [before, now].map(|values| shown(values, key));
        format!("{key} {then} then, {now} now")
    });
    let named: Vec<String> = named.collect();
    match keys.len() {
        0 => String::new(),
        1..=NAMED => format!(": {}", named.join("; ")),
        more => format!(": {}; and {} more", named.join("; "), more - NAMED),
    }
}

/// What is not the same about the captions of a row.
pub fn other_captions(old: &Row, new: &Row) -> Option<String> {
    if old.n != new.n {
        return Some(format!("had {} captions then, {} now", old.n, new.n));
    }
    match (&old.ids, &new.ids) {
        (Some(then), Some(now)) if then != now => Some("is of other pictures".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_recipes_is_named() {
        let values = |pairs: &[(&str, i32)]| -> BTreeMap<String, Value> {
            let pairs = pairs.iter();
            pairs
                .map(|&(key, value)| (key.into(), value.into()))
                .collect()
        };
        let before = values(&[("a", 1), ("b", 2), ("c", 3)]);
        let now = values(&[("a", 1), ("b", 5), ("d", 4)]);
        assert_eq!(
            other_values(&before, &now),
            ": b 2 then, 5 now; c 3 then, none now; d none then, 4 now"
        );
        assert_eq!(other_values(&before, &before), "");
        let many = values(&[("p", 0), ("q", 0), ("r", 0), ("s", 0), ("t", 0)]);
        assert!(other_values(&values(&[]), &many).ends_with("; and 1 more"));
    }
}
