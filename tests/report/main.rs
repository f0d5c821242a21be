//! The report over synthetic runs: every format, and what must be said when something is absent.

mod charts;
mod differences;
mod inside;
mod synthetic;

use std::fs;
use std::path::Path;

use caption_bench::report::{self, ReportData, RunData};
use synthetic::{Plan, grid, tables_1_and_4};

fn written(data: &ReportData) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let page = report::write(data, folder.path()).unwrap();
    assert_eq!(page, folder.path().join("report.html"));
    let html = fs::read_to_string(page).unwrap();
    (folder, html)
}

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn the_page_has_everything_and_asks_for_nothing() {
    let (_folder, html) = written(&tables_1_and_4().into());
    for section in [
        "results",
        "charts",
        "paper",
        "diagnostics",
        "inside",
        "gallery",
        "settings",
        "reading",
    ] {
        assert!(
            html.contains(&format!("id=\"{section}\"")),
            "no section {section}"
        );
        assert!(
            html.contains(&format!("href=\"#{section}\"")),
            "no way to {section}"
        );
    }
    // The stamp: recipe, data, seed, version, hash.
    for said in [
        "scenes",
        "4,000 / 500 / 500",
        "0123456789ab",
        "fedcba987654",
        "2023-11-15 09:30 UTC",
    ] {
        assert!(html.contains(said), "{said:?} is not said");
    }
    // Every address is inside the page.
    for attribute in ["src=\"", "srcset=\"", "href=\""] {
        for address in html.split(attribute).skip(1) {
            assert!(
                address.starts_with("data:image/") || address.starts_with('#'),
                "{:.60}",
                address
            );
        }
    }
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("@import"));
    // Pictures have texts, and tables have headers with a scope.
    assert_eq!(
        html.matches("<img").count(),
        html.matches(" alt=\"").count()
    );
    assert!(html.matches("scope=\"row\"").count() > 20 && html.contains("scope=\"colgroup\""));
}

#[test]
fn the_page_is_well_formed() {
    for data in [tables_1_and_4(), grid()] {
        let (_folder, html) = written(&data.into());
        assert_balanced(&html);
    }
}

/// Every element that is opened is closed, in the right order, and every `&` begins an entity.
fn assert_balanced(html: &str) {
    const VOID: [&str; 6] = ["meta", "img", "br", "source", "hr", "link"];
    let mut open: Vec<&str> = Vec::new();
    let body = html.split_once("</style>").unwrap();
    let head_open = ["html", "head"];
    open.extend(head_open);
    let mut rest = body.1;
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "a bare > in {text:?}");
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "closing {name}"),
            None => {
                let name = tag.split_whitespace().next().unwrap();
                if !VOID.contains(&name) {
                    open.push(name);
                }
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "still open: {open:?}");
    for piece in body.1.split('&').skip(1) {
        let entity = piece.split(';').next().unwrap();
        assert!(
            ["lt", "gt", "amp", "quot", "#39"].contains(&entity),
            "&{entity:.20}"
        );
    }
}

#[test]
fn text_from_outside_is_escaped_everywhere() {
    let mut run = tables_1_and_4();
    let nasty = "<script>alert(1)</script> & \"50 %\" | a_b \\input{x} $y$\n#z";
    run.cells[0].result.label = nasty.to_owned();
    run.cells[0].result.warnings.push(nasty.to_owned());
    run.cells[0].captions[0].caption = nasty.to_owned();
    run.cells[0].captions[0].references[0] = nasty.to_owned();
    run.stamp.name = format!("\x1b[31m{nasty}");
    run.stamp.notes.push(nasty.to_owned());
    run.recipe_toml = nasty.to_owned();
    let (folder, html) = written(&run.into());
    assert!(!html.contains("<script"), "a script got in");
    assert!(html.matches("&lt;script&gt;").count() >= 7);
    assert_balanced(&html);
    let tex = read(folder.path(), "tables/results.tex");
    assert!(
        tex.contains(r"\textless{}script\textgreater{}alert(1)"),
        "{tex}"
    );
    assert!(tex.contains(r"\& ") && tex.contains(r"50 \%") && tex.contains(r"a\_b"));
    assert!(
        tex.contains(r"\textbackslash{}input\{x\} \$y\$ \#z"),
        "{tex}"
    );
    let md = read(folder.path(), "tables/results.md");
    let row = md.lines().find(|l| l.contains("script")).unwrap();
    assert!(
        row.contains(r"&lt;script&gt;") && row.contains(r"\| a\_b"),
        "{row}"
    );
    let text = read(folder.path(), "report.txt");
    assert!(
        !text.contains('\x1b'),
        "no colour in a file, and no code from a name"
    );
}

