//! What a checkpoint and a model did not have in common.

use std::collections::BTreeMap;

/// The parameters that a checkpoint did not fill, and its tensors that filled none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Parameters that keep their initial values, by the names they would have had in the file.
    pub initialised: Vec<String>,
    /// Tensors of the file that the model has no place for; known ones, such as poolers, are left out.
    pub unused: Vec<String>,
}

impl Coverage {
    /// One line for each of the two that is not empty; layers of one name are counted together, as in
    /// `h.0-11.ln_1.weight`.
    pub fn notes(&self) -> Vec<String> {
        let note = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what}: {}", together(names).join(", ")))
        };
        let notes = [
            note("newly initialised", &self.initialised),
            note("not used", &self.unused),
        ];
        notes.into_iter().flatten().collect()
    }
}

/// Names that differ in their layer's number alone, as one.
fn together(names: &[String]) -> Vec<String> {
    let mut order = Vec::new();
    let mut layers: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for name in names {
        let numbered = name.split('.').find_map(|part| {
            let number: usize = part.parse().ok()?;
            let start = part.as_ptr() as usize - name.as_ptr() as usize;
            Some((&name[..start], &name[start + part.len()..], number))
        });
        match numbered {
            None => order.push((name.as_str(), None)),
            Some((before, after, number)) => {
                let numbers = layers.entry((before, after)).or_default();
                if numbers.is_empty() {
                    order.push((before, Some(after)));
                }
                numbers.push(number);
            }
        }
    }
    let text = |(before, after): (&str, Option<&str>)| match after {
        None => before.to_owned(),
        Some(after) => format!("{before}{}{after}", ranges(&layers[&(before, after)])),
    };
    order.into_iter().map(text).collect()
}

/// 0, 1, 2, 5 as `0-2,5`.
fn ranges(numbers: &[usize]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a + 1 == *b);
    let run = |run: &[usize]| match run {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => String::new(),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_together() {
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        let coverage = Coverage {
            initialised: names(&["h.0.q.weight", "h.0.q.bias", "h.1.q.weight", "h.1.q.bias"]),
            unused: names(&["extra", "h.0.x", "h.1.x", "h.3.x"]),
        };
        assert_eq!(
            coverage.notes(),
            [
                "newly initialised: h.0-1.q.weight, h.0-1.q.bias",
                "not used: extra, h.0-1,3.x"
            ]
        );
        assert!(Coverage::default().notes().is_empty());
    }
}
