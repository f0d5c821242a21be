//! Every parameter under the name it has in a Hugging Face checkpoint.

use std::ops::Range;

use crate::nn::{Linear, Norm, Slot};

use super::super::bert::Bert;
use super::super::blocks::SelfAttention;
use super::super::captioner::{Bridge, Captioner};
use super::super::contrastive::ContrastiveHead;
use super::super::dual_encoder::DualEncoder;
use super::super::gpt2::Gpt2;
use super::super::vae::Bottleneck;
use super::super::vit::Vit;
use super::super::{Model, Parts};

/// One tensor of a checkpoint, and where its numbers lie in the flat parameters.
///
/// A parameter may be several tensors: packed queries, keys and values are three in ViT and BERT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTensor {
    /// The name in the file.
    pub name: String,
    /// The shape in the file.
    pub shape: Vec<usize>,
    range: Range<usize>,
    /// The file has (inputs, outputs), as GPT-2's `Conv1D`; here it is (outputs, inputs).
    transposed: bool,
}

impl NamedTensor {
    /// The tensor's numbers, in the file's order, out of flat parameters or gradients.
    pub fn read(&self, flat: &[f32]) -> Vec<f32> {
        let values = &flat[self.range.clone()];
        match self.shape[..] {
            [inputs, outputs] if self.transposed => transpose(values, outputs, inputs),
            _ => values.to_vec(),
        }
    }

    /// Where the tensor's numbers lie in flat parameters, if they have the file's order there.
    pub(super) fn place<'a>(&self, flat: &'a mut [f32]) -> Option<&'a mut [f32]> {
        (!self.transposed).then(|| &mut flat[self.range.clone()])
    }

    /// Puts the tensor's numbers, in the file's order, into flat parameters.
    ///
    /// # Panics
    /// If there are not as many as the shape says.
    pub fn write(&self, flat: &mut [f32], values: &[f32]) {
        let place = &mut flat[self.range.clone()];
        match self.shape[..] {
            [inputs, outputs] if self.transposed => {
                place.copy_from_slice(&transpose(values, inputs, outputs));
            }
            _ => place.copy_from_slice(values),
        }
    }
}

/// (columns, rows) from (rows, columns).
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let column = |c: usize| (0..rows).map(move |r| values[r * columns + c]);
    (0..columns).flat_map(column).collect()
}

/// Every tensor of a model's checkpoint.
///
/// A captioner's towers are named as in a `VisionEncoderDecoderModel` (`encoder.…`,
/// `decoder.transformer.…`, `enc_to_dec_proj.…`), the dual encoder's as `vit.…` and `bert.…`. What
/// Hugging Face has no name for is `latent.{mean,log_variance,up}` and
/// `contrastive.{image,text,sigma}`. The output layer is the word embeddings and not repeated.
pub fn named_tensors(model: &Model) -> Vec<NamedTensor> {
    let mut names = Names::default();
    match &model.parts {
        Parts::Captioner(Captioner {
            vit,
            bridge,
            gpt2,
            head,
        }) => {
            names.vit("encoder.", vit);
            match bridge {
                Bridge::Direct => {}
                Bridge::Projection(map) => names.linear("enc_to_dec_proj", *map),
                Bridge::Bottleneck(bottleneck) => names.bottleneck(bottleneck),
            }
            names.gpt2("decoder.transformer.", gpt2);
            head.iter().for_each(|head| names.head(head));
        }
        Parts::DualEncoder(DualEncoder { vit, bert, head }) => {
            names.vit("vit.", vit);
            names.bert("bert.", bert);
            names.head(head);
        }
    }
    names.tensors
}

/// The tensors of a picture's tower as they are named in a `ViTModel`.
pub(super) fn vit_tensors(model: &Model) -> Vec<NamedTensor> {
    let mut names = Names::default();
    match &model.parts {
        Parts::Captioner(Captioner { vit, .. }) | Parts::DualEncoder(DualEncoder { vit, .. }) => {
            names.vit("", vit);
        }
    }
    names.tensors
}

/// The decoder's tensors as they are named in a `GPT2Model`; none without a decoder.
pub(super) fn gpt2_tensors(model: &Model) -> Vec<NamedTensor> {
    let mut names = Names::default();
    if let Parts::Captioner(Captioner { gpt2, .. }) = &model.parts {
        names.gpt2("", gpt2);
    }
    names.tensors
}

