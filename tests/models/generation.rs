//! Captions as they are written: what they may depend on.

use caption_bench::decode::{Beams, Hypothesis, Method, Request, Sampling, generate};
use caption_bench::nn::Workers;

use crate::small::{SPECIALS, Small, configs, picture};

const SAMPLE: Sampling = Sampling {
    temperature: 1.5,
    top_k: 0,
    top_p: 1.0,
    seed: 11,
};

fn beams(beams: usize) -> Method {
    Method::Beam(Beams {
        beams,
        length_penalty: 1.0,
    })
}

/// Captions of the pictures `first..first + count`.
fn captions(
    small: &Small,
    method: Method,
    first: usize,
    count: usize,
    threads: usize,
) -> Vec<Vec<Hypothesis>> {
    let request = Request {
        model: &small.model,
        params: &small.params,
        specials: SPECIALS,
        count,
        pictures: &|i, out| picture(first + i, out),
        latent_seed: None,
        max_tokens: 6,
    };
    generate(&request, &method, &Workers::new(threads).unwrap(), &|_| ()).unwrap()
}

/// The same words, and scores but for what products of other sizes round.
fn assert_alike(found: &[Vec<Hypothesis>], expected: &[Vec<Hypothesis>]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert_eq!((&a.words, a.ended), (&b.words, b.ended));
        assert!(
            (a.score - b.score).abs() < 1e-5,
            "{} not {}",
            a.score,
            b.score
        );
    }
}

#[test]
fn captions_do_not_depend_on_threads_or_neighbours() {
    let small = Small::new(configs()[3].1);
    for method in [Method::Greedy, beams(3), Method::Sample(SAMPLE)] {
        // More pictures than are encoded at a time, and not a whole number of groups.
        let all = captions(&small, method, 0, 275, 1);
        assert_eq!(all, captions(&small, method, 0, 275, 3), "{method:?}");
        // The first pictures of a request are numbered alike however many follow.
        for count in [1, 2, 15, 17] {
            assert_alike(&captions(&small, method, 0, count, 2), &all[..count]);
        }
        if method != Method::Sample(SAMPLE) {
            for first in [1, 14, 250] {
                let some = captions(&small, method, first, 9, 2);
                assert_alike(&some, &all[first..first + 9]);
            }
        }
    }
}

#[test]
fn one_beam_and_the_likeliest_token_alone_are_greedy_decoding() {
    let small = Small::new(configs()[1].1);
    let greedy = captions(&small, Method::Greedy, 0, 40, 2);
    assert_eq!(captions(&small, beams(1), 0, 40, 2), greedy);
    let likeliest = Sampling { top_k: 1, ..SAMPLE };
    assert_eq!(
        captions(&small, Method::Sample(likeliest), 0, 40, 2),
        greedy
    );
    let narrow = Sampling {
        top_p: 1e-9,
        ..SAMPLE
    };
    assert_eq!(captions(&small, Method::Sample(narrow), 0, 40, 2), greedy);
}

#[test]
fn a_seed_draws_the_same_captions_and_another_seed_others() {
    let small = Small::new(configs()[1].1);
    let sample = |seed| {
        let settings = Sampling { seed, ..SAMPLE };
        captions(&small, Method::Sample(settings), 0, 40, 2)
    };
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}

#[test]
fn hypotheses_come_best_first_and_differ() {
    let small = Small::new(configs()[1].1);
    for hypotheses in captions(&small, beams(4), 0, 20, 2) {
        assert_eq!(hypotheses.len(), 4);
        for pair in hypotheses.windows(2) {
            assert!(pair[0].score >= pair[1].score);
            assert_ne!(pair[0].words, pair[1].words);
        }
    }
}

#[test]
fn more_beams_than_words_are_no_trouble() {
    let small = Small::new(configs()[1].1);
    for hypotheses in captions(&small, beams(50), 0, 3, 1) {
        assert_eq!(hypotheses.len(), 50);
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let small = Small::new(configs()[1].1);
    let sample = Method::Sample;
    for (method, said) in [
        (beams(0), "beams = 0"),
        (
            Method::Beam(Beams {
                beams: 2,
                length_penalty: f64::NAN,
            }),
            "length_penalty = NaN",
        ),
        (
            sample(Sampling {
                temperature: 0.0,
                ..SAMPLE
            }),
            "temperature = 0",
        ),
        (
            sample(Sampling {
                top_p: 0.0,
                ..SAMPLE
            }),
            "top_p = 0",
        ),
    ] {
        let request = Request {
            model: &small.model,
            params: &small.params,
            specials: SPECIALS,
            count: 1,
            pictures: &picture,
            latent_seed: None,
            max_tokens: 6,
        };
        let workers = Workers::new(1).unwrap();
        let error = generate(&request, &method, &workers, &|_| ()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.message().contains(said), "{error}");
    }
}
