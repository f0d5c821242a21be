//! Where the gradients of parameters go: one set of buffers, whatever the number of shards.

use std::sync::{Arc, Mutex, MutexGuard};

use super::buffer::Buffer;
use super::layout::{Layout, Slot};
use super::pool::Pool;

/// The gradients of all parameters, a buffer for each, summed over the shards of a batch.
///
/// Every shard works through a share of its own. The first adds straight to the sums. The others gather a
/// parameter's gradient in a buffer of their own, which is added, and free again, as soon as the
/// parameter is finished in that shard and in all before it: sums are made in the order of the shards
/// and are the same to the last bit for any number of threads. Beside the sums there is memory for what
/// later shards have not finished: a table of words that is the output map too, from the forward pass to
/// the end; of other parameters those in use, and those of a shard that is ahead of one before it.
#[derive(Debug)]
pub struct Gradients {
    layout: Arc<Layout>,
    /// One a parameter, in the layout's order.
    sums: Vec<Mutex<Sum>>,
    /// The buffers that shards gather in.
    room: Mutex<Pool>,
}

/// The sum of one parameter's gradients.
#[derive(Debug)]
struct Sum {
    /// None while the first shard adds to it.
    values: Option<Values>,
    /// The shard whose part comes next.
    next: usize,
    /// Finished parts of later shards; a shard that never used the parameter has none.
    waiting: Vec<(usize, Option<Values>)>,
}

/// Gradients, or none yet: memory is not passed only to fill it with zeros.
#[derive(Debug)]
struct Values {
    buffer: Buffer,
    /// What the buffer holds does not count, as if it were zeros.
    vacant: bool,
}

/// One shard's way to the gradients of all parameters.
///
/// What it has not finished when it is dropped, it finishes then.
#[derive(Debug)]
pub(super) struct Share<'g> {
    all: &'g Gradients,
    shard: usize,
    parts: Vec<Part>,
}

/// What a shard has of one parameter's gradient.
#[derive(Debug)]
enum Part {
    Untouched,
    Held(Values),
    Finished,
}

impl Gradients {
    /// Zeros for every parameter of a layout.
    pub fn zeros(layout: &Arc<Layout>) -> Self {
        let sum = |slot: Slot| Sum {
            values: Some(Values {
                buffer: Buffer::zeros(slot.len()),
                vacant: false,
            }),
            next: 0,
            waiting: Vec::new(),
        };
        Self {
            layout: Arc::clone(layout),
            sums: layout.slots().map(|(_, slot)| sum(slot).into()).collect(),
            room: Mutex::default(),
        }
    }

    /// Begins a step: the shares of this step's shards are to be asked for next, each once and
    /// numbered from 0, and all are dropped before the gradients are read.
    pub fn begin(&mut self) {
        for sum in &mut self.sums {
            let sum = sum.get_mut().expect(UNPOISONED);
            assert!(sum.waiting.is_empty(), "a shard before these never ran");
            sum.next = 0;
        }
    }

    /// Makes all gradients zero.
    pub fn clear(&mut self) {
        for sum in &mut self.sums {
            whole(sum).vacant = true;
        }
    }

    /// The share of a shard. What it gathers is added to what is there.
    pub(super) fn share(&self, shard: usize) -> Share<'_> {
        Share {
            all: self,
            shard,
            parts: self.sums.iter().map(|_| Part::Untouched).collect(),
        }
    }

    /// The gradient of a parameter, or of some of its rows.
    pub fn slice_mut(&mut self, slot: Slot) -> &mut [f32] {
        let (place, range) = self.layout.place(slot);
        &mut values(&mut self.sums[place])[range]
    }

    /// Every parameter's place and gradient, in the layout's order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut [f32])> {
        let slots = self.layout.slots().map(|(_, slot)| slot);
        slots.zip(self.sums.iter_mut().map(values))
    }

    /// A copy laid out as the parameters are, with zeros in the gaps between them.
    pub fn to_flat(&mut self) -> Vec<f32> {
        let mut flat = vec![0.0; self.layout.len()];
        for (slot, gradient) in self.iter_mut() {
            flat[slot.range()].copy_from_slice(gradient);
        }
        flat
    }

    fn sum(&self, place: usize) -> MutexGuard<'_, Sum> {
        self.sums[place].lock().expect(UNPOISONED)
    }

    fn room(&self) -> MutexGuard<'_, Pool> {
        self.room.lock().expect(UNPOISONED)
    }
}

