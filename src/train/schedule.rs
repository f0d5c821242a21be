//! Learning rate by step: linear warm-up, then cosine annealing.
//!
//! The cosine is PyTorch's `CosineAnnealingLR` in closed form,
//! `min + (max − min) · (1 + cos(π · t / T)) / 2`, where `t` counts steps or
//! epochs, as the recipe has it, and `T` is all of them.

use crate::recipe::ScheduleStep;

/// The learning rate of every step of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub max: f64,
    /// The learning rate at the end.
    pub min: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: usize,
    /// Whether the cosine moves every step or every epoch.
    pub moves: ScheduleStep,
    /// Steps in an epoch.
    pub steps_per_epoch: usize,
    /// All steps.
    pub total_steps: usize,
}

impl Schedule {
    /// The learning rate of `step`, counted from 0.
    pub fn at(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.max * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let (now, all) = match self.moves {
            ScheduleStep::Step => (
                step - self.warmup_steps,
                self.total_steps.saturating_sub(self.warmup_steps),
            ),
            ScheduleStep::Epoch => (
                step / self.steps_per_epoch,
                self.total_steps.div_ceil(self.steps_per_epoch),
            ),
        };
        let progress = (now as f64 / all.max(1) as f64).min(1.0);
        self.min + (self.max - self.min) * (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0
    }

    /// The part of the KL divergence's weight that counts at `step`: it grows linearly over the first
    /// `part` of all steps, and is 1 from there (Bowman et al. 2016, "Generating Sentences from a
    /// Continuous Space", section 3.1).
    pub fn annealed(&self, part: f64, step: usize) -> f64 {
        let steps = (part * self.total_steps as f64).round();
        match steps > 0.0 {
            true => ((step + 1) as f64 / steps).min(1.0),
            false => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_and_anneals_to_the_minimum() {
        let schedule = Schedule {
            max: 1.0,
            min: 0.1,
            warmup_steps: 4,
            moves: ScheduleStep::Step,
            steps_per_epoch: 10,
            total_steps: 24,
        };
        assert_eq!(schedule.at(0), 0.25);
        assert_eq!(schedule.at(3), 1.0);
        assert_eq!(schedule.at(4), 1.0);
        assert!((schedule.at(14) - 0.55).abs() < 1e-12, "half-way down");
        assert!((schedule.at(24) - 0.1).abs() < 1e-12);
        assert!(
            (schedule.at(99) - 0.1).abs() < 1e-12,
            "past the end it stays"
        );
    }

    #[test]
    fn the_divergence_is_annealed_over_its_part_of_the_steps() {
        let schedule = Schedule {
            max: 1.0,
            min: 0.0,
            warmup_steps: 0,
            moves: ScheduleStep::Step,
            steps_per_epoch: 10,
            total_steps: 40,
        };
        let weights = |part: f64| [0, 1, 4, 9, 10, 39].map(|step| schedule.annealed(part, step));
        assert_eq!(weights(0.0), [1.0; 6], "off");
        assert_eq!(weights(0.25), [0.1, 0.2, 0.5, 1.0, 1.0, 1.0]);
        assert_eq!(schedule.annealed(1.0, 39), 1.0);
    }

    /// CosineAnnealingLR's values are in the reference folder, per epoch and per step.
    #[test]
    fn equals_pytorch() {
        let Ok(folder) = std::env::var("CAPTION_BENCH_REFERENCE") else {
            eprintln!("skipped: CAPTION_BENCH_REFERENCE is not set");
            return;
        };
        let path = std::path::Path::new(&folder).join("models/schedule.json");
        let text = std::fs::read_to_string(path).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        let lr = golden["lr"].as_f64().unwrap();
        for (part, moves, steps_per_epoch) in [
            ("per_epoch", ScheduleStep::Epoch, 1),
            ("per_step", ScheduleStep::Step, 5),
        ] {
            let total_steps = golden[part]["T_max"].as_u64().unwrap() as usize;
            let schedule = Schedule {
                max: lr,
                min: 0.0,
                warmup_steps: 0,
                moves,
                steps_per_epoch,
                total_steps,
            };
            let rates = golden[part]["rates"].as_array().unwrap();
            assert_eq!(rates.len(), total_steps + 1);
            for (step, rate) in rates.iter().enumerate() {
                let (ours, theirs) = (schedule.at(step), rate.as_f64().unwrap());
                assert!(
                    (ours - theirs).abs() <= 1e-12,
                    "{part} {step}: {ours} {theirs}"
                );
            }
        }
    }
}
