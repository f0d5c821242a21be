//! Progress on everything that takes longer than two seconds.
//!
//! A bar with an estimate of the time left on a terminal; elsewhere a plain
//! line every ten seconds, so that logs stay readable.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time before a progress shows.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// The progress of one piece of work.
pub struct Progress {
    bar: ProgressBar,
    plain: Option<Mutex<Instant>>,
    label: String,
    started: Instant,
    /// What was done before `started`.
    before: AtomicU64,
    is_bytes: bool,
}

impl Progress {
    /// Work called `label` of `total` units.
    pub fn new(label: impl Into<String>, total: usize) -> Self {
        let template =
            "{prefix:<34} {bar:28.cyan/dim} {pos:>5}/{len} {msg} {elapsed} of ~{duration}";
        Self::drawn(template, label.into(), total as u64, false)
    }

    /// A transfer called `label` of `total` bytes.
    pub fn bytes(label: impl Into<String>, total: u64) -> Self {
        let template = "{prefix:<34} {bar:28.cyan/dim} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}, {eta} left";
        Self::drawn(template, label.into(), total, true)
    }

    fn drawn(template: &str, label: String, total: u64, is_bytes: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            Some(total),
            if terminal {
                ProgressDrawTarget::stderr_with_hz(8)
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(label.clone());
        let started = Instant::now();
        Self {
            bar,
            plain: (!terminal).then(|| Mutex::new(started + PATIENCE - LINE_EVERY)),
            label,
            started,
            before: AtomicU64::new(0),
            is_bytes,
        }
    }

    /// The total has changed.
    pub fn set_total(&self, total: usize) {
        self.bar.set_length(total as u64);
    }

    /// Work that was done before this process began.
    pub fn start_at(&self, done: usize) {
        self.before.store(done as u64, Ordering::Relaxed);
        self.bar.set_position(done as u64);
        self.bar.reset_eta();
    }

    /// `n` more units are done; `message` stands beside the bar.
    pub fn advance(&self, n: usize, message: &str) {
        self.bar.inc(n as u64);
        if !message.is_empty() {
            self.bar.set_message(message.to_string());
        }
        self.line(message);
    }

    /// `done` units are done in all.
    pub fn set(&self, done: usize) {
        self.bar.set_position(done as u64);
        self.line("");
    }

    fn line(&self, message: &str) {
        let Some(last) = &self.plain else { return };
        let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
        if last.elapsed() < LINE_EVERY {
            return;
        }
        *last = Instant::now();
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let passed = self.started.elapsed().as_secs_f64();
        let here = done.saturating_sub(self.before.load(Ordering::Relaxed)) as f64;
        let left = match here {
            0.0 => String::new(),
            _ => format!(
                ", about {:.0} s left",
                passed / here * total.saturating_sub(done) as f64
            ),
        };
        let message = match message {
            "" => String::new(),
            message => format!(" {message}"),
        };
        let label = &self.label;
        if !self.is_bytes {
            eprintln!("{label}: {done}/{total}{message}{left}");
            return;
        }
        let speed = DecimalBytes((here / passed) as u64);
        let (done, total) = (DecimalBytes(done), DecimalBytes(total));
        eprintln!("{label}: {done}/{total}, {speed}/s{left}");
    }

    /// Prints a line above the bar.
    pub fn say(&self, text: &str) {
        let label = &self.label;
        self.bar.suspend(|| eprintln!("{label}: {text}"));
    }

    /// The work is done; the bar goes away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