/// The text tower's tensors as they are named in a `BertModel`; none without that tower.
pub(super) fn bert_tensors(model: &Model) -> Vec<NamedTensor> {
    let mut names = Names::default();
    if let Parts::DualEncoder(DualEncoder { bert, .. }) = &model.parts {
        names.bert("", bert);
    }
    names.tensors
}

#[derive(Default)]
struct Names {
    tensors: Vec<NamedTensor>,
}

impl Names {
    fn piece(&mut self, name: String, shape: &[usize], range: Range<usize>) {
        self.tensors.push(NamedTensor {
            name,
            shape: shape.to_vec(),
            range,
            transposed: false,
        });
    }

    fn slot(&mut self, name: String, shape: &[usize], slot: Slot) {
        self.piece(name, shape, slot.range());
    }

    fn matrix(&mut self, name: String, slot: Slot) {
        self.slot(name, &[slot.rows, slot.cols], slot);
    }

    fn linear(&mut self, name: &str, Linear { w, b }: Linear) {
        self.matrix(format!("{name}.weight"), w);
        if let Some(b) = b {
            self.slot(format!("{name}.bias"), &[b.len()], b);
        }
    }

    /// GPT-2's `Conv1D`.
    fn conv1d(&mut self, name: &str, Linear { w, b }: Linear) {
        self.tensors.push(NamedTensor {
            name: format!("{name}.weight"),
            shape: vec![w.cols, w.rows],
            range: w.range(),
            transposed: true,
        });
        if let Some(b) = b {
            self.slot(format!("{name}.bias"), &[b.len()], b);
        }
    }

    fn norm(&mut self, name: &str, norm: Norm) {
        self.slot(format!("{name}.weight"), &[norm.w.len()], norm.w);
        self.slot(format!("{name}.bias"), &[norm.b.len()], norm.b);
    }

    /// Packed queries, keys and values under their three names.
    fn query_key_value(&mut self, name: &str, attention: &SelfAttention) {
        let Linear { w, b } = attention.qkv;
        let width = w.rows / 3;
        for (i, part) in ["query", "key", "value"].into_iter().enumerate() {
            let start = w.offset + i * width * w.cols;
            self.piece(
                format!("{name}.{part}.weight"),
                &[width, w.cols],
                start..start + width * w.cols,
            );
            if let Some(b) = b {
                let start = b.offset + i * width;
                self.piece(
                    format!("{name}.{part}.bias"),
                    &[width],
                    start..start + width,
                );
            }
        }
    }

    fn vit(&mut self, prefix: &str, vit: &Vit) {
        let (width, patch) = (vit.config.width, vit.config.patch);
        let embedding = vit.embedding;
        let name = |part: &str| format!("{prefix}embeddings.{part}");
        self.slot(name("cls_token"), &[1, 1, width], embedding.class_token);
        let tokens = vit.config.tokens();
        self.slot(
            name("position_embeddings"),
            &[1, tokens, width],
            embedding.positions,
        );
        let Linear { w, b } = embedding.projection;
        let projection = name("patch_embeddings.projection");
        self.slot(format!("{projection}.weight"), &[width, 3, patch, patch], w);
        if let Some(b) = b {
            self.slot(format!("{projection}.bias"), &[width], b);
        }
        for (i, block) in vit.blocks.iter().enumerate() {
            let layer = format!("{prefix}encoder.layer.{i}");
            self.norm(&format!("{layer}.layernorm_before"), block.norm_before);
            self.query_key_value(&format!("{layer}.attention.attention"), &block.attention);
            self.linear(
                &format!("{layer}.attention.output.dense"),
                block.attention.out,
            );
            self.norm(&format!("{layer}.layernorm_after"), block.norm_after);
            self.linear(&format!("{layer}.intermediate.dense"), block.mlp.up);
            self.linear(&format!("{layer}.output.dense"), block.mlp.down);
        }
        self.norm(&format!("{prefix}layernorm"), vit.norm);
    }

