use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use super::layout::SLOTS;
use super::*;
use crate::data::{ImageStore, OpenOptions, Picture, Rgb, Spec, open};

/// A picture that no other number gives.
fn write_photo(path: &Path, number: usize) {
    let rgb = Rgb {
        width: 20,
        height: 10,
        pixels: (0..20 * 10 * 3)
            .map(|i| (i * (number % 97 + 1) + number) as u8)
            .collect(),
    };
    fs::write(path, rgb.png().unwrap()).unwrap();
}

fn photos(folder: &Path, count: usize) -> Vec<Example> {
    let example = |number| {
        let path = folder.join(format!("{number}.png"));
        write_photo(&path, number);
        Example {
            image_id: number as u64,
            image: Picture::File(path),
            captions: Vec::new(),
        }
    };
    (0..count).map(example).collect()
}

fn fill(cache: &PictureCache, examples: &[Example]) -> Result<Filled> {
    let all: Vec<&Example> = examples.iter().collect();
    cache.fill(&all, 1, &|_| Ok(()))
}

/// Fills the cache, compares its pictures with decoded ones, and tells how many were decoded for it.
fn decoded(cache: &PictureCache, examples: &[Example]) -> usize {
    let filled = fill(cache, examples).unwrap();
    assert_eq!(filled.decoded + filled.present, examples.len());
    assert_eq!(filled.bytes, fs::metadata(cache.path()).unwrap().len());
    assert!(cache.holds(&examples.iter().collect::<Vec<_>>()).unwrap());
    let cached = ImageStore::cached(cache, examples).unwrap();
    let plain = ImageStore::build(examples, cache.size(), 1, &|_, _| Ok(())).unwrap();
    for picture in 0..examples.len() {
        assert_eq!(cached.rgb(picture).unwrap(), plain.rgb(picture).unwrap());
    }
    assert_eq!(cached.decoded_again(), Ok(0));
    filled.decoded
}

/// Changes one byte of the cache's file.
fn flip(cache: &PictureCache, at: usize) {
    let mut bytes = fs::read(cache.path()).unwrap();
    bytes[at] ^= 1;
    fs::write(cache.path(), bytes).unwrap();
}

fn setup(count: usize, size: usize) -> (tempfile::TempDir, PictureCache, Vec<Example>) {
    let folder = tempfile::tempdir().unwrap();
    let examples = photos(folder.path(), count);
    let cache = PictureCache::new(&folder.path().join("cache"), size);
    (folder, cache, examples)
}

#[test]
fn lists_share_records_and_a_changed_picture_is_decoded_again() {
    let (folder, cache, examples) = setup(6, 16);
    assert!(!cache.holds(&[&examples[0]]).unwrap());
    assert_eq!(decoded(&cache, &examples[1..4]), 3);
    assert_eq!(decoded(&cache, &examples), 3, "other limits");
    let mut other = examples.clone();
    other.reverse();
    assert_eq!(decoded(&cache, &other), 0, "another order");
    let small = PictureCache::new(&folder.path().join("cache"), 8);
    assert_eq!(decoded(&small, &examples[..2]), 2, "another size");

    write_photo(&folder.path().join("2.png"), 50);
    assert!(!cache.holds(&[&examples[2]]).unwrap());
    assert!(
        ImageStore::cached(&cache, &examples).is_err(),
        "it is stale"
    );
    assert_eq!(decoded(&cache, &examples), 1, "other content");
    let touched = fs::File::options()
        .append(true)
        .open(folder.path().join("3.png"))
        .unwrap();
    touched.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(decoded(&cache, &examples), 1, "another time");
}

#[test]
fn a_file_cut_anywhere_is_completed_to_the_same_bytes() {
    let (_folder, cache, examples) = setup(5, 4);
    assert_eq!(decoded(&cache, &examples), 5);
    let whole = fs::read(cache.path()).unwrap();
    let (entries, pixels) = (cache.layout.entry_at(0), cache.layout.pixels_at(0));
    let positions = (0..entries + 170)
        .step_by(9)
        .chain((pixels - 10..whole.len()).step_by(11));
    for cut in positions {
        fs::write(cache.path(), &whole[..cut]).unwrap();
        let kept = cut.saturating_sub(pixels + cache.layout.pixels()) / 64
            + usize::from(cut >= pixels + cache.layout.pixels());
        assert_eq!(decoded(&cache, &examples), 5 - kept, "cut at {cut}");
        assert!(fs::read(cache.path()).unwrap() == whole, "cut at {cut}");
    }
    // Stopped between pixels and entry.
    let mut torn = whole.clone();
    torn[cache.layout.entry_at(4)..][..20].fill(0);
    fs::write(cache.path(), torn).unwrap();
    assert_eq!(decoded(&cache, &examples), 1);
    assert!(fs::read(cache.path()).unwrap() == whole);
}

