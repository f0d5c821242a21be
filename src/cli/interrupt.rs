//! Ctrl-C: the first asks for a clean stop, the second does not ask.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The flag that Ctrl-C (or SIGTERM) sets; installs the handler the first time.
pub fn flag() -> &'static AtomicBool {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let handler = || {
            if INTERRUPTED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
            eprintln!("\nstopping after this step; once more to stop at once");
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            eprintln!("warning: Ctrl-C will not save: {error}");
        }
    });
    &INTERRUPTED
}

/// Fails if Ctrl-C was pressed.
///
/// # Errors
/// [`Error::Interrupted`] that says what is saved.
pub fn check(saved: &str) -> Result<()> {
    match INTERRUPTED.load(Ordering::SeqCst) {
        true => Err(Error::Interrupted(format!("interrupted; {saved}"))),
        false => Ok(()),
    }
}