/// A thread that panics takes the process or the test along.
const UNPOISONED: &str = "no thread panicked while it added gradients";

fn values(sum: &mut Mutex<Sum>) -> &mut [f32] {
    whole(sum).settled()
}

fn whole(sum: &mut Mutex<Sum>) -> &mut Values {
    let sum = sum.get_mut().expect(UNPOISONED);
    assert!(sum.waiting.is_empty(), "a step that `begin` began");
    let values = sum.values.as_mut();
    values.expect("gradients that no shard works on")
}

impl Values {
    /// What counts, zeros if nothing did.
    fn settled(&mut self) -> &mut [f32] {
        if std::mem::take(&mut self.vacant) {
            self.buffer.fill(0.0);
        }
        &mut self.buffer
    }
}

impl Share<'_> {
    /// The gradient of a parameter, or of some of its rows, to add to.
    pub(super) fn slice(&mut self, slot: Slot) -> &mut [f32] {
        let (place, range) = self.all.layout.place(slot);
        self.touch(place);
        let [part] = self.held([place]);
        &mut part.settled()[range]
    }

    /// The gradient of a parameter, or of some of its rows, and whether to add to it: otherwise what it holds
    /// does not count, and all of it is to be written.
    pub(super) fn slice_or_vacant(&mut self, slot: Slot) -> (&mut [f32], bool) {
        let (place, range) = self.all.layout.place(slot);
        self.touch(place);
        let [part] = self.held([place]);
        if part.vacant && range == (0..part.buffer.len()) {
            part.vacant = false;
            (&mut part.buffer, false)
        } else {
            (&mut part.settled()[range], true)
        }
    }

    /// The gradients of several different parameters, to add to.
    pub(super) fn slices<const N: usize>(&mut self, slots: [Slot; N]) -> [&mut [f32]; N] {
        let places = slots.map(|slot| self.all.layout.place(slot).0);
        places.iter().for_each(|&place| self.touch(place));
        let parts = self.held(places);
        let mut slots = slots.iter();
        parts.map(|part| {
            let whole = slots.next().map(Slot::len) == Some(part.buffer.len());
            assert!(whole, "whole parameters");
            part.settled()
        })
    }

    /// No more of this parameter's gradient will come.
    pub(super) fn finish(&mut self, slot: Slot) {
        self.finish_place(self.all.layout.place(slot).0);
    }

    fn touch(&mut self, place: usize) {
        if let Part::Untouched = self.parts[place] {
            let values = match self.shard {
                0 => self.all.sum(place).values.take(),
                _ => {
                    let len = self.all.layout.slot(place).len();
                    Some(Values {
                        buffer: self.all.room().take(len),
                        vacant: true,
                    })
                }
            };
            self.parts[place] = Part::Held(values.expect("one share of the first shard"));
        }
    }

    fn held<const N: usize>(&mut self, places: [usize; N]) -> [&mut Values; N] {
        let parts = self.parts.get_disjoint_mut(places);
        parts.expect("different parameters").map(|part| match part {
            Part::Held(values) => values,
            _ => panic!("a gradient after the parameter was finished"),
        })
    }

    fn finish_place(&mut self, place: usize) {
        let part = match std::mem::replace(&mut self.parts[place], Part::Finished) {
            Part::Held(values) => Some(values),
            Part::Untouched => None,
            Part::Finished => return,
        };
        let mut sum = self.all.sum(place);
        if self.shard == 0 {
            sum.values = part.or_else(|| sum.values.take());
            sum.next += 1;
        } else {
            sum.waiting.push((self.shard, part));
        }
        let freed = sum.add_those_in_turn();
        drop(sum);
        let mut room = self.all.room();
        freed.into_iter().for_each(|buffer| room.put(buffer));
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            (0..self.parts.len()).for_each(|place| self.finish_place(place));
        }
    }
}

