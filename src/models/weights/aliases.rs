//! Other names for the same tensors, and tensors that nothing here reads.

/// A tensor's name as `names.rs` has it, from any that transformers has used:
///
/// * ViT as transformers 5 names it in memory: `layers.0.attention.q_proj`, `mlp.fc1`;
/// * layer norms of files converted from TensorFlow: `LayerNorm.gamma` and `beta`.
pub(super) fn canonical(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let mut words: Vec<&str> = Vec::with_capacity(parts.len() + 1);
    for (i, &part) in parts.iter().enumerate() {
        let before = i.checked_sub(1).map_or("", |i| parts[i]);
        match (before, part) {
            (_, "layers") => words.extend(["encoder", "layer"]),
            ("attention", "q_proj") => words.extend(["attention", "query"]),
            ("attention", "k_proj") => words.extend(["attention", "key"]),
            ("attention", "v_proj") => words.extend(["attention", "value"]),
            ("attention", "o_proj") => words.extend(["output", "dense"]),
            ("mlp", "fc1") => replace_last(&mut words, &["intermediate", "dense"]),
            ("mlp", "fc2") => replace_last(&mut words, &["output", "dense"]),
            ("LayerNorm", "gamma") => words.push("weight"),
            ("LayerNorm", "beta") => words.push("bias"),
            _ => words.push(part),
        }
    }
    words.join(".")
}

fn replace_last<'a>(words: &mut Vec<&'a str>, with: &[&'a str]) {
    words.pop();
    words.extend(with);
}

/// Tensors that checkpoints hold and no model here reads: poolers, heads of other tasks, and
/// constants that old versions stored. `name` is without its tower's prefix.
pub(super) fn ignorable(name: &str) -> bool {
    let heads = [
        "pooler.",
        "cls.",
        "classifier.",
        "encoder.pooler.",
        "vit.pooler.",
        "bert.pooler.",
    ];
    let constants = [
        ".attn.bias",
        ".attn.masked_bias",
        ".crossattention.bias",
        ".crossattention.masked_bias",
        "position_ids",
    ];
    heads.iter().any(|head| name.starts_with(head))
        || constants.iter().any(|constant| name.ends_with(constant))
}

/// Whether a tensor is the output layer, which is the word embeddings again.
pub(super) fn is_output_layer(name: &str) -> bool {
    matches!(name, "lm_head.weight" | "decoder.lm_head.weight")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_old_names_are_the_same_tensor() {
        for (found, expected) in [
            (
                "encoder.layers.3.attention.q_proj.weight",
                "encoder.encoder.layer.3.attention.attention.query.weight",
            ),
            (
                "vit.layers.0.attention.o_proj.bias",
                "vit.encoder.layer.0.attention.output.dense.bias",
            ),
            (
                "layers.11.mlp.fc1.weight",
                "encoder.layer.11.intermediate.dense.weight",
            ),
            (
                "layers.11.mlp.fc2.bias",
                "encoder.layer.11.output.dense.bias",
            ),
            (
                "bert.embeddings.LayerNorm.gamma",
                "bert.embeddings.LayerNorm.weight",
            ),
            (
                "transformer.h.0.mlp.c_fc.weight",
                "transformer.h.0.mlp.c_fc.weight",
            ),
            (
                "encoder.layer.0.attention.attention.key.bias",
                "encoder.layer.0.attention.attention.key.bias",
            ),
        ] {
            assert_eq!(canonical(found), expected);
        }
    }
}
