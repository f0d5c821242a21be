use std::sync::atomic::AtomicBool;

use super::*;
use crate::data::{ImageStore, scenes};
use crate::models::{ModelConfig, Specials, Variant};
use crate::recipe::{Source, resolve};

/// Trains an encoder-decoder of the preset `tiny` on eight scenes in a single step, from weights that
/// `change` has been at. Returns how it ended, and whether a checkpoint was left.
fn one_step(change: impl Fn(&mut Params)) -> (Result<Trained>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let ending = train_in(folder.path(), &Compute::Cpu, 1, change, &|_| {});
    (ending, CellDir::new(folder.path()).checkpoint().is_some())
}

/// The same on anything, for so many steps, of which a folder may have some already.
fn train_in(
    folder: &std::path::Path,
    compute: &Compute,
    steps: usize,
    change: impl Fn(&mut Params),
    notice: &dyn Fn(&str),
) -> Result<Trained> {
    let epochs = format!("train.epochs={steps}");
    let overrides = ["train.batch=8", &epochs, "train.captions=first"].map(String::from);
    let recipe = resolve(&Source::Preset("tiny".into()), &overrides).unwrap();
    let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 20)).unwrap();
    let [examples, ..] = scenes::splits(1, [8, 1, 1]);
    let images = ImageStore::build(&examples, 64, 1, &|_, _| Ok(())).unwrap();
    let captions = vec![vec![vec![3, 1, 4, 1, 5]]; 8];
    let data = SplitData::new(&images, &captions, Specials::single(0));
    let job = Job {
        recipe: &recipe,
        seed: 0,
        init: &|| {
            let mut params = model.init(0);
            change(&mut params);
            Ok(params)
        },
        model: &model,
        train: &data,
        validation: &data,
        workers: &Workers::new(1).unwrap(),
        compute,
        folder: &CellDir::new(folder),
        companions: &|_| Ok(()),
    };
    let control = Control {
        limit: None,
        interrupted: &AtomicBool::new(false),
        steps: &|_, _| {},
        on_step: &|_| {},
        notice,
    };
    train(&job, &control)
}

/// Gives every value of the last parameter whose name ends so this value.
fn fill(params: &mut Params, name: &str, value: f32) {
    let layout = params.layout().clone();
    let (_, slot) = layout
        .slots()
        .filter(|(n, _)| n.ends_with(name))
        .last()
        .unwrap();
    params.slice_mut(slot).fill(value);
}

#[test]
fn a_gradient_that_is_no_number_never_reaches_a_checkpoint() {
    let (ending, saved) = one_step(|_| {});
    assert_eq!(ending.unwrap().progress.step, 1);
    assert!(saved);

    // A perceptron that reads zeros has a finite loss whatever its weights; the way back has not.
    for weight in [1e35, f32::MAX] {
        let (ending, saved) = one_step(|params| {
            fill(params, "norm_mlp.weight", 0.0);
            fill(params, "norm_mlp.bias", 0.0);
            fill(params, "mlp.up.weight", weight);
        });
        let error = ending
            .err()
            .expect("an update by such a gradient")
            .to_string();
        assert!(
            error.contains("the gradient is no longer finite at step 1"),
            "{error}"
        );
        assert!(!saved, "weights that cannot be used were kept");
    }
}

#[cfg(feature = "cuda-emulator")]
#[test]
fn a_training_goes_on_in_as_many_parts_as_it_was_cut_into() {
    use crate::nn::cuda::Device;
    let run = |folder: &std::path::Path, device: &Device, steps| {
        let notices = std::cell::RefCell::new(Vec::new());
        let notice = |text: &str| notices.borrow_mut().push(text.to_owned());
        let compute = Compute::Device(device.clone());
        let trained = train_in(folder, &compute, steps, |_| {}, &notice).unwrap();
        (trained.progress.parts, notices.into_inner())
    };
    let [roomy, tight] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let device = Device::emulated();
    assert_eq!(run(roomy.path(), &device, 1), (None, Vec::new()));
    let model = Model::new(ModelConfig::tiny(Variant::EncoderDecoder, 20)).unwrap();
    // Weights, gradients and two moments, and half of what the steps take besides.
    let held = 4 * 4 * model.layout().len();
    let room = held + (device.peak_memory() - held) / 2;
    let (parts, notices) = run(tight.path(), &Device::emulated_with(room), 1);
    let parts = parts.expect("a batch that does not fit");
    let whole = format!("does not hold 8 pictures at a time: batches go through in {parts} parts");
    assert!(
        notices.iter().any(|notice| notice.contains(&whole)),
        "{notices:?}"
    );
    // On a device that has the memory, too: other parts might draw other dropout masks.
    assert_eq!(
        run(tight.path(), &Device::emulated(), 2),
        (Some(parts), Vec::new())
    );
}
