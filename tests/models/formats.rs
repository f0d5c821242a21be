//! One small encoder-decoder in every format and under every name that is read.

use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use caption_bench::models::weights::{
    Coverage, hf_config, load_gpt2, load_vit, named_tensors, open,
};
use caption_bench::models::{Model, ModelConfig};
use caption_bench::nn::Params;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::small::{SPECIALS, Small, configs};

type Named = (String, Vec<usize>, Vec<f32>);

/// The encoder-decoder, its tensors, and a folder with its `config.json`.
fn setup() -> (Small, Vec<Named>, tempfile::TempDir) {
    let small = Small::new(configs()[1].1);
    let named = named_tensors(&small.model).into_iter().map(|t| {
        let values = t.read(&small.params.values);
        (t.name, t.shape, values)
    });
    let named = named.collect();
    let folder = tempfile::tempdir().unwrap();
    let config = hf_config(small.model.config(), SPECIALS).unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    (small, named, folder)
}

fn write(path: &Path, tensors: &[Named], kind: DType) {
    let tensors = tensors.iter().map(|(name, shape, values)| {
        let tensor = Tensor::from_slice(values, shape.as_slice(), &Device::Cpu).unwrap();
        (name.clone(), tensor.to_dtype(kind).unwrap())
    });
    candle_core::safetensors::save(&tensors.collect(), path).unwrap();
}

/// A file as `torch.save` writes a `state_dict`: protocol 2, one storage a tensor. A matrix is
/// stored column by column and described by its strides, as a transposed view is.
fn write_bin(path: &Path, tensors: &[Named]) {
    let text = |pickle: &mut Vec<u8>, text: &str| {
        pickle.push(b'X');
        pickle.extend((text.len() as u32).to_le_bytes());
        pickle.extend(text.as_bytes());
    };
    let whole = |pickle: &mut Vec<u8>, n: usize| {
        pickle.push(b'J');
        pickle.extend((n as u32).to_le_bytes());
    };
    let tuple = |pickle: &mut Vec<u8>, numbers: &[usize]| {
        pickle.push(b'(');
        numbers.iter().for_each(|&n| whole(pickle, n));
        pickle.push(b't');
    };
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (i, (name, shape, values)) in tensors.iter().enumerate() {
        let mut strides = vec![1; shape.len()];
        for d in (1..shape.len()).rev() {
            strides[d - 1] = strides[d] * shape[d];
        }
        let mut stored = values.clone();
        if let [rows, columns] = shape[..] {
            strides = vec![1, rows];
            stored = (0..columns)
                .flat_map(|c| (0..rows).map(move |r| values[r * columns + c]))
                .collect();
        }
        text(&mut pickle, name);
        pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut pickle, "storage");
        pickle.extend(b"ctorch\nFloatStorage\n");
        text(&mut pickle, &i.to_string());
        text(&mut pickle, "cpu");
        whole(&mut pickle, stored.len() + 1);
        pickle.extend(b"tQ");
        whole(&mut pickle, 1);
        tuple(&mut pickle, shape);
        tuple(&mut pickle, &strides);
        pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        // One number in front, which the offset skips.
        let bytes: Vec<u8> = [f32::NAN]
            .iter()
            .chain(&stored)
            .flat_map(|v| v.to_le_bytes())
            .collect();
        zip.start_file(format!("archive/data/{i}"), plain).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    pickle.extend(b"u.");
    zip.start_file("archive/data.pkl", plain).unwrap();
    zip.write_all(&pickle).unwrap();
    zip.finish().unwrap();
}

fn write_index(path: &Path, parts: [(&str, &[Named]); 2]) {
    let names = parts
        .iter()
        .flat_map(|(file, tensors)| tensors.iter().map(|t| (t.0.clone(), (*file).into())));
    let map: serde_json::Map<String, serde_json::Value> = names.collect();
    let index = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
    std::fs::write(path, index.to_string()).unwrap();
}

fn comes_back(small: &Small, folder: &Path) -> Coverage {
    let (model, params, coverage) = open(folder).unwrap();
    assert_eq!(model.config(), small.model.config());
    assert_eq!(params.values[..], small.params.values[..]);
    coverage
}