#[test]
fn latex_tables_are_whole() {
    let (folder, _) = written(&grid().into());
    for entry in fs::read_dir(folder.path().join("tables")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "tex") {
            continue;
        }
        let tex = fs::read_to_string(&path).unwrap();
        for environment in ["table", "tabular"] {
            assert_eq!(tex.matches(&format!("\\begin{{{environment}}}")).count(), 1);
            assert_eq!(tex.matches(&format!("\\end{{{environment}}}")).count(), 1);
        }
        let (_, columns) = tex.split_once("\\begin{tabular}{").unwrap();
        let columns = columns.split('}').next().unwrap().len();
        let body = tex
            .split_once("\\midrule")
            .unwrap()
            .1
            .split("\\bottomrule")
            .next()
            .unwrap();
        for line in body.lines().filter(|l| l.ends_with("\\\\")) {
            let cells = line.replace("\\&", "").matches('&').count() + 1;
            assert_eq!(cells, columns, "{}: {line}", path.display());
        }
    }
}

#[test]
fn the_papers_numbers_stand_beside_ours() {
    let (folder, html) = written(&tables_1_and_4().into());
    let table1 = read(folder.path(), "tables/paper_table1.md");
    let row = table1
        .lines()
        .find(|l| l.contains("Baseline+VAE+CL"))
        .unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[1], "Baseline+VAE+CL (patch, 128)");
    assert_eq!(cells[2], "12.1", "the paper's BLEU");
    assert!(
        cells[3].starts_with("36.2 \\["),
        "ours, with its interval: {row}"
    );
    // Our VAE has another latent than the paper's row, which is said.
    assert!(
        table1.contains("the paper's row has latent type patch, size 768"),
        "{table1}"
    );
    let table4 = read(folder.path(), "tables/paper_table4.csv");
    let header: Vec<&str> = table4.lines().next().unwrap().split(',').collect();
    let dual: Vec<&str> = table4
        .lines()
        .find(|l| l.starts_with("Dual-Encoder,"))
        .unwrap()
        .split(',')
        .collect();
    let at = |name: &str| dual[header.iter().position(|h| *h == name).unwrap()];
    assert_eq!((at("paper.BLEU"), at("paper.METEOR")), ("32.7", "63.3"));
    assert_eq!(at("hf.bleu"), "31.25", "all digits");
    for number in ["9.33", "8.56", "63.3", "46.4"] {
        assert!(html.contains(&format!(">{number}<")), "{number} is missing");
    }
}

#[test]
fn cells_that_were_not_run_are_absent_and_said_so() {
    let (folder, html) = written(&tables_1_and_4().into());
    let table2 = read(folder.path(), "tables/paper_table2.md");
    assert!(
        table2.contains("Not run: Baseline+VAE (CLS, 64); Baseline+VAE (CLS, 128)"),
        "{table2}"
    );
    let csv = read(folder.path(), "tables/paper_table2.csv");
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let bleu = header.iter().position(|h| *h == "hf.bleu").unwrap();
    // Labels with a comma are quoted, so columns are counted from the end.
    let from_end = header.len() - bleu;
    let values: Vec<&str> = csv
        .lines()
        .skip(1)
        .map(|l| l.rsplit(',').nth(from_end - 1).unwrap())
        .collect();
    assert_eq!(
        values.iter().filter(|v| !v.is_empty()).count(),
        1,
        "{values:?}"
    );
    assert!(html.contains("not run"));
    // The chart by latent has nothing to compare, and says so instead of being drawn.
    assert!(!folder.path().join("charts/scores_by_latent.png").exists());
    assert!(
        html.contains("each variant was run with a single latent"),
        "no reason given"
    );
    // With the whole grid nothing is absent.
    let (folder, html) = written(&grid().into());
    assert!(folder.path().join("charts/scores_by_latent.png").exists());
    assert!(!html.contains("Not run:"));
}

