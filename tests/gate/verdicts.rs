//! What the gate says of falls and rises, and how it ends.

use serde_json::Value;

use crate::bench::{Cell, PLAIN, VAE, contains};
use crate::saved;

#[test]
fn the_same_scores_pass_with_a_difference_of_nothing() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, VAE]);
    let text = bench.exits(0, "gate --baseline ci --run now --tolerance 0");
    contains(
        &text,
        &[
            "attribute_accuracy",
            "hf.meteor",
            "[0.00, 0.00]",
            "all 10 scores hold",
        ],
    );
    assert!(!text.contains("REGRESSION"), "{text}");
}

#[test]
fn a_regression_exits_3_and_says_where_and_how_sure() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 2, ..VAE }]);
    let text = bench.exits(3, "gate --baseline ci --run now --json out/gate.json");
    contains(
        &text,
        &[
            "REGRESSION",
            "5 of 10 scores fell below the baseline \"ci\"",
            "of vae by",
        ],
    );

    let json: Value = serde_json::from_str(&bench.read("out/gate.json")).unwrap();
    assert_eq!(json["verdict"], "regression");
    assert_eq!(json["checks"].as_array().unwrap().len(), 10);
    for check in json["checks"].as_array().unwrap() {
        let number = |key: &str| check[key].as_f64().unwrap();
        let difference = number("difference");
        assert!((number("now") - number("baseline") - difference).abs() < 1e-12);
        let end = |i: usize| check["difference_ci95"][i].as_f64().unwrap();
        assert!(
            end(0) <= difference + 1e-3 && difference <= end(1) + 1e-3,
            "{check}"
        );
        if check["row"] == "vae" {
            assert_eq!(check["verdict"], "regression");
            assert!(end(1) < 0.0, "a loss of this size is certain: {check}");
        } else {
            assert_eq!((check["verdict"].as_str(), difference), (Some("pass"), 0.0));
        }
    }
}

#[test]
fn tolerances_are_per_metric_and_in_points() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 4, ..VAE }]);
    let gate = "gate --baseline ci --run now --rule tolerance";
    bench.exits(3, gate);
    bench.exits(0, &format!("{gate} --max-drop 20"));
    // Attribute accuracy goes from 80 to 75.
    let others =
        "--metric hf.bleu=20 --metric hf.rouge1=20 --metric hf.rougeL=20 --metric hf.meteor=20";
    bench.exits(0, &format!("{gate} --max-drop 5 {others}"));
    bench.exits(3, &format!("{gate} --tolerance 4.99 {others}"));
    bench.exits(0, &format!("{gate} {others} --metric attribute_accuracy=5"));
}

#[test]
fn a_fall_that_may_be_chance_is_a_warning_unless_strict() {
    let bench = saved();
    bench.write_run("now", &[PLAIN, Cell { wrong: 4, ..VAE }]);
    let gate = "gate --baseline ci --run now --json gate.json --junit gate.xml --github";
    let text = bench.exits(0, gate);
    contains(
        &text,
        &[
            "unconfirmed: detects falls from",
            "this test set cannot tell whether by chance",
            "::warning title=Large fall%2C not confirmed%3A vae::",
        ],
    );
    assert!(!text.contains("::error"), "{text}");
    let json: Value = serde_json::from_str(&bench.read("gate.json")).unwrap();
    assert_eq!(json["verdict"], "pass");
    let check = json["checks"].as_array().unwrap();
    let check = check
        .iter()
        .find(|c| c["row"] == "vae" && c["metric"] == "hf.bleu");
    let check = check.unwrap();
    assert_eq!(check["verdict"], "unconfirmed");
    let number = |key: &str| check[key].as_f64().unwrap();
    assert!(number("p_fall_adjusted") >= number("p_fall") && number("p_fall_adjusted") > 0.05);
    assert!(number("detectable") > -number("difference"), "{check}");
    contains(&bench.read("gate.xml"), &["failures=\"0\""]);

    let text = bench.exits(3, &format!("{gate} --strict"));
    contains(&text, &["::error title=Regression%3A vae::"]);
    contains(&bench.read("gate.xml"), &["failures=\"5\""]);
    bench.exits(0, &format!("{gate} --rule stat"));
    bench.exits(3, &format!("{gate} --rule tolerance"));
}

#[test]
fn a_small_fall_that_is_sure_fails_by_the_rule_stat_alone() {
    let bench = saved();
    // Nested in those of the baseline: every difference is a fall.
    bench.write_run("now", &[Cell { wrong: 3, ..PLAIN }, VAE]);
    let gate = "gate --baseline ci --run now --max-drop 50";
    bench.exits(0, gate);
    bench.exits(0, &format!("{gate} --rule tolerance"));
    bench.exits(3, &format!("{gate} --rule stat"));
    bench.exits(0, &format!("{gate} --rule stat --alpha 0.0001"));
}