fn refused(folder: &Path, words: &[&str]) {
    let error = open(folder).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    for word in words {
        assert!(
            error.message().contains(word),
            "{error} does not say {word}"
        );
    }
}

#[test]
fn one_file_or_several_safetensors_or_pickles_are_the_same_model() {
    let (small, named, folder) = setup();
    let folder = folder.path();
    let (first, second) = named.split_at(named.len() / 2);

    let whole = folder.join("pytorch_model.bin");
    write_bin(&whole, &named);
    assert_eq!(comes_back(&small, folder), Coverage::default());
    std::fs::remove_file(whole).unwrap();

    let parts = [
        "pytorch_model-00001-of-00002.bin",
        "pytorch_model-00002-of-00002.bin",
    ];
    write_bin(&folder.join(parts[0]), first);
    write_bin(&folder.join(parts[1]), second);
    let index = folder.join("pytorch_model.bin.index.json");
    write_index(&index, [(parts[0], first), (parts[1], second)]);
    comes_back(&small, folder);

    let parts = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];
    write(&folder.join(parts[0]), first, DType::F32);
    write(&folder.join(parts[1]), second, DType::F64);
    let index = folder.join("model.safetensors.index.json");
    write_index(&index, [(parts[0], first), (parts[1], second)]);
    comes_back(&small, folder);

    write_index(&index, [(parts[0], &named), (parts[1], second)]);
    std::fs::remove_file(folder.join(parts[1])).unwrap();
    refused(folder, &["cannot read", parts[1]]);
    write_index(&index, [(parts[0], &named), (parts[0], second)]);
    refused(folder, &["weight_map.", "no such tensor in", parts[0]]);
    write_index(
        &index,
        [("../model.safetensors", &named), (parts[0], second)],
    );
    refused(folder, &["expected the name of a file beside the index"]);
}

