//! Reading the fixtures, and comparing with them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use caption_bench::models::weights::{bert_config, named_tensors, vision_encoder_decoder_config};
use caption_bench::models::{
    Batch, ContrastiveConfig, LatentNoise, Losses, Model, ModelConfig, Objective, Specials,
    TextPass, VaeConfig, Variant, Workspace, loss_and_gradients,
};
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
use caption_bench::models::{Cut, loss_and_gradients_on_device};
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
use caption_bench::nn::cuda;
use caption_bench::nn::{Compute, Params, Precision, Workers};
use serde_json::Value;

/// The folder of the models' fixtures, if the environment names one.
pub fn root() -> Option<PathBuf> {
    std::env::var_os("CAPTION_BENCH_REFERENCE").map(|root| PathBuf::from(root).join("models"))
}

/// Tensors by name.
pub struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    pub fn read(path: &Path) -> Self {
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let tensor = self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("the fixture has {name}"));
        let tensor = tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap();
        tensor.to_vec1().unwrap()
    }

    pub fn whole(&self, name: &str) -> Vec<i64> {
        self.0[name].flatten_all().unwrap().to_vec1().unwrap()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A fixture: its tensors and its json.
pub struct Fixture {
    pub tensors: Tensors,
    pub json: Value,
}

impl Fixture {
    pub fn read(root: &Path, name: &str) -> Self {
        let json = std::fs::read_to_string(root.join(format!("{name}.json"))).unwrap();
        Self {
            tensors: Tensors::read(&root.join(format!("{name}.safetensors"))),
            json: serde_json::from_str(&json).unwrap(),
        }
    }

    pub fn number(&self, pointer: &str) -> f64 {
        self.json.pointer(pointer).unwrap().as_f64().unwrap()
    }
}

/// The inputs that the fixtures share.
pub struct Inputs {
    pixels: Vec<f32>,
    captions: Vec<Vec<u32>>,
}

/// GPT-2's way in the fixtures: one token starts, ends and fills.
pub const GPT2: u32 = 96;

impl Inputs {
    pub fn read(root: &Path) -> Self {
        let towers = Fixture::read(root, "towers").tensors;
        let labels = towers.whole("labels");
        let words = labels.chunks(labels.len() / 4).map(|row| {
            let words = row.iter().take_while(|&&label| label != i64::from(GPT2));
            words.map(|&label| label as u32).collect()
        });
        Self {
            pixels: towers.floats("pixel_values"),
            captions: words.collect(),
        }
    }

    pub fn picture(&self, i: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.pixels[i * out.len()..][..out.len()]);
    }

    pub fn captions(&self) -> Vec<&[u32]> {
        self.captions.iter().map(Vec::as_slice).collect()
    }
}

/// A checkpoint of the fixtures, the prefix of its tensors there, and that of the model's here.
struct Source {
    folder: &'static str,
    there: &'static str,
    here: &'static str,
}

/// A model with a fixture's weights, and the fixture's inputs.
pub struct Case {
    pub model: Model,
    pub params: Params,
    pub inputs: Inputs,
    pub specials: Specials,
}

impl Case {
    /// The model of `config` with weights from files, and from the `weight.…` tensors of a fixture
    /// where no file has them.
    fn new(
        root: &Path,
        config: ModelConfig,
        sources: &[Source],
        fixture: Option<&Fixture>,
        specials: Specials,
    ) -> Self {
        let model = Model::new(config).unwrap();
        let mut params = model.init(0);
        let weights = |source: &Source| root.join(source.folder).join("model.safetensors");
        let files: Vec<Tensors> = sources.iter().map(|s| Tensors::read(&weights(s))).collect();
        for tensor in named_tensors(&model) {
            let in_files = sources.iter().zip(&files).find_map(|(source, file)| {
                let bare = tensor.name.strip_prefix(source.here)?;
                let name = format!("{}{bare}", source.there);
                file.names().any(|n| n == name).then(|| file.floats(&name))
            });
            let values = in_files.unwrap_or_else(|| {
                let fixture = fixture.expect("a fixture for what no file has");
                fixture.tensors.floats(&format!("weight.{}", tensor.name))
            });
            tensor.write(&mut params.values, &values);
        }
        Self {
            model,
            params,
            inputs: Inputs::read(root),
            specials,
        }
    }

    /// A captioner on the weights of `tiny-ved`, with the fixture's own bottleneck and head.
    pub fn captioner(
        root: &Path,
        variant: Variant,
        vae: Option<VaeConfig>,
        text_pass: Option<TextPass>,
        fixture: Option<&Fixture>,
    ) -> Self {
        let (vit, gpt2) = vision_encoder_decoder_config(&root.join("tiny-ved")).unwrap();
        let config = ModelConfig {
            variant,
            vit,
            gpt2: Some(gpt2),
            bert: None,
            vae,
            contrastive: text_pass.map(head),
        };
        let specials = Specials::single(GPT2);
        let towers = Source {
            folder: "tiny-ved",
            there: "",
            here: "",
        };
        Self::new(root, config, &[towers], fixture, specials)
    }

    /// The dual encoder on the ViT of `tiny-ved` and on `tiny-bert`.
    pub fn dual_encoder(root: &Path, fixture: &Fixture) -> Self {
        let (vit, _) = vision_encoder_decoder_config(&root.join("tiny-ved")).unwrap();
        let config = ModelConfig {
            variant: Variant::DualEncoder,
            vit,
            gpt2: None,
            bert: Some(bert_config(&root.join("tiny-bert")).unwrap()),
            vae: None,
            contrastive: Some(head(TextPass::Unimodal)),
        };
        let specials = Specials {
            start: 1,
            end: 2,
            pad: 0,
        };
        let vit = Source {
            folder: "tiny-ved",
            there: "encoder.",
            here: "vit.",
        };
        let bert = Source {
            folder: "tiny-bert",
            there: "",
            here: "bert.",
        };
        Self::new(root, config, &[vit, bert], Some(fixture), specials)
    }

