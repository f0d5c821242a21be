//! The recipes inside the binary: commented files, to read and to copy.

/// The presets' names.
pub const NAMES: [&str; 4] = ["tiny", "ci", "coco-small", "paper"];

/// A preset's text.
pub fn text(name: &str) -> Option<&'static str> {
    match name {
        "tiny" => Some(include_str!("presets/tiny.toml")),
        "ci" => Some(include_str!("presets/ci.toml")),
        "coco-small" => Some(include_str!("presets/coco-small.toml")),
        "paper" => Some(include_str!("presets/paper.toml")),
        _ => None,
    }
}
