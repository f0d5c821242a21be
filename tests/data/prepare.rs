//! `bench data prepare`: what it decodes, what it keeps, and that it survives being killed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use caption_bench::data::{Dataset, Rgb};
use caption_bench::data::{Example, ImageStore, OpenOptions, PictureCache, Spec, Split, open};

use super::cli::bench;
use super::support::{captions, sound_set, write};

/// Pictures of the set that is prepared here.
const PICTURES: u64 = 240;

/// One captions file with noisy pictures, which take a while.
fn noisy_set(folder: &Path) -> String {
    std::fs::create_dir_all(folder.join("images")).unwrap();
    for id in 1..=PICTURES {
        let mut state = id;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let rgb = Rgb {
            width: 160,
            height: 120,
            pixels: (0..160 * 120 * 3).map(|_| noise()).collect(),
        };
        let file = folder.join(format!("images/{id}.png"));
        std::fs::write(file, rgb.png().unwrap()).unwrap();
    }
    write(&folder.join("captions.json"), &captions(1..PICTURES + 1));
    let path = |name| folder.join(name).display().to_string();
    format!("coco:{},{}", path("captions.json"), path("images"))
}

fn opened(spec: &str) -> Dataset {
    let spec: Spec = spec.parse().unwrap();
    open(&spec, &OpenOptions::default()).unwrap()
}

/// Starts `bench data prepare` at 64 pixels.
fn start(spec: &str, cache: &Path, threads: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args([
        "data",
        "prepare",
        spec,
        "--size",
        "64",
        "--threads",
        threads,
    ]);
    command.arg("--cache").arg(cache);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for the end, and reads how many pictures were decoded and how many were there.
fn counts(child: Child) -> [u64; 2] {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    said_counts(&said)
}

fn said_counts(said: &str) -> [u64; 2] {
    let (decoded, rest) = said.split_once(" pictures decoded, ").expect(said);
    let (present, _) = rest.split_once(" were there already").expect(said);
    [decoded, present].map(|number| number.parse().unwrap())
}

fn file(cache: &Path) -> PathBuf {
    PictureCache::new(cache, 64).path().to_owned()
}

/// Kills a child (SIGKILL) when the cache's file has `bytes`.
fn kill_at(mut child: Child, cache: &Path, bytes: u64) {
    let started = Instant::now();
    let length = || std::fs::metadata(file(cache)).map_or(0, |about| about.len());
    while length() < bytes {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended at {} bytes",
            length()
        );
        assert!(started.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn killed_again_and_again_it_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let spec = noisy_set(folder.path());
    let [straight, killed] = ["straight", "killed"].map(|name| folder.path().join(name));
    assert_eq!(counts(start(&spec, &straight, "1")), [PICTURES, 0]);
    for pictures in [5, 60, 130] {
        kill_at(start(&spec, &killed, "1"), &killed, pictures * 3 * 64 * 64);
    }
    let [decoded, present] = counts(start(&spec, &killed, "1"));
    assert_eq!(decoded + present, PICTURES);
    assert!(present >= 128 && decoded > 0, "{present} were there");
    let [straight, whole] = [&straight, &killed].map(|c| std::fs::read(file(c)).unwrap());
    assert!(straight == whole, "the files differ");
    assert_eq!(counts(start(&spec, &killed, "2")), [0, PICTURES]);
}

#[test]
fn two_at_once_share_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let spec = noisy_set(folder.path());
    let cache = folder.path().join("cache");
    let children = [start(&spec, &cache, "1"), start(&spec, &cache, "2")];
    let [one, two] = children.map(counts);
    assert_eq!(one[0] + two[0], PICTURES, "nothing twice: {one:?}, {two:?}");
    assert_eq!(one[1] + two[1], PICTURES, "nothing lost: {one:?}, {two:?}");

    let data = opened(&spec);
    let cache = PictureCache::new(&cache, 64);
    for split in Split::ALL {
        let examples: &[Example] = data.split(split);
        let plain = ImageStore::build(examples, 64, 2, &|_, _| Ok(())).unwrap();
        let cached = ImageStore::cached(&cache, examples).unwrap();
        assert!((0..examples.len()).all(|i| plain.rgb(i).unwrap() == cached.rgb(i).unwrap()));
        assert_eq!(cached.decoded_again(), Ok(0));
    }
}

#[test]
fn a_recipe_says_which_pictures_and_their_size() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    let spec = format!("coco:{}", folder.path().display());
    let cache = folder.path().join("cache");
    let prepare = |more: &[&str]| {
        let mut args = vec!["prepare", &spec, "--cache", cache.to_str().unwrap()];
        args.extend(more);
        let (code, said, error) = bench(&args);
        assert_eq!(code, 0, "{error}");
        (said_counts(&said), said)
    };
    let recipe = folder.path().join("recipe.toml");
    std::fs::write(
        &recipe,
        "[data]\ntrain = 4\ntest = 1\n[model]\nimage = 64\n",
    )
    .unwrap();
    let recipe = recipe.to_str().unwrap();
    let (counts, said) = prepare(&["--recipe", recipe]);
    assert_eq!(counts, [7, 0], "4 + 2 + 1");
    assert!(said.contains("64 × 64 pixels"), "{said}");
    assert_eq!(prepare(&["--recipe", recipe]).0, [0, 7]);
    let pairs = [
        "--recipe",
        recipe,
        "--set",
        "data.split=pairs",
        "data.train=0",
    ];
    let (counts, _) = prepare(&pairs);
    assert!(counts[0] + counts[1] <= 12 && counts[1] >= 1, "{counts:?}");
    let (counts, said) = prepare(&["--recipe", "tiny"]);
    assert_eq!(counts[0] + counts[1], 12);
    assert!(said.contains("pictures-64.bin"), "{said}");
    let (counts, said) = prepare(&["--seed", "3"]);
    assert_eq!(counts, [12, 0]);
    assert!(said.contains("224 × 224 pixels"), "{said}");
}

#[test]
fn broken_pictures_exit_with_2_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    sound_set(folder.path());
    for id in [3, 7] {
        std::fs::write(folder.path().join(format!("images/{id}.png")), b"?").unwrap();
    }
    let spec = format!("coco:{}", folder.path().display());
    let cache = folder.path().join("cache");
    let prepare = || bench(&["prepare", &spec, "--cache", cache.to_str().unwrap()]);
    let (code, said, error) = prepare();
    assert_eq!((code, said.as_str()), (2, ""));
    for part in [
        "3.png",
        "7.png",
        "all other pictures are in",
        "pictures-224.bin",
    ] {
        assert!(error.contains(part), "{error}");
    }
    for id in [3, 7] {
        let path = folder.path().join("images");
        std::fs::copy(path.join("1.png"), path.join(format!("{id}.png"))).unwrap();
    }
    let (code, said, _) = prepare();
    assert_eq!((code, said_counts(&said)), (0, [2, 10]));

    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let (code, _, error) = bench(&["prepare", &spec, "--cache", not_a_folder.to_str().unwrap()]);
    assert_ne!(code, 0);
    assert!(
        error.contains("pictures-224.bin") || error.contains("file"),
        "{error}"
    );
}
