//! Checkpoints go out and come back, and what does not fit is named.

use caption_bench::models::weights::{
    NamedTensor, hf_config, load, load_bert, load_gpt2, load_vit, named_tensors, open, save,
};
use caption_bench::models::{Model, ModelConfig, Variant};

use crate::small::{SPECIALS, Small, configs};

#[test]
fn a_checkpoint_comes_back_bit_for_bit_with_its_model() {
    let folder = tempfile::tempdir().unwrap();
    for (name, config) in configs() {
        let small = Small::new(config);
        let path = folder.path().join("model.safetensors");
        save(&small.model, &small.params, &path).unwrap();
        for place in [path.as_path(), folder.path()] {
            let (model, params, _) = open(place).unwrap();
            assert_eq!(model.config(), &config, "{name}");
            assert_eq!(params.values[..], small.params.values[..], "{name}");
        }
        let mut params = small.model.init(7);
        load(&small.model, &mut params, &path).unwrap();
        assert_eq!(params.values[..], small.params.values[..], "{name}");
    }
}

#[test]
fn what_does_not_fit_is_named_with_both_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let [_, (_, config), ..] = configs()[..] else {
        unreachable!()
    };
    let small = Small::new(config);
    save(&small.model, &small.params, &path).unwrap();
    let refused = |change: &dyn Fn(&mut ModelConfig), words: &[&str]| {
        let mut other = config;
        change(&mut other);
        let model = Model::new(other).unwrap();
        let error = load(&model, &mut model.init(0), &path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        for word in words {
            assert!(
                error.message().contains(word),
                "{error} does not say {word}"
            );
        }
    };
    refused(
        &|c| c.gpt2.as_mut().unwrap().mlp = 25,
        &[
            "tensor decoder.transformer.h.0.mlp.c_fc.weight",
            "shape [16, 24]",
            "expected [16, 25]",
        ],
    );
    refused(
        &|c| c.vit.layers = 3,
        &[
            "tensor encoder.encoder.layer.2.layernorm_before.weight",
            "is missing",
            "[16]",
        ],
    );
    refused(
        &|c| c.vit.layers = 1,
        &["tensor encoder.encoder.layer.1", "no such parameter"],
    );

    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error
            .message()
            .contains("expected a whole safetensors file"),
        "{error}"
    );
    let error = open(&folder.path().join("nothing")).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

/// Writes tensors as they would stand in somebody else's file.
fn write(path: &std::path::Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let device = candle_core::Device::Cpu;
    let tensors = tensors.iter().map(|(name, shape, values)| {
        let tensor = candle_core::Tensor::from_slice(values, shape.as_slice(), &device).unwrap();
        (name.clone(), tensor)
    });
    candle_core::safetensors::save(&tensors.collect(), path).unwrap();
}

