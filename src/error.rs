//! One error type, each kind with its exit code.

use std::fmt;
use std::path::Path;

/// The result of anything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the terms a user can act on.
///
/// Every message says what was being done, to what, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Work that was asked for correctly could not be finished (exit 1).
    Failed(String),
    /// Bad usage or bad input (exit 2).
    Input(String),
    /// A metric fell below its baseline by more than was allowed (exit 3).
    Regression(String),
    /// There is nothing to compare with (exit 4).
    NothingToCompare(String),
    /// Other data, signature or recipe: never compared in silence (exit 5).
    NotComparable(String),
    /// A grid has cells that are not done (exit 6).
    Incomplete(String),
    /// Interrupted, with everything saved (exit 130).
    Interrupted(String),
}

impl Error {
    /// Bad usage or bad input: `what` was found, and what was expected instead.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// A fault in a file: the file, the place in it (a line or a record) and what was expected there.
    pub fn in_file(path: &Path, place: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::Input(format!("{}: {place}: {message}", path.display()))
    }

    /// A file or folder that could not be read: bad input.
    pub fn reading(path: &Path, error: impl fmt::Display) -> Self {
        Self::Input(format!("cannot read {}: {error}", path.display()))
    }

    /// A file or folder that could not be written: a failure.
    pub fn writing(path: &Path, error: impl fmt::Display) -> Self {
        Self::Failed(format!("cannot write {}: {error}", path.display()))
    }

    /// Work that failed for reasons that are not the user's.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// The process's exit code for this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Regression(_) => 3,
            Self::NothingToCompare(_) => 4,
            Self::NotComparable(_) => 5,
            Self::Incomplete(_) => 6,
            Self::Interrupted(_) => 130,
        }
    }

    /// The message without its kind.
    pub fn message(&self) -> &str {
        match self {
            Self::Failed(m)
            | Self::Input(m)
            | Self::Regression(m)
            | Self::NothingToCompare(m)
            | Self::NotComparable(m)
            | Self::Incomplete(m)
            | Self::Interrupted(m) => m,
        }
    }

    /// The same error, with what was being done put in front.
    pub fn context(self, doing: impl fmt::Display) -> Self {
        let wrap = |m: String| format!("{doing}: {m}");
        match self {
            Self::Failed(m) => Self::Failed(wrap(m)),
            Self::Input(m) => Self::Input(wrap(m)),
            Self::Regression(m) => Self::Regression(wrap(m)),
            Self::NothingToCompare(m) => Self::NothingToCompare(wrap(m)),
            Self::NotComparable(m) => Self::NotComparable(wrap(m)),
            Self::Incomplete(m) => Self::Incomplete(wrap(m)),
            Self::Interrupted(m) => Self::Interrupted(wrap(m)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}