#[test]
fn warnings_come_first() {
    let (folder, html) = written(&tables_1_and_4().into());
    let warning = html
        .find("the bottleneck has collapsed")
        .expect("the collapse is said");
    assert!(
        warning < html.find("id=\"results\"").unwrap(),
        "before any number"
    );
    let text = read(folder.path(), "report.txt");
    assert!(text.find("the bottleneck has collapsed").unwrap() < text.find("BLEU").unwrap());
    let mut run = tables_1_and_4();
    run.unfinished.push("vae-cl-patch-768".into());
    run.cells[1]
        .result
        .metrics
        .get_mut("hf.bleu")
        .unwrap()
        .signature = "other".into();
    let (_folder, html) = written(&run.into());
    assert!(html.contains("not finished, and therefore in no table: vae-cl-patch-768"));
    assert!(html.contains("BLEU has 2 different signatures"));
}

#[test]
fn diagnostics_are_never_among_the_results() {
    let (folder, html) = written(&tables_1_and_4().into());
    let results = read(folder.path(), "tables/results.csv");
    assert!(
        !results.contains("teacher") && !results.contains("diagnostic"),
        "{results}"
    );
    let diagnostics = read(folder.path(), "tables/diagnostics.csv");
    assert!(diagnostics.contains("teacher-forced") && diagnostics.contains("retrieval-oracle"));
    assert!(
        html.contains("Dual-Encoder from the test bank (oracle)"),
        "labelled in Table 4"
    );
}

#[test]
fn floors_are_rows_but_never_the_best() {
    let mut run = tables_1_and_4();
    for cell in &mut run.cells {
        if cell.result.variant.starts_with("floor") {
            let bleu = cell.result.metrics.get_mut("hf.bleu").unwrap();
            (bleu.value, bleu.points, bleu.ci95) = (0.99, 99.0, Some([98.0, 99.9]));
        }
    }
    let (folder, html) = written(&run.into());
    let md = read(folder.path(), "tables/results.md");
    assert!(md.contains("Most frequent caption") && md.contains("Random training caption"));
    assert!(md.contains("**36.2**") && !md.contains("**99.0**"), "{md}");
    assert!(html.contains("is not above every floor in BLEU"));
}

#[test]
fn several_seeds_are_one_row_with_mean_deviation_and_count() {
    let mut plan = Plan::default();
    for (seed, bleu) in [(0, 30.0), (1, 32.0), (2, 34.0)] {
        plan = plan.model("encoder-decoder", None, seed, [bleu, 60.0, 55.0, 58.0]);
    }
    let run = plan
        .model("vae", Some(("patch", 128)), 0, [20.0, 50.0, 45.0, 48.0])
        .run();
    let (folder, _) = written(&run.into());
    let md = read(folder.path(), "tables/results.md");
    let rows: Vec<&str> = md
        .lines()
        .filter(|l| l.contains("Encoder-Decoder"))
        .collect();
    assert_eq!(rows.len(), 1, "{md}");
    let cells: Vec<&str> = rows[0].split('|').map(str::trim).collect();
    assert_eq!((cells[2], cells[3]), ("3", "**32.0** ± 2.0"));
}

