//! What is wrong with a data set: one sentence a fault, all of them kept.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Faults named in one error message; `bench data check` names all.
const NAMED: usize = 5;

/// Something that keeps a data set from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file or folder it is in.
    pub file: PathBuf,
    /// The line or record, where there is one.
    pub place: Option<String>,
    /// What is there, and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault of a whole file or folder.
    pub fn of(file: &Path, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message: message.into(),
        }
    }

    /// A fault at a line or record of a file.
    pub fn at(file: &Path, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: Some(place.into()),
            ..Self::of(file, message)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// Bad input if there is any fault: the first few, and how many more there are.
pub(super) fn refuse(faults: &[Fault]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let mut message: Vec<String> = faults.iter().take(NAMED).map(Fault::to_string).collect();
    if faults.len() > NAMED {
        let more = faults.len() - NAMED;
        message.push(format!(
            "and {more} more; `bench data check SPEC` names them all"
        ));
    }
    Err(Error::input(message.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_file_and_place_and_counts_the_rest() {
        assert!(refuse(&[]).is_ok());
        let file = Path::new("captions.json");
        let one = [Fault::at(file, "images[3]", "no `id`")];
        assert_eq!(
            refuse(&one).unwrap_err().message(),
            "captions.json: images[3]: no `id`"
        );
        let many = vec![Fault::of(file, "is empty"); 9];
        let error = refuse(&many).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains("and 4 more"), "{error}");
    }
}