impl Sum {
    /// Adds the parts whose turn it is, and returns their buffers.
    fn add_those_in_turn(&mut self) -> Vec<Buffer> {
        let mut freed = Vec::new();
        while let Some(i) = self.waiting.iter().position(|part| part.0 == self.next) {
            let (_, part) = self.waiting.swap_remove(i);
            if let Some(mut part) = part {
                let values = self.values.as_mut().expect("the first shard has finished");
                if values.vacant {
                    std::mem::swap(values, &mut part);
                } else if !part.vacant {
                    super::kernels::elementwise::add(&mut values.buffer, &part.buffer);
                }
                freed.push(part.buffer);
            }
            self.next += 1;
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::layout::Init;

    fn layout() -> (Arc<Layout>, [Slot; 3]) {
        let mut builder = Layout::builder();
        let slots = ["a", "b", "c"].map(|name| builder.add(name, 2, 3, Init::Zeros));
        (Arc::new(builder.build()), slots)
    }

    /// What shard `s` adds: sums of these in another order end in other bits.
    fn part(s: usize) -> f32 {
        [1e8, 1.0, -1e8, 0.3][s]
    }

    #[test]
    fn sums_are_made_in_the_order_of_shards_however_they_finish() {
        let (layout, [a, b, _]) = layout();
        let expected = (0..4).map(part).fold(0.0, |sum: f32, part| sum + part);
        assert_ne!(expected, (part(0) + part(2)) + (part(1) + part(3)));
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
            let mut gradients = Gradients::zeros(&layout);
            for step in 1..=2 {
                gradients.begin();
                let shares = order.map(|s| gradients.share(s));
                for mut share in shares {
                    let value = part(share.shard);
                    share.slice(a).iter_mut().for_each(|g| *g += value);
                    let [first, second] = share.slices([b, a]);
                    assert_eq!(first.len() + second.len(), 12);
                    share.finish(a);
                }
                if step == 1 {
                    assert_eq!(gradients.slice_mut(a), [expected; 6], "{order:?}");
                    gradients.clear();
                }
            }
            assert_eq!(gradients.slice_mut(a), [expected; 6], "{order:?}");
            assert_eq!(gradients.slice_mut(b), [0.0; 6]);
            let flat = gradients.to_flat();
            assert_eq!(flat[a.range()], [expected; 6]);
        }
    }

    #[test]
    fn what_is_cleared_does_not_count_whoever_writes_first() {
        let (layout, [a, b, c]) = layout();
        let mut gradients = Gradients::zeros(&layout);
        gradients.iter_mut().for_each(|(_, g)| g.fill(9.0));
        for _ in 0..2 {
            gradients.clear();
            gradients.begin();
            let [mut first, mut second] = [0, 1].map(|s| gradients.share(s));
            // a: both shards, whole; b: the second alone; c: a row of the first, and the second whole.
            for share in [&mut first, &mut second] {
                let (values, adds) = share.slice_or_vacant(a);
                assert!(!adds);
                values.fill(1.0);
                let (values, adds) = share.slice_or_vacant(a);
                assert!(adds);
                values.iter_mut().for_each(|v| *v += 1.0);
            }
            second.slice_or_vacant(b).0.fill(5.0);
            let (row, adds) = first.slice_or_vacant(Slot { rows: 1, ..c });
            assert!(adds, "the other row counts too");
            row[0] += 7.0;
            second.slice_or_vacant(c).0.fill(1.0);
            drop((first, second));
            assert_eq!(gradients.slice_mut(a), [4.0; 6]);
            assert_eq!(gradients.slice_mut(b), [5.0; 6]);
            assert_eq!(gradients.slice_mut(c), [8.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        }
        gradients.clear();
        assert!(gradients.to_flat().iter().all(|&g| g == 0.0));
    }

    #[test]
    fn a_parts_buffer_serves_the_next_parameter() {
        let (layout, slots) = layout();
        let mut gradients = Gradients::zeros(&layout);
        for _ in 0..3 {
            gradients.begin();
            let mut shares = [0, 1, 2].map(|s| gradients.share(s));
            for slot in slots {
                for share in &mut shares {
                    share.slice(slot)[0] += 1.0;
                    share.finish(slot);
                }
            }
            drop(shares);
            assert_eq!(gradients.room().free(), 1, "one buffer for two shards");
        }
        assert_eq!(gradients.slice_mut(slots[2])[0], 9.0);
    }

    #[test]
    #[should_panic(expected = "a step that `begin` began")]
    fn a_step_that_never_began_loses_nothing_in_silence() {
        let (layout, [a, ..]) = layout();
        let mut gradients = Gradients::zeros(&layout);
        for _ in 0..2 {
            for shard in 0..2 {
                gradients.share(shard).slice(a)[0] += 1.0;
            }
        }
        gradients.slice_mut(a);
    }

    #[test]
    #[should_panic(expected = "a gradient after the parameter was finished")]
    fn nothing_comes_after_the_end() {
        let (layout, [a, ..]) = layout();
        let gradients = Gradients::zeros(&layout);
        let mut share = gradients.share(0);
        share.finish(a);
        share.slice(a);
    }
}
