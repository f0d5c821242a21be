//! Real photos and their captions.

use caption_bench::data::{
    ImageStore, OpenOptions, Picture, PictureCache, Spec, Split, check, near, open, picture_png,
    read_picture,
};
use caption_bench::text::{Family, Tokenizer};

use super::support::folder_of;

#[test]
fn real_sets_open_and_have_no_fault() {
    let Some(folder) = folder_of("CAPTION_BENCH_DATA") else {
        return;
    };
    for (name, sizes) in [("coco", [210, 55, 48]), ("flickr8k", [753, 129, 118])] {
        let spec: Spec = format!("coco:{}", folder.join(name).display())
            .parse()
            .unwrap();
        let data = open(&spec, &OpenOptions::default()).unwrap();
        assert_eq!(
            [data.train.len(), data.validation.len(), data.test.len()],
            sizes
        );
        assert_eq!(data.leakage.test_pictures_in_training, 0);
        assert!(data.notes.is_empty(), "{:?}", data.notes);
        let report = check(&spec, &OpenOptions::default(), 2, &|_, _| {}).unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);

        let folder = tempfile::tempdir().unwrap();
        let cache = PictureCache::new(folder.path(), 64);
        let test: Vec<_> = data.test[..24].iter().collect();
        let plain = ImageStore::build(&data.test[..24], 64, 1, &|_, _| Ok(())).unwrap();
        for decoded in [24, 0] {
            assert_eq!(cache.fill(&test, 2, &|_| Ok(())).unwrap().decoded, decoded);
            let cached = ImageStore::cached(&cache, &data.test[..24]).unwrap();
            assert!((0..24).all(|i| plain.rgb(i).unwrap() == cached.rgb(i).unwrap()));
        }
        let png = picture_png(&data.test[0], 100).unwrap();
        let small = caption_bench::data::decode(&png).unwrap();
        assert_eq!(small.width.max(small.height), 100);
    }
}

#[test]
fn real_captions_are_told_exactly() {
    let Some(folder) = folder_of("CAPTION_BENCH_DATA") else {
        return;
    };
    for name in ["coco", "flickr8k"] {
        let spec: Spec = format!("coco:{}", folder.join(name).display())
            .parse()
            .unwrap();
        let data = open(&spec, &OpenOptions::default()).unwrap();
        let texts: Vec<&str> = data.training_captions().collect();
        let train = || Tokenizer::train_bpe(texts.iter().copied(), 2000, false).unwrap();
        let trained = train();
        assert_eq!(trained.to_json().unwrap(), train().to_json().unwrap());
        assert!(trained.vocab_size() <= 2000);
        for text in &texts {
            assert_eq!(trained.decode(&trained.encode(text)), *text);
        }
        let wordpiece = Tokenizer::train_wordpiece(texts.iter().copied(), 2000).unwrap();
        assert!(texts.iter().all(|text| !wordpiece.encode(text).is_empty()));
    }
}

#[test]
fn a_checkpoints_tokenizer_neither_cuts_nor_pads() {
    let Some(folder) = folder_of("CAPTION_BENCH_REFERENCE") else {
        return;
    };
    let checkpoint = folder.join("hf/vit-gpt2-image-captioning");
    let whole = Tokenizer::gpt2_from(&checkpoint).unwrap();
    assert_eq!((whole.family(), whole.vocab_size()), (Family::Bpe, 50257));
    assert_eq!(
        (whole.specials().start, whole.specials().pad),
        (50256, 50256)
    );
    assert_eq!(whole.encode("a dog runs"), [64, 3290, 4539]);
    let long = "a man and a dog ".repeat(20);
    assert_eq!(whole.encode(&long).len(), 101);
    assert_eq!(whole.decode(&whole.encode(&long)), long);

    let parts = tempfile::tempdir().unwrap();
    for name in ["vocab.json", "merges.txt"] {
        std::fs::copy(checkpoint.join(name), parts.path().join(name)).unwrap();
    }
    let built = Tokenizer::gpt2_from(parts.path()).unwrap();
    for text in [
        "A naïve café – it's 3 o'clock!",
        "<|endoftext|>",
        " two  spaces",
        &long,
    ] {
        assert_eq!(built.encode(text), whole.encode(text), "{text}");
        assert_eq!(built.decode(&built.encode(text)), text);
    }
    let error = Tokenizer::bert_from(&checkpoint).unwrap_err();
    assert!(
        error.message().contains("expected a WordPiece tokenizer"),
        "{error}"
    );
}

#[test]
fn checkpoint_folders_without_tokenizer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for error in [
        Tokenizer::gpt2_from(folder.path()),
        Tokenizer::bert_from(folder.path()),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.message().contains("no tokenizer in this folder"),
            "{error}"
        );
    }
    let words = "[PAD]\n[unused0]\n[UNK]\n[CLS]\n[SEP]\na\ndog\n##s\nrun\nDogs\n";
    std::fs::write(folder.path().join("vocab.txt"), words).unwrap();
    let bert = Tokenizer::bert_from(folder.path()).unwrap();
    assert_eq!(
        (
            bert.specials().pad,
            bert.specials().start,
            bert.specials().end
        ),
        (0, 3, 4)
    );
    assert_eq!(bert.encode("A Dogs run cat"), [5, 6, 7, 8, 2]);
    assert_eq!(bert.decode(&[3, 5, 6, 7, 4]), "a dogs");
    std::fs::write(
        folder.path().join("tokenizer_config.json"),
        "{\"do_lower_case\": false}",
    )
    .unwrap();
    assert_eq!(
        Tokenizer::bert_from(folder.path()).unwrap().encode("Dogs"),
        [9]
    );
    std::fs::write(folder.path().join("vocab.txt"), "[PAD]\na\n").unwrap();
    let error = Tokenizer::bert_from(folder.path()).unwrap_err();
    assert!(
        error.message().contains("special tokens are missing"),
        "{error}"
    );
    std::fs::write(folder.path().join("tokenizer.json"), "{\"version\": 3").unwrap();
    let error = Tokenizer::gpt2_from(folder.path()).unwrap_err();
    assert!(
        error.message().contains("expected a tokenizer.json"),
        "{error}"
    );
}

#[test]
fn copies_of_real_photos_are_found_and_no_others() {
    let Some(folder) = folder_of("CAPTION_BENCH_DATA") else {
        return;
    };
    for name in ["coco", "flickr8k"] {
        let spec: Spec = format!("coco:{}", folder.join(name).display())
            .parse()
            .unwrap();
        let data = open(&spec, &OpenOptions::default()).unwrap();
        let images = Split::ALL
            .map(|split| ImageStore::build(data.split(split), 64, 2, &|_, _| Ok(())).unwrap());
        assert_eq!(near::across_stores(&data, &images, 2).unwrap(), []);

        for example in &data.train[..100] {
            let Picture::File(path) = &example.image else {
                panic!("no photo");
            };
            let photo = read_picture(path).unwrap();
            let (width, height) = (photo.width / 2, photo.height / 2);
            let mut copy = photo.resized(width, height);
            for level in &mut copy.pixels {
                *level = (1.1 * f32::from(*level)).min(255.0) as u8;
            }
            let [photo, copy] = [photo, copy].map(|picture| near::Thumbnail::of(&picture));
            let [hash, other] = [&photo, &copy].map(near::PerceptualHash::of);
            assert!(
                hash.distance(other) <= 10 && photo.is_same(&copy),
                "{path:?}"
            );
        }
    }
}