    /// Hands out the batch.
    pub fn with_batch<R>(&self, work: impl FnOnce(&Batch) -> R) -> R {
        work(&Batch {
            pictures: &|i, out| self.inputs.picture(i, out),
            captions: &self.inputs.captions(),
            specials: self.specials,
        })
    }

    /// Losses and gradients, in one shard and in three, and on a device where there is one.
    pub fn runs(&self, objective: &Objective) -> Vec<(Losses, Vec<f32>)> {
        let runs = computes().into_iter().flat_map(|compute| match compute {
            Compute::Cpu => vec![self.run(objective, 1), self.run(objective, 3)],
            #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
            Compute::Device(device) => vec![self.run_on(&device, objective)],
        });
        runs.collect()
    }

    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    fn run_on(&self, device: &cuda::Device, objective: &Objective) -> (Losses, Vec<f32>) {
        let there = cuda::DeviceParams::new(device, &self.params, Precision::F32);
        let mut gradients = cuda::DeviceGradients::zeros(device, self.model.layout());
        let losses = self.with_batch(|batch| {
            loss_and_gradients_on_device(
                &self.model,
                &there,
                batch,
                None,
                objective,
                &mut gradients,
                &mut Cut::whole(1),
            )
        });
        (losses.unwrap(), gradients.to_flat(device))
    }

    fn run(&self, objective: &Objective, shards: usize) -> (Losses, Vec<f32>) {
        let mut workspace = Workspace::new(&self.model, shards);
        let workers = Workers::new(2).unwrap();
        let losses = self.with_batch(|batch| {
            loss_and_gradients(
                &self.model,
                &self.params,
                batch,
                objective,
                &workers,
                &mut workspace,
            )
        });
        (losses.unwrap(), workspace.gradients().to_flat())
    }

    /// Compares every gradient with the fixture's: entry by entry where it has them, by norm
    /// otherwise.
    pub fn compare_gradients(&self, gradient: &[f32], fixture: &Fixture) {
        let largest = fixture.number("/f64_diff/largest_gradient");
        let norms = fixture.json["gradient_norms"].as_object().unwrap();
        let mut compared = 0;
        for tensor in named_tensors(&self.model) {
            let name = &tensor.name;
            let found = tensor.read(gradient);
            let expected = format!("grad.{name}");
            if fixture.tensors.names().any(|n| n == expected) {
                let expected = fixture.tensors.floats(&expected);
                let size = expected.iter().fold(0f32, |m, g| m.max(g.abs()));
                let tolerance = 1e-4 * f64::from(size) + 1e-6 * largest;
                compare(&found, &expected, tolerance, name);
                compared += 1;
            }
            let norm: f64 = found
                .iter()
                .map(|&g| f64::from(g).powi(2))
                .sum::<f64>()
                .sqrt();
            let expected = norms[name].as_f64().unwrap();
            let noise = 1e-6 * largest * (found.len() as f64).sqrt();
            let tolerance = 1e-4 * expected + noise;
            assert!(
                (norm - expected).abs() < tolerance,
                "{name}: norm {norm}, expected {expected}"
            );
        }
        let stored = fixture
            .tensors
            .names()
            .filter(|n| n.starts_with("grad."))
            .count();
        assert_eq!(
            compared, stored,
            "the fixture has gradients that were not looked at"
        );
        // Every gradient of the fixture is one of ours, but for poolers that nothing reads.
        assert_eq!(norms.len(), named_tensors(&self.model).len());
    }
}

fn head(text_pass: TextPass) -> ContrastiveConfig {
    ContrastiveConfig {
        width: 16,
        text_pass,
        sigma: 0.07,
    }
}

/// What computes: the CPU, and, in builds that have any, the device that `CAPTION_BENCH_DEVICE` names or the emulator.
pub fn computes() -> Vec<Compute> {
    [Some(Compute::Cpu), device()]
        .into_iter()
        .flatten()
        .collect()
}

#[allow(
    unreachable_code,
    reason = "a build may have one kind of device, both or none"
)]
fn device() -> Option<Compute> {
    #[cfg(feature = "cuda")]
    if let Ok(name) = std::env::var("CAPTION_BENCH_DEVICE") {
        let number = name.strip_prefix("cuda:").and_then(|n| n.parse().ok());
        let device = cuda::Device::open(number.expect("CAPTION_BENCH_DEVICE is cuda:N"));
        return Some(Compute::Device(device.unwrap()));
    }
    #[cfg(feature = "cuda-emulator")]
    return Some(Compute::Device(cuda::Device::emulated()));
    None
}

/// The paper's weights with given noise.
pub fn objective(latent: LatentNoise) -> Objective {
    Objective {
        alpha: 0.7,
        beta: 0.1,
        gamma: 0.2,
        free_bits: 0.0,
        latent,
        dropout: None,
        precision: Precision::F32,
    }
}

pub fn compare(found: &[f32], expected: &[f32], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = f64::from(found - expected).abs();
        assert!(
            error <= tolerance,
            "{what}[{i}]: {found}, expected {expected}"
        );
    }
}

/// Within 1e-5 of the tensor's largest value.
pub fn compare_values(found: &[f32], expected: &[f32], what: &str) {
    let largest = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
    compare(found, expected, 1e-5 * f64::from(largest), what);
}

pub fn compare_loss(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs();
    assert!(
        error <= 1e-5 * expected.abs(),
        "{what}: {found}, expected {expected}"
    );
}
