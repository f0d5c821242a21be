//! From a preset or a file, and overrides, to a complete checked recipe.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::keys::{dotted, nearest};
use super::{Recipe, presets};
use crate::{Error, Result};

/// Where a recipe comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An embedded preset, by name.
    Preset(String),
    /// A file, which may name the preset that it `extends` (default `tiny`).
    File(PathBuf),
}

impl Source {
    /// A preset's name, or else a path to a file.
    pub fn parse(text: &str) -> Result<Self> {
        if presets::text(text).is_some() {
            return Ok(Self::Preset(text.into()));
        }
        let path = PathBuf::from(text);
        if path.is_file() {
            return Ok(Self::File(path));
        }
        Err(Error::input(format!(
            "recipe '{text}' is neither a file nor a preset; presets: {}",
            presets::NAMES.join(", ")
        )))
    }
}

/// Reads `source`, lays the overrides (`key=value`, values as in TOML, bare words as text) over it
/// in their order, and checks the result.
///
/// # Errors
/// [`Error::Input`] that names the file and line or the override, and for an unknown key the nearest
/// known one.
pub fn resolve(source: &Source, overrides: &[String]) -> Result<Recipe> {
    let mut table = match source {
        Source::Preset(name) => preset(name)?,
        Source::File(path) => file(path)?,
    };
    let known = dotted(&preset("tiny")?);
    for text in overrides {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::input(format!(
                "--set '{text}': expected key=value, such as train.epochs=2"
            ))
        })?;
        let key = key.trim();
        check_key(key, &known, &format!("--set '{text}'"))?;
        insert(&mut table, key, parse_value(value.trim()));
    }
    let recipe: Recipe = Value::Table(table)
        .try_into()
        .map_err(|e: toml::de::Error| {
            Error::input(format!(
                "recipe: {}",
                e.to_string().trim().replace('\n', " ")
            ))
        })?;
    recipe.validate()?;
    Ok(recipe)
}

fn preset(name: &str) -> Result<Table> {
    let text = presets::text(name).ok_or_else(|| {
        Error::input(format!(
            "no preset is called '{name}'; presets: {}",
            presets::NAMES.join(", ")
        ))
    })?;
    let mut table: Table = text
        .parse()
        .map_err(|e| Error::failed(format!("preset {name}: {e}")))?;
    match table.remove("extends") {
        None => Ok(table),
        Some(base) => {
            let mut merged = preset(base.as_str().unwrap_or_default())?;
            merge(&mut merged, table);
            Ok(merged)
        }
    }
}

fn file(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::reading(path, e))?;
    let mut table: Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| line_of(&text, span.start));
        Error::in_file(path, format!("line {line}"), e.message())
    })?;
    let base = match table.remove("extends") {
        None => "tiny".to_string(),
        Some(Value::String(name)) => name,
        Some(other) => {
            return Err(Error::in_file(
                path,
                "extends",
                format!("expected a preset's name, found {other}"),
            ));
        }
    };
    let mut merged = preset(&base).map_err(|e| e.context(path.display()))?;
    let known = dotted(&merged);
    for key in dotted(&table) {
        let place = match line_of_key(&text, &key) {
            Some(line) => format!("{}: line {line}", path.display()),
            None => path.display().to_string(),
        };
        check_key(&key, &known, &place)?;
    }
    merge(&mut merged, table);
    Ok(merged)
}

fn check_key(key: &str, known: &[String], place: &str) -> Result<()> {
    if known.iter().any(|k| k == key) {
        return Ok(());
    }
    let hint =
        nearest(key, known).map_or(String::new(), |near| format!("; did you mean '{near}'?"));
    Err(Error::input(format!(
        "{place}: unknown recipe key '{key}'{hint}"
    )))
}

fn parse_value(text: &str) -> Value {
    format!("v = {text}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.into()))
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.into(), value);
        }
        Some((head, rest)) => {
            let inner = table
                .entry(head)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

/// The line on which a dotted key is set, found by its last part.
fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let last = key.rsplit('.').next()?;
    text.lines()
        .position(|line| {
            line.split_once('=')
                .is_some_and(|(left, _)| left.trim().rsplit('.').next() == Some(last))
        })
        .map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny(overrides: &[&str]) -> Result<Recipe> {
        let overrides: Vec<String> = overrides.iter().map(|s| s.to_string()).collect();
        resolve(&Source::Preset("tiny".into()), &overrides)
    }

    #[test]
    fn every_preset_resolves() {
        for name in presets::NAMES {
            let recipe = resolve(&Source::Preset(name.to_string()), &[]);
            assert!(recipe.is_ok(), "{name}: {recipe:?}");
        }
    }

    #[test]
    fn overrides_take_toml_values_and_bare_words() {
        let recipe = tiny(&["train.epochs=2", "latent.type=cls", "data.spec=scenes:80"]).unwrap();
        assert_eq!(recipe.train.epochs, 2);
        assert_eq!(recipe.latent.kind, crate::models::LatentType::Cls);
        assert_eq!(recipe.data.spec, "scenes:80");
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = tiny(&["train.epoch=2"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("train.epochs"), "{error}");
    }

    #[test]
    fn a_file_extends_a_preset_and_its_faults_have_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "extends = \"tiny\"\n[train]\nepochs = 3\n").unwrap();
        assert_eq!(
            resolve(&Source::File(path.clone()), &[])
                .unwrap()
                .train
                .epochs,
            3
        );
        std::fs::write(&path, "[train]\nepochs = 3\nbatchsize = 7\n").unwrap();
        let error = resolve(&Source::File(path.clone()), &[]).unwrap_err();
        assert!(error.message().contains("line 3"), "{error}");
        assert!(error.message().contains("train.batch"), "{error}");
        std::fs::write(&path, "[train]\nepochs = = 3\n").unwrap();
        let error = resolve(&Source::File(path), &[]).unwrap_err();
        assert!(error.message().contains("line 2"), "{error}");
    }

    #[test]
    fn nonsense_is_refused_with_its_key() {
        for (set, key) in [
            ("train.batch=0", "train.batch"),
            ("train.learning_rate=-1", "train.learning_rate"),
            ("model.heads=7", "model.heads"),
            ("model.patch=7", "model.patch"),
            ("model.dropout=1.5", "model.dropout"),
            ("latent.size=0", "latent.size"),
            ("train.epochs=\"many\"", "epochs"),
            ("seeds=[]", "seeds"),
            ("variants=[]", "variants"),
            ("loss.alpha=-1", "loss.alpha"),
            ("train.select=nothing", "train.select"),
            ("score.suite=nothing", "score.suite"),
            ("decode.strategy=best", "decode"),
            ("decode.beams=0", "decode.beams"),
            ("decode.length_penalty=nan", "decode.length_penalty"),
            ("decode.temperature=0", "decode.temperature"),
            ("decode.top_k=-1", "decode"),
            ("decode.top_p=1.5", "decode.top_p"),
        ] {
            let error = tiny(&[set]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{set}");
            assert!(error.message().contains(key), "{set}: {error}");
        }
    }
}