    fn gpt2(&mut self, prefix: &str, gpt2: &Gpt2) {
        self.matrix(format!("{prefix}wte.weight"), gpt2.words);
        self.matrix(format!("{prefix}wpe.weight"), gpt2.positions);
        for (i, block) in gpt2.blocks.iter().enumerate() {
            let layer = format!("{prefix}h.{i}");
            self.norm(&format!("{layer}.ln_1"), block.norm_self);
            self.conv1d(&format!("{layer}.attn.c_attn"), block.attention.qkv);
            self.conv1d(&format!("{layer}.attn.c_proj"), block.attention.out);
            self.norm(&format!("{layer}.ln_cross_attn"), block.norm_cross);
            let cross = block.cross;
            self.conv1d(&format!("{layer}.crossattention.q_attn"), cross.query);
            self.conv1d(&format!("{layer}.crossattention.c_attn"), cross.key_value);
            self.conv1d(&format!("{layer}.crossattention.c_proj"), cross.out);
            self.norm(&format!("{layer}.ln_2"), block.norm_mlp);
            self.conv1d(&format!("{layer}.mlp.c_fc"), block.mlp.up);
            self.conv1d(&format!("{layer}.mlp.c_proj"), block.mlp.down);
        }
        self.norm(&format!("{prefix}ln_f"), gpt2.norm);
    }

    fn bert(&mut self, prefix: &str, bert: &Bert) {
        let name = |part: &str| format!("{prefix}embeddings.{part}");
        self.matrix(name("word_embeddings.weight"), bert.words);
        self.matrix(name("position_embeddings.weight"), bert.positions);
        self.matrix(name("token_type_embeddings.weight"), bert.segments);
        self.norm(&name("LayerNorm"), bert.norm);
        for (i, block) in bert.blocks.iter().enumerate() {
            let layer = format!("{prefix}encoder.layer.{i}");
            self.query_key_value(&format!("{layer}.attention.self"), &block.attention);
            self.linear(
                &format!("{layer}.attention.output.dense"),
                block.attention.out,
            );
            self.norm(
                &format!("{layer}.attention.output.LayerNorm"),
                block.norm_attention,
            );
            self.linear(&format!("{layer}.intermediate.dense"), block.mlp.up);
            self.linear(&format!("{layer}.output.dense"), block.mlp.down);
            self.norm(&format!("{layer}.output.LayerNorm"), block.norm_mlp);
        }
    }

    fn bottleneck(&mut self, bottleneck: &Bottleneck) {
        self.linear("latent.mean", bottleneck.mean);
        self.linear("latent.log_variance", bottleneck.log_variance);
        self.linear("latent.up", bottleneck.up);
    }

    fn head(&mut self, head: &ContrastiveHead) {
        self.linear("contrastive.image", head.image);
        self.linear("contrastive.text", head.text);
        self.slot("contrastive.sigma".into(), &[], head.sigma);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::config::{LatentType, ModelConfig, Variant};
    use super::*;

    #[test]
    fn every_parameter_is_named_once() {
        for variant in Variant::ALL {
            let mut config = ModelConfig::tiny(variant, 50);
            config.vit.width = 96;
            if let Some(vae) = &mut config.vae {
                vae.latent = LatentType::Cls;
            }
            let model = Model::new(config).unwrap();
            let mut seen = vec![0; model.layout().len()];
            let tensors = named_tensors(&model);
            for tensor in &tensors {
                assert_eq!(tensor.range.len(), tensor.shape.iter().product::<usize>());
                tensor.range.clone().for_each(|i| seen[i] += 1);
            }
            for (name, slot) in model.layout().slots() {
                assert!(seen[slot.range()].iter().all(|&times| times == 1), "{name}");
            }
            let mut names: Vec<_> = tensors.iter().map(|t| &t.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), tensors.len());
        }
    }

    #[test]
    fn conv1d_is_turned_both_ways() {
        let tensor = NamedTensor {
            name: "c_attn.weight".into(),
            shape: vec![2, 3],
            range: 1..7,
            transposed: true,
        };
        let mut flat = [0.0; 8];
        tensor.write(&mut flat, &[1., 2., 3., 4., 5., 6.]);
        assert_eq!(flat, [0., 1., 4., 2., 5., 3., 6., 0.]);
        assert_eq!(tensor.read(&flat), [1., 2., 3., 4., 5., 6.]);
    }
}