#[test]
fn work_that_is_ended_early_goes_on_later() {
    let (_folder, cache, examples) = setup(40, 8);
    let all: Vec<&Example> = examples.iter().collect();
    let error = cache
        .fill(&all, 2, &|filling| match filling {
            Filling::Decoded { done: 25, .. } => Err(Error::Interrupted("stopped".into())),
            _ => Ok(()),
        })
        .unwrap_err();
    assert_eq!(error.exit_code(), 130);
    let heard = Cell::new((0, 0));
    let filled = cache
        .fill(&all, 2, &|filling| {
            if let Filling::Decoded { done, total } = filling {
                assert!(heard.get().0 > 0 || done == 25, "the bar starts at {done}");
                heard.set((done, total));
            }
            Ok(())
        })
        .unwrap();
    assert_eq!((filled.present, filled.decoded), (25, 15));
    assert_eq!(heard.get(), (40, 40));
    assert_eq!(decoded(&cache, &examples), 0);
}

#[test]
fn a_corrupt_record_is_replaced() {
    let (_folder, cache, examples) = setup(4, 16);
    assert_eq!(decoded(&cache, &examples), 4);
    let plain = ImageStore::build(&examples, 16, 1, &|_, _| Ok(())).unwrap();
    flip(&cache, cache.layout.pixels_at(2) + 700);
    let store = ImageStore::cached(&cache, &examples).unwrap();
    assert_eq!(store.decoded_again(), Ok(0), "nothing was used yet");
    for _ in 0..2 {
        assert!((0..4).all(|i| store.rgb(i) == plain.rgb(i)));
    }
    assert_eq!(store.decoded_again(), Ok(1));
    assert_eq!(decoded(&cache, &examples), 1, "it was marked");
    flip(&cache, cache.layout.entry_at(1) + 20);
    assert_eq!(decoded(&cache, &examples), 1, "an entry");
}

#[test]
fn pixels_that_are_lost_are_never_used() {
    let (folder, cache, examples) = setup(3, 16);
    assert_eq!(decoded(&cache, &examples), 3);
    flip(&cache, cache.layout.pixels_at(1));
    let store = ImageStore::cached(&cache, &examples).unwrap();
    write_photo(&folder.path().join("1.png"), 70);
    let mut values = vec![0.0; 3 * 16 * 16];
    store.normalized(1, &mut values);
    assert!(values.iter().all(|value| value.is_nan()));
    let error = store.decoded_again().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    for part in ["pictures-16.bin", "1.png", "corrupt", "has changed"] {
        assert!(error.message().contains(part), "{error}");
    }
    store.normalized(0, &mut values);
    assert!(values.iter().all(|value| value.is_finite()));
    assert_eq!(decoded(&cache, &examples), 1);
}

#[test]
fn broken_pictures_are_named_and_all_others_kept() {
    let (folder, cache, examples) = setup(12, 8);
    for number in 2..9 {
        fs::write(folder.path().join(format!("{number}.png")), b"?").unwrap();
    }
    for expected in [5, 0] {
        let before = fs::read(cache.path()).unwrap_or_default().len();
        let error = fill(&cache, &examples).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        for part in ["2.png", "6.png", "and 2 more", "all other pictures are in"] {
            assert!(error.message().contains(part), "{error}");
        }
        let grown = fs::read(cache.path()).unwrap().len() > before;
        assert_eq!(grown, expected > 0);
    }
    write_photo(&folder.path().join("2.png"), 2);
    assert_eq!(decoded(&cache, &examples[..3]), 1);
}

#[test]
fn other_files_and_drawn_pictures_are_refused() {
    let (_folder, cache, examples) = setup(1, 8);
    assert_eq!(decoded(&cache, &examples), 1);
    let other = PictureCache::new(cache.path().parent().unwrap(), 9);
    fs::copy(cache.path(), other.path()).unwrap();
    let copied = fs::read(other.path()).unwrap();
    let error = fill(&other, &examples).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    for part in ["pictures-9.bin", "9 × 9 pixels", "delete the file"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(
        fs::read(other.path()).unwrap() == copied,
        "it is not touched"
    );

    let scenes = open(&Spec::Scenes { pictures: 8 }, &OpenOptions::default()).unwrap();
    let error = fill(&cache, &scenes.test).unwrap_err();
    assert!(error.message().contains("is drawn"), "{error}");
    let in_a_file = PictureCache::new(&PathBuf::from(cache.path()), 8);
    assert_eq!(fill(&in_a_file, &examples).unwrap_err().exit_code(), 1);
}

#[test]
fn writers_at_once_decode_nothing_twice() {
    let (_folder, cache, examples) = setup(SLOTS + 44, 2);
    let ranges = [0..550, 500..SLOTS + 44, 0..SLOTS + 44, 50..900];
    let decoded_by_all: usize = std::thread::scope(|scope| {
        let writers = ranges.map(|range| {
            let (cache, part) = (&cache, &examples[range]);
            scope.spawn(move || fill(cache, part).unwrap().decoded)
        });
        writers.map(|writer| writer.join().unwrap()).iter().sum()
    });
    assert_eq!(decoded_by_all, examples.len());
    assert_eq!(decoded(&cache, &examples), 0);
}