#[test]
fn of_several_learning_rates_the_best_on_validation_is_the_row() {
    let mut run = grid();
    // The worse one on validation has the better score: that is no reason to take it.
    let mut other = run.cells[1].result.clone();
    other.cell = "encoder-decoder-other".into();
    let score = other.metrics.get_mut("hf.bleu").unwrap();
    (score.points, score.value) = (99.0, 0.99);
    for (result, rate, validation) in [
        (&mut run.cells[1].result, 1e-5, 2.0),
        (&mut other, 1e-4, 2.5),
    ] {
        result
            .recipe
            .insert("train.learning_rate".into(), rate.into());
        result.validation = Some(validation);
    }
    let mut cell = run.cells[1].clone();
    cell.result = other;
    run.stamp.cells.push(cell.result.cell.clone());
    run.cells.push(cell);
    let (folder, _) = written(&run.clone().into());
    let table = read(folder.path(), "tables/results.csv");
    assert_eq!(table.matches("Encoder-Decoder").count(), 1, "{table}");
    assert!(!table.contains(",99.0,"), "{table}");
    let page = read(folder.path(), "report.html");
    assert!(
        page.contains("best validation value: Encoder-Decoder 1e-5"),
        "{page}"
    );
    // Without validation values nothing can be chosen, and both stay.
    run.cells[1].result.validation = None;
    let (folder, _) = written(&run.into());
    let table = read(folder.path(), "tables/results.csv");
    assert_eq!(table.matches("Encoder-Decoder").count(), 2, "{table}");
}

#[test]
fn machines_read_all_digits() {
    use polars::prelude::{ParquetReader, SerReader};
    let (folder, _) = written(&tables_1_and_4().into());
    let file = fs::File::open(folder.path().join("tables/results.parquet")).unwrap();
    let frame = ParquetReader::new(file).finish().unwrap();
    assert_eq!(frame.height(), 6);
    let bleu = frame.column("hf.bleu").unwrap().f64().unwrap();
    assert_eq!(bleu.get(0), Some(31.25));
    assert!(
        frame
            .column("hf.bleu_low")
            .unwrap()
            .f64()
            .unwrap()
            .get(0)
            .unwrap()
            < 31.25
    );
    let kinds = frame.column("kind").unwrap().str().unwrap();
    assert_eq!(kinds.iter().flatten().filter(|k| *k == "floor").count(), 2);
}

#[test]
fn writing_again_leaves_nothing_stale_and_nothing_foreign_touched() {
    let folder = tempfile::tempdir().unwrap();
    report::write(&grid().into(), folder.path()).unwrap();
    let foreign = folder.path().join("charts/mine.png");
    fs::write(&foreign, "mine").unwrap();
    assert!(folder.path().join("charts/scores_by_latent.png").exists());
    report::write(
        &Plan::default()
            .model("encoder-decoder", None, 0, [1.0; 4])
            .run()
            .into(),
        folder.path(),
    )
    .unwrap();
    for name in ["scores_by_latent", "latent_dimensions"] {
        let chart = folder.path().join(format!("charts/{name}.png"));
        assert!(!chart.exists(), "{name}");
    }
    assert!(!folder.path().join("tables/diagnostics.csv").exists());
    assert!(foreign.exists());
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 4, "nothing temporary is left: {names:?}");
}

#[test]
fn the_same_run_makes_the_same_report() {
    let (a, b) = (written(&grid().into()), written(&grid().into()));
    assert_eq!(a.1, b.1);
    for name in ["charts/learning_curves.png", "tables/results.parquet"] {
        assert!(
            fs::read(a.0.path().join(name)).unwrap() == fs::read(b.0.path().join(name)).unwrap()
        );
    }
}

#[test]
fn several_runs_have_a_column_for_the_run() {
    let (mut one, mut two) = (tables_1_and_4(), tables_1_and_4());
    one.stamp.name = "first".into();
    two.stamp.name = "second".into();
    two.stamp.data_fingerprint = "other".into();
    let (folder, html) = written(&ReportData {
        runs: vec![one, two],
    });
    let md = read(folder.path(), "tables/results.md");
    assert!(md.lines().nth(2).unwrap().contains("| Run |"), "{md}");
    assert_eq!(md.matches("| first |").count(), 6);
    assert!(html.contains("scored on different data"));
    assert_balanced(&html);
}

