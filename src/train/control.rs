//! When a training stops: its last step, the end of its time, or Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Progress;
use crate::results::schema::LogRecord;

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of its steps were taken.
    Complete,
    /// Its time was up; the schedule was shortened to fit, or cut off.
    OutOfTime,
    /// Ctrl-C.
    Interrupted,
}

/// What a training is told from outside.
pub struct Control<'a> {
    /// The time that training may take; `None` is without limit.
    pub limit: Option<Duration>,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
    /// Called before the first step with the steps taken before and all steps, and again if that changes.
    pub steps: &'a dyn Fn(usize, usize),
    /// Called after every step.
    pub on_step: &'a dyn Fn(&LogRecord),
    /// Called with what a person should know about the training.
    pub notice: &'a dyn Fn(&str),
}

/// Steps before the schedule is fitted to the limit.
const TIMED_STEPS: usize = 12;
/// The first of them, which find memory and whose time says little about later ones'.
const WARM_UP: usize = 2;
/// Of the limit, the part that steps may be planned for; validation and checkpoints take the rest.
const PLANNED: f64 = 0.9;
/// How often a checkpoint is written.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

impl Control<'_> {
    pub(super) fn start(&self, step: usize, total: usize) -> Clock<'_> {
        (self.steps)(step, total);
        Clock {
            control: self,
            started: Instant::now(),
            warm: None,
            saved: Instant::now(),
            first_step: step,
            total,
        }
    }

    pub(super) fn tick(&self, record: &LogRecord) {
        (self.on_step)(record);
    }
}

/// A running training's clock.
pub(super) struct Clock<'a> {
    control: &'a Control<'a>,
    started: Instant,
    /// When the first steps were taken.
    warm: Option<Instant>,
    saved: Instant,
    first_step: usize,
    total: usize,
}

impl Clock<'_> {
    /// The step to stop at. Under a time limit it is fitted once to the speed of the first steps, so
    /// that the schedule still anneals to its end, and kept in `progress`.
    pub(super) fn horizon(&mut self, progress: &mut Progress) -> usize {
        let taken = progress.step - self.first_step;
        if taken == WARM_UP {
            self.warm.get_or_insert_with(Instant::now);
        }
        if let (Some(limit), None, Some(warm)) = (self.control.limit, progress.horizon, self.warm)
            && taken == TIMED_STEPS
        {
            let each = warm.elapsed().as_secs_f64() / (TIMED_STEPS - WARM_UP) as f64;
            let left = limit.as_secs_f64() * PLANNED - self.started.elapsed().as_secs_f64();
            let horizon = progress.step + (left.max(0.0) / each) as usize;
            if horizon < self.total {
                progress.horizon = Some(horizon);
                (self.control.steps)(progress.step, horizon);
            }
        }
        progress.horizon.unwrap_or(self.total)
    }

    pub(super) fn checkpoint_due(&mut self) -> bool {
        let due = self.saved.elapsed() >= CHECKPOINT_EVERY;
        if due {
            self.saved = Instant::now();
        }
        due
    }

    pub(super) fn stop(&self, progress: &Progress) -> Option<Ending> {
        if self.control.interrupted.load(Ordering::Relaxed) {
            return Some(Ending::Interrupted);
        }
        let late = self
            .control
            .limit
            .is_some_and(|limit| self.started.elapsed() >= limit);
        (late && progress.step > self.first_step).then_some(Ending::OutOfTime)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn the_first_steps_do_not_count_for_those_that_fit() {
        let control = Control {
            limit: Some(Duration::from_secs(4)),
            interrupted: &AtomicBool::new(false),
            steps: &|_, _| {},
            on_step: &|_| {},
            notice: &|_| {},
        };
        let mut progress = Progress {
            step: 100,
            seconds: 0.0,
            horizon: None,
            best: None,
            parts: None,
        };
        let mut clock = control.start(100, 10_000);
        while progress.horizon.is_none() {
            assert!(progress.step <= 100 + TIMED_STEPS, "fitted once");
            let wait = if progress.step < 102 { 200 } else { 5 };
            sleep(Duration::from_millis(wait));
            progress.step += 1;
            clock.horizon(&mut progress);
        }
        // 3.15 s of 5 ms each; as if all were as slow as the first it were a hundred.
        let steps = progress.horizon.unwrap() - 100;
        assert!((200..=650).contains(&steps), "{steps} steps");
    }
}
