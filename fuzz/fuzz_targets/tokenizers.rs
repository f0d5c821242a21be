//! No text makes a tokenizer panic, and what they promise of their tokens holds.

#![no_main]

use caption_bench::metrics::tokenizers;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for tokens in [
        tokenizers::thirteen_a(text),
        tokenizers::international::tokenize(text),
        tokenizers::plain::words(text),
        tokenizers::plain::characters(text),
        tokenizers::rouge(text),
        tokenizers::word_tokenize(text),
        tokenizers::ptb::tokenize(text),
    ] {
        assert!(tokens.iter().all(|token| !token.is_empty()), "{text:?}");
    }
    let mut words = Vec::new();
    tokenizers::each_word(text, |text, at| words.push(text[at].to_owned()));
    assert_eq!(words, tokenizers::word_tokenize(text), "the short way is the long way");
    tokenizers::rouge::each_stem(text, |stem| assert!(!stem.is_empty()));
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = 0;
    tokenizers::ptb::scan(lines.iter().copied(), Some("The end"), |line, _| {
        assert!(last <= line && line < lines.len());
        last = line;
    });
});