#[test]
fn the_gallery_shows_pictures_references_and_captions() {
    let (_folder, html) = written(&tables_1_and_4().into());
    assert_eq!(html.matches("<article").count(), 24);
    assert_eq!(html.matches("class=\"photo").count(), 24);
    assert!(
        html.contains("a red circle beside a blue square"),
        "references"
    );
    assert!(
        html.contains("(empty caption)"),
        "an empty caption is visible"
    );
    let mut without = tables_1_and_4();
    without.pictures.clear();
    let (_folder, html) = written(&without.into());
    assert!(html.contains("picture not kept"));
    assert_eq!(html.matches("<article").count(), 24);
}

#[test]
fn a_run_with_next_to_nothing_still_has_a_report() {
    let mut run = Plan::default()
        .model("encoder-decoder", None, 0, [0.0; 4])
        .run();
    run.cells[0].log.clear();
    run.cells[0].captions.clear();
    run.cells[0]
        .result
        .metrics
        .values_mut()
        .for_each(|s| s.ci95 = None);
    let (folder, html) = written(&run.into());
    assert_balanced(&html);
    assert!(html.contains("no training step was logged"));
    assert!(html.contains("no variant with a bottleneck was run"));
    assert!(folder.path().join("charts/scores_by_variant.png").exists());
    // Floors alone are a report, too.
    let (_folder, html) = written(&Plan::default().floors().run().into());
    assert_balanced(&html);
    assert!(html.contains("no trained model has been scored yet"));
}

#[test]
fn a_run_folder_is_read_with_its_gallery() {
    let folder = tempfile::tempdir().unwrap();
    let run = tables_1_and_4();
    synthetic::save(&run, folder.path());
    let ids: Vec<u64> = run.pictures.keys().copied().collect();
    report::save_gallery(folder.path(), &ids, |id| Ok(run.pictures[&id].clone())).unwrap();
    let back = RunData::open(folder.path()).unwrap();
    assert_eq!(back.pictures, run.pictures);
    assert_eq!(back.cells.len(), run.cells.len());
    let (a, b) = (written(&run.into()).1, written(&back.into()).1);
    assert!(a == b, "the same report from memory and from disk");
}

#[test]
fn what_cannot_be_reported_on_has_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = ReportData::open(std::slice::from_ref(&missing)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.message().contains(&missing.display().to_string()));
    let mut run = tables_1_and_4();
    run.cells.clear();
    let unfinished = folder.path().join("unfinished");
    synthetic::save(&run, &unfinished);
    let error = ReportData::open(&[unfinished]).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.message().contains("no finished cell"), "{error}");
    assert_eq!(ReportData::open(&[]).unwrap_err().exit_code(), 2);
}

#[test]
fn the_verb_prints_the_results_and_where_the_page_is() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::save(&tables_1_and_4(), folder.path());
    let bench = || assert_cmd::Command::cargo_bin("bench").unwrap();
    let output = bench().arg("report").arg(folder.path()).assert().success();
    let said = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(
        said.contains("Baseline+VAE+CL (patch, 128)") && said.contains("36.2"),
        "{said}"
    );
    assert!(
        said.contains(
            &folder
                .path()
                .join("report/report.html")
                .display()
                .to_string()
        )
    );
    // Several runs, or another place, leave the run's own report alone.
    let elsewhere = folder.path().join("elsewhere");
    bench()
        .arg("report")
        .arg(folder.path())
        .arg("-o")
        .arg(&elsewhere)
        .assert()
        .success();
    assert!(elsewhere.join("report.html").is_file());
    bench()
        .arg("report")
        .arg(folder.path().join("nothing"))
        .assert()
        .code(2);
    bench().arg("report").assert().code(2);
}
