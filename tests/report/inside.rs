//! The probes of a report: sentences, and a small table for each question.

use std::fs;

use caption_bench::report::{self, ReportData};
use caption_bench::results::schema::Diagnostic;

use crate::synthetic::Plan;

#[test]
fn what_is_inside_the_models_is_said_in_sentences_and_small_tables() {
    let mut run = Plan::default()
        .model("vae", Some(("patch", 128)), 0, [36.0, 60.0, 61.0, 64.0])
        .model("vae-cl", Some(("patch", 128)), 0, [36.2, 60.8, 61.2, 64.4])
        .run();
    for (cell, gap) in run.cells.iter_mut().zip([1.24, 0.17]) {
        let probes = [
            ("initial.gap", 1.3),
            ("gap", gap),
            ("cka", 0.9),
            ("retrieval_r1", 0.232),
            ("unimodal.retrieval_text_r1", 0.02),
            ("retrieval_text_r1", 0.75),
            ("kl_per_dimension", 0.04),
            ("active_units", 97.0),
        ];
        let probes = probes.map(|(name, value)| (name.to_owned(), value));
        cell.result.probes.extend(probes);
        let metrics = cell.result.metrics.clone();
        for (name, points) in [("z-swapped", 28.9), ("z-prior", 30.0)] {
            let mut metrics = metrics.clone();
            metrics.get_mut("hf.meteor").unwrap().points = points;
            let diagnostic = Diagnostic {
                label: name.to_owned(),
                metrics,
            };
            cell.result.diagnostics.insert(name.into(), diagnostic);
        }
    }
    let with_loss = &mut run.cells[1].result.probes;
    with_loss.insert("shortcut.to_picture".into(), 0.9);
    with_loss.insert("shortcut.to_caption".into(), 0.01);
    let folder = tempfile::tempdir().unwrap();
    report::write(&ReportData::from(run), folder.path()).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let html = read("report.html");
    for sentence in [
        "Baseline+VAE+CL (patch, 128): the gap between pictures and texts was 1.30 before training and is 0.17 after; \
         Baseline+VAE (patch, 128), without the contrastive loss, has 1.24.",
        "METEOR is 64.4 with a picture's own z, 28.9 with another picture's and 30.0 with one from the prior.",
        "Does the contrastive loss take its shortcut?",
    ] {
        assert!(html.contains(sentence), "{sentence:?} is not there");
    }
    let table = |name: &str| read(&format!("tables/{name}.md"));
    let [embeddings, latent, shortcut] = ["embeddings", "latent", "shortcut"].map(table);
    assert!(
        embeddings.contains("23.2") && embeddings.contains("0.1700"),
        "{embeddings}"
    );
    assert!(latent.contains("| 97 |"), "{latent}");
    // Of a model that reads captions beside their pictures, those read alone are the other way.
    let line = shortcut.lines().find(|line| line.contains("VAE+CL"));
    let expected = "| Baseline+VAE+CL (patch, 128) | 2.0 | 75.0 | 90.0 | 1.0 |";
    assert_eq!(line, Some(expected), "{shortcut}");
    let all = read("tables/probes.csv");
    assert!(all.contains("probe.unimodal.retrieval_text_r1"), "{all}");
    let shown = table("probes");
    assert!(
        shown.contains("LM loss") && !shown.contains("active"),
        "{shown}"
    );
}
