//! Two ROUGEs that share the longest common subsequence and little else (Lin 2004).
//!
//! | key | text | with several references | F |
//! | --- | --- | --- | --- |
//! | [`hf.rouge*`](Rouge) | rouge_score's tokens | the reference with the largest F | 2PR/(P + R) |
//! | [`coco.rougeL`](CocoRouge) | PTBTokenizer's | the largest P and the largest R, each on its own | (1 + 1.44)PR/(R + 1.44 P) |

mod coco;
mod hf;

pub use coco::CocoRouge;
pub use hf::{Rouge, RougeKind};
