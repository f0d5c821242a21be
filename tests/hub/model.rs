//! A captioner of a few thousand parameters, as the files of a hub's repository.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor};
use caption_bench::models::weights::{hf_config, named_tensors, save};
use caption_bench::models::{Model, ModelConfig, Specials, Variant};
use caption_bench::text::Tokenizer;
use serde_json::json;

pub type Files = BTreeMap<String, Vec<u8>>;

const CAPTIONS: [&str; 3] = [
    "a red square above a blue circle",
    "a small green triangle",
    "two yellow circles beside a square",
];

/// Its files, and some of frameworks that are not read here.
pub fn files() -> Files {
    let (model, mut files) = described();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    save(&model, &model.init(1), &path).unwrap();
    files.insert("model.safetensors".into(), std::fs::read(path).unwrap());
    files
}

/// The same with its weights in two files, and an index.
pub fn sharded() -> Files {
    let (model, mut files) = described();
    let params = model.init(1);
    let folder = tempfile::tempdir().unwrap();
    let mut places = BTreeMap::new();
    let mut shards = [HashMap::new(), HashMap::new()];
    for (i, tensor) in named_tensors(&model).into_iter().enumerate() {
        let values = tensor.read(&params.values);
        let values = Tensor::from_vec(values, tensor.shape.as_slice(), &Device::Cpu).unwrap();
        places.insert(tensor.name.clone(), shard(i % 2));
        shards[i % 2].insert(tensor.name, values);
    }
    for (i, tensors) in shards.iter().enumerate() {
        let path = folder.path().join(shard(i));
        candle_core::safetensors::save(tensors, &path).unwrap();
        files.insert(shard(i), std::fs::read(path).unwrap());
    }
    let index = json!({"weight_map": places}).to_string();
    files.insert("model.safetensors.index.json".into(), index.into());
    files
}

fn shard(i: usize) -> String {
    format!("model-0000{}-of-00002.safetensors", i + 1)
}

fn described() -> (Model, Files) {
    let tokenizer = Tokenizer::train_bpe(CAPTIONS, 300, false).unwrap();
    let ids = tokenizer.specials();
    let specials = Specials {
        start: ids.start,
        end: ids.end,
        pad: ids.pad,
    };
    let mut config = ModelConfig::tiny(Variant::EncoderDecoder, tokenizer.vocab_size());
    (config.vit.image, config.vit.patch, config.vit.width) = (32, 16, 16);
    (config.vit.mlp, config.vit.layers, config.vit.heads) = (24, 1, 2);
    if let Some(gpt2) = &mut config.gpt2 {
        (gpt2.width, gpt2.mlp, gpt2.layers, gpt2.heads) = (16, 24, 1, 2);
    }
    let document = hf_config(&config, specials).unwrap();
    let texts = [
        ("config.json", document.to_string()),
        ("tokenizer.json", tokenizer.to_json().unwrap()),
        (
            "tokenizer_config.json",
            r#"{"model_max_length": 64}"#.into(),
        ),
        ("preprocessor_config.json", r#"{"do_resize": true}"#.into()),
        ("README.md", "# tiny".into()),
        ("flax_model.msgpack", "flax".into()),
        ("pytorch_model.bin", "PyTorch".into()),
        ("tf_model.h5", "TensorFlow".into()),
        ("vocab.json", "{}".into()),
    ];
    let files = texts.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    (Model::new(config).unwrap(), files.into())
}
