//! The recipes inside the binary: commented files, to read and to copy.

/// The presets' names.
pub const NAMES: [&str; 3] = ["tiny", "ci", "paper"];

/// A preset's text.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        "tiny" => Some(include_str!("presets/tiny.toml")),
        "ci" => Some(include_str!("presets/ci.toml")),
        "paper" => Some(include_str!("presets/paper.toml")),
        _ => None,
    }
}