#[test]
fn towers_are_read_under_the_names_that_others_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let captioner = Small::new(configs()[1].1);
    let dual = Small::new(configs()[0].1);
    let written = |small: &Small, prefix: &str, rename: &dyn Fn(&str) -> Option<String>| {
        let tensors: Vec<_> = named_tensors(&small.model)
            .iter()
            .filter_map(|t: &NamedTensor| {
                let name = rename(t.name.strip_prefix(prefix)?)?;
                Some((name, t.shape.clone(), t.read(&small.params.values)))
            })
            .collect();
        assert!(!tensors.is_empty());
        tensors
    };
    let loaded = |small: &Small, prefix: &str, params: &caption_bench::nn::Params| {
        for tensor in named_tensors(&small.model) {
            let found = tensor.read(&params.values);
            if tensor.name.starts_with(prefix) {
                assert_eq!(found, tensor.read(&small.params.values), "{}", tensor.name);
            }
        }
    };

    // A classifier's ViT, with its head and a pooler.
    let mut tensors = written(&captioner, "encoder.", &|name| Some(format!("vit.{name}")));
    tensors.push(("classifier.weight".into(), vec![2, 16], vec![0.0; 32]));
    tensors.push(("vit.pooler.dense.bias".into(), vec![16], vec![0.0; 16]));
    write(&path, &tensors);
    let mut params = captioner.model.init(3);
    load_vit(&captioner.model, &mut params, folder.path()).unwrap();
    loaded(&captioner, "encoder.", &params);

    // A plain GPT-2: no prefix, no cross-attention, the old causal mask as a buffer.
    let mut tensors = written(&captioner, "decoder.transformer.", &|name| {
        let cross = name.contains("cross");
        (!cross).then(|| name.to_owned())
    });
    tensors.push(("h.0.attn.bias".into(), vec![1, 1, 8, 8], vec![1.0; 64]));
    let words = tensors.iter().find(|t| t.0 == "wte.weight").unwrap();
    tensors.push(("lm_head.weight".into(), words.1.clone(), words.2.clone()));
    write(&path, &tensors);
    let mut params = captioner.model.init(3);
    let untouched = captioner.model.init(3);
    load_gpt2(&captioner.model, &mut params, folder.path()).unwrap();
    for tensor in named_tensors(&captioner.model) {
        let kept = tensor.name.contains("cross") || tensor.name.starts_with("encoder.");
        let source = if kept { &untouched } else { &captioner.params };
        assert_eq!(
            tensor.read(&params.values),
            tensor.read(&source.values),
            "{}",
            tensor.name
        );
    }
    let error = load_gpt2(&dual.model, &mut dual.model.init(0), folder.path()).unwrap_err();
    assert!(error.message().contains("no decoder"));

    // A BERT converted from TensorFlow: gamma and beta, heads of its pretraining.
    let mut tensors = written(&dual, "bert.", &|name| {
        let name = name.replace("LayerNorm.weight", "LayerNorm.gamma");
        Some(format!(
            "bert.{}",
            name.replace("LayerNorm.bias", "LayerNorm.beta")
        ))
    });
    tensors.push(("cls.predictions.bias".into(), vec![23], vec![0.0; 23]));
    write(&path, &tensors);
    let mut params = dual.model.init(3);
    load_bert(&dual.model, &mut params, folder.path()).unwrap();
    loaded(&dual, "bert.", &params);

    // Both towers of a VisionTextDualEncoderModel: what it projects its poolers with is not used.
    let mut tensors = written(&dual, "bert.", &|name| Some(format!("text_model.{name}")));
    tensors.extend(written(&dual, "vit.", &|name| {
        Some(format!("vision_model.{name}"))
    }));
    tensors.push((
        "text_model.pooler.dense.bias".into(),
        vec![16],
        vec![0.0; 16],
    ));
    tensors.push(("text_projection.weight".into(), vec![4, 16], vec![0.0; 64]));
    write(&path, &tensors);
    let mut params = dual.model.init(3);
    for load in [load_bert, load_vit] {
        let coverage = load(&dual.model, &mut params, folder.path()).unwrap();
        assert_eq!(coverage.unused, ["text_projection.weight"]);
    }
    loaded(&dual, "bert.", &params);
    loaded(&dual, "vit.", &params);

    let error = load_bert(&captioner.model, &mut params, folder.path()).unwrap_err();
    assert!(error.message().contains("encoder-decoder has no BERT"));
}

#[test]
fn captioners_have_a_configuration_for_transformers() {
    for variant in Variant::ALL {
        let config = hf_config(&ModelConfig::tiny(variant, 500), SPECIALS);
        assert_eq!(config.is_some(), variant.generates());
    }
}

#[test]
fn a_folder_for_transformers_is_one_that_is_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let small = Small::new(configs()[2].1);
    // Without the header's configuration, as if transformers had written it.
    let tensors: Vec<_> = named_tensors(&small.model)
        .into_iter()
        .map(|t| {
            (
                t.name.clone(),
                t.shape.clone(),
                t.read(&small.params.values),
            )
        })
        .collect();
    write(&folder.path().join("model.safetensors"), &tensors);
    let error = open(folder.path()).unwrap_err();
    assert!(error.message().contains("config.json"), "{error}");

    let path = folder.path().join("config.json");
    let mut config = hf_config(small.model.config(), SPECIALS).unwrap();
    std::fs::write(&path, config.to_string()).unwrap();
    let (model, params, _) = open(folder.path()).unwrap();
    assert_eq!(model.config(), small.model.config());
    assert_eq!(params.values[..], small.params.values[..]);

    let mut refused = |pointer: &str, value: serde_json::Value, words: &str| {
        let place = config.pointer_mut(pointer).unwrap();
        let before = std::mem::replace(place, value);
        std::fs::write(&path, config.to_string()).unwrap();
        *config.pointer_mut(pointer).unwrap() = before;
        let error = open(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.message().contains(words),
            "{error} does not say {words}"
        );
    };
    refused(
        "/model_type",
        "gpt2".into(),
        "model_type: is `gpt2`, expected `vision-encoder-decoder`",
    );
    refused(
        "/decoder/activation_function",
        "relu".into(),
        "decoder.activation_function: is `relu`",
    );
    refused(
        "/decoder/tie_word_embeddings",
        false.into(),
        "decoder.tie_word_embeddings: is false",
    );
    refused(
        "/encoder/hidden_size",
        "wide".into(),
        "encoder.hidden_size: is \"wide\", expected a whole number",
    );
    refused(
        "/encoder/patch_size",
        7.into(),
        "not a multiple of vit.patch = 7",
    );
    std::fs::write(&path, "{\n\"model_type\" 3}").unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.message().contains("line 2"), "{error}");
}
