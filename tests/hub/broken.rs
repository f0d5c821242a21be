//! Downloads that break off, or bring wrong bytes.

use crate::bench::{Bench, WEIGHTS, ends};
use crate::server::Manner;
use crate::{model, small_run};

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let bench = Bench::new(model::files());
    let size = bench.hub.files[WEIGHTS].len();
    bench.hub.behave(Manner {
        cut: Some(1000),
        ..Manner::default()
    });
    let said = ends(bench.caption(), 1);
    assert!(
        said.contains(&format!("1000 of {size} bytes are kept")),
        "{said}"
    );
    assert!(
        said.contains(&bench.hub.address) && said.contains("hf download org/tiny"),
        "{said}"
    );
    let part = std::fs::read(bench.part(WEIGHTS)).unwrap();
    assert_eq!(part, bench.hub.files[WEIGHTS][..1000]);
    assert!(!bench.snapshot().join(WEIGHTS).exists() && !bench.cached().join("refs").exists());

    bench.hub.behave(Manner::default());
    bench.hub.asked();
    small_run::finish(&mut bench.caption());
    let asked = bench.hub.asked();
    let weights: Vec<_> = asked
        .iter()
        .filter(|r| r.path.ends_with(WEIGHTS) && r.sent > 0)
        .collect();
    assert_eq!(
        (weights.len(), weights[0].start, weights[0].sent),
        (1, Some(1000), size - 1000)
    );
    assert!(
        asked
            .iter()
            .all(|r| !r.path.ends_with("/config.json") || r.sent == 0)
    );
    assert!(!bench.part(WEIGHTS).exists());
}

#[test]
fn a_hub_that_ignores_ranges_sends_all_of_it_again() {
    let bench = Bench::new(model::files());
    std::fs::create_dir_all(bench.cached().join("blobs")).unwrap();
    std::fs::write(bench.part(WEIGHTS), [7; 100]).unwrap();
    bench.hub.behave(Manner {
        no_ranges: true,
        ..Manner::default()
    });
    small_run::finish(&mut bench.caption());
    assert_eq!(
        std::fs::read(bench.snapshot().join(WEIGHTS)).unwrap(),
        bench.hub.files[WEIGHTS]
    );
}

#[test]
fn wrong_bytes_never_become_a_file() {
    let manners = [
        (
            "the answer ended",
            Manner {
                short: true,
                no_ranges: true,
                ..Manner::default()
            },
        ),
        (
            "more than the",
            Manner {
                long: true,
                ..Manner::default()
            },
        ),
        (
            "SHA-256",
            Manner {
                garbled: true,
                ..Manner::default()
            },
        ),
    ];
    let bench = Bench::new(model::files());
    for (expected, manner) in manners {
        bench.hub.behave(manner);
        let said = ends(bench.caption(), 1);
        assert!(said.contains(expected), "{said}");
        assert!(!bench.snapshot().join(WEIGHTS).exists(), "{expected}");
    }
    bench.hub.behave(Manner::default());
    // Bytes of something else under the name of a part.
    std::fs::write(bench.part(WEIGHTS), [7; 100]).unwrap();
    let said = ends(bench.caption(), 1);
    assert!(said.contains("SHA-256"), "{said}");
    small_run::finish(&mut bench.caption());
}