#[test]
fn numbers_of_two_bytes_are_the_nearest_of_four() {
    let (_, named, folder) = setup();
    for (kind, error) in [(DType::F16, 1e-3), (DType::BF16, 5e-3)] {
        write(&folder.path().join("model.safetensors"), &named, kind);
        let (model, params, _) = open(folder.path()).unwrap();
        for (tensor, (name, _, expected)) in named_tensors(&model).iter().zip(&named) {
            for (found, expected) in tensor.read(&params.values).iter().zip(expected) {
                assert!(
                    (found - expected).abs() <= error * expected.abs().max(1e-3),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn broken_files_are_refused_by_name() {
    let (_, named, folder) = setup();
    let folder = folder.path();
    refused(folder, &["no weights in this folder", "pytorch_model.bin"]);
    std::fs::write(folder.join("pytorch_model.bin"), b"\x80\x02pickle of 2019").unwrap();
    refused(folder, &["pytorch_model.bin", "since PyTorch 1.6"]);
    let path = folder.join("model.safetensors");
    std::fs::write(&path, b"short").unwrap();
    refused(folder, &["model.safetensors", "first 8 bytes"]);
    std::fs::write(&path, [255; 64]).unwrap();
    refused(folder, &["expected a whole safetensors file"]);

    let mut odd = named.clone();
    odd[0].2[1] = f32::NAN;
    write(&path, &odd, DType::F32);
    refused(folder, &[&odd[0].0, "its number 1 is NaN"]);
    write(&path, &named, DType::U8);
    refused(folder, &["expected floating-point numbers"]);
}

#[test]
fn new_names_buffers_and_the_repeated_output_layer_are_known() {
    let (small, named, folder) = setup();
    let path = folder.path().join("model.safetensors");
    let mut renamed = named.clone();
    for (name, ..) in &mut renamed {
        for (old, new) in [
            ("encoder.layer.", "layers."),
            ("attention.attention.query", "attention.q_proj"),
            ("attention.attention.key", "attention.k_proj"),
            ("attention.attention.value", "attention.v_proj"),
            ("attention.output.dense", "attention.o_proj"),
            ("intermediate.dense", "mlp.fc1"),
            (".output.dense", ".mlp.fc2"),
        ] {
            *name = name.replace(old, new);
        }
    }
    assert!(
        renamed
            .iter()
            .any(|t| t.0 == "encoder.layers.1.mlp.fc2.bias")
    );
    let words = named.iter().find(|t| t.0.ends_with("wte.weight")).unwrap();
    renamed.push((
        "decoder.lm_head.weight".into(),
        words.1.clone(),
        words.2.clone(),
    ));
    renamed.push((
        "decoder.transformer.h.0.attn.bias".into(),
        vec![1],
        vec![1.0],
    ));
    renamed.push(("encoder.pooler.dense.bias".into(), vec![1], vec![1.0]));
    write(&path, &renamed, DType::F32);
    assert_eq!(comes_back(&small, folder.path()), Coverage::default());

    renamed.push(("decoder.adapter.3.weight".into(), vec![1], vec![1.0]));
    write(&path, &renamed, DType::F32);
    let notes = comes_back(&small, folder.path()).notes();
    assert_eq!(notes, ["not used: decoder.adapter.3.weight"]);

    renamed
        .iter_mut()
        .find(|t| t.0.contains("lm_head"))
        .unwrap()
        .2[5] += 1.0;
    write(&path, &renamed, DType::F32);
    refused(folder.path(), &["decoder.lm_head.weight", "tied"]);
    renamed.retain(|t| !t.0.contains("lm_head"));
    let twice = named
        .iter()
        .find(|t| t.0.ends_with("1.output.dense.bias"))
        .unwrap();
    renamed.push(twice.clone());
    write(&path, &renamed, DType::F32);
    refused(folder.path(), &["is the same parameter as"]);
}

#[test]
fn a_plain_decoder_says_what_it_lacks() {
    let (small, named, folder) = setup();
    let plain = named.iter().filter(|t| !t.0.contains("cross"));
    let plain: Vec<Named> = plain
        .filter_map(|(name, shape, values)| {
            let name = name.strip_prefix("decoder.")?.to_owned();
            Some((name, shape.clone(), values.clone()))
        })
        .collect();
    write(&folder.path().join("model.safetensors"), &plain, DType::F32);
    let coverage = load_gpt2(&small.model, &mut small.model.init(0), folder.path()).unwrap();
    assert_eq!(coverage.initialised.len(), 16);
    let notes = coverage.notes();
    let start = "newly initialised: transformer.h.0-1.ln_cross_attn.weight, ";
    assert!(notes.len() == 1 && notes[0].starts_with(start), "{notes:?}");
}

#[test]
fn positions_of_smaller_pictures_are_interpolated() {
    let (small, named, folder) = setup();
    write(&folder.path().join("model.safetensors"), &named, DType::F32);
    let larger = |change: &dyn Fn(&mut ModelConfig)| -> (Model, Params) {
        let mut config = *small.model.config();
        change(&mut config);
        let model = Model::new(config).unwrap();
        let params = model.init(0);
        (model, params)
    };
    // 2 × 2 patches become 4 × 4; a corner reads beyond the edge with the kernel at 5/4, -27/256.
    let (model, mut params) = larger(&|c| c.vit.image = 32);
    load_vit(&model, &mut params, folder.path()).unwrap();
    let positions = |model: &Model, params: &Params| {
        let tensors = named_tensors(model);
        let tensor = tensors
            .iter()
            .find(|t| t.name.ends_with("position_embeddings"));
        tensor.unwrap().read(&params.values)
    };
    let (from, to) = (
        positions(&small.model, &small.params),
        positions(&model, &params),
    );
    assert_eq!(to.len(), 17 * 16);
    assert_eq!(to[..16], from[..16]);
    let (near, far) = (1.0 + 27.0 / 256.0, -27.0 / 256.0);
    for i in 0..16 {
        let corner = |k: usize| from[(1 + k) * 16 + i];
        let expected =
            near * near * corner(0) + near * far * (corner(1) + corner(2)) + far * far * corner(3);
        assert!((to[16 + i] - expected).abs() < 1e-6);
    }
    let (model, mut params) = larger(&|c| (c.vit.image, c.vit.width) = (32, 18));
    let error = load_vit(&model, &mut params, folder.path()).unwrap_err();
    assert!(error.message().contains("has shape [1, 1, 16]"), "{error}");
}
