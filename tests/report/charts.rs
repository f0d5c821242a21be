//! The charts: pictures with text in them.

use std::fs;

use crate::synthetic::{grid, tables_1_and_4};
use crate::written;

#[test]
fn charts_are_pictures_with_text_in_them() {
    let (folder, _) = written(&grid().into());
    for name in [
        "scores_by_variant",
        "learning_curves",
        "scores_by_latent",
        "latent_dimensions",
    ] {
        let png = fs::read(folder.path().join(format!("charts/{name}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        let picture = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(picture.width(), 2080, "two pixels a unit");
        // Text is what has both the ink's colour and the many greys of smoothed edges.
        let dark = picture
            .pixels()
            .filter(|p| p.0.iter().all(|&c| c < 60))
            .count();
        let colours: std::collections::BTreeSet<[u8; 3]> = picture.pixels().map(|p| p.0).collect();
        assert!(dark > 1500, "{name}: {dark} dark pixels");
        assert!(colours.len() > 200, "{name}: {} colours", colours.len());
        let white = picture.pixels().filter(|p| p.0 == [255; 3]).count();
        assert!(white * 2 > picture.pixels().len(), "{name} is mostly page");
    }
}

#[test]
fn a_label_in_a_chart_draws_its_letters() {
    let render = |label: &str| {
        let mut run = tables_1_and_4();
        let models = run
            .cells
            .iter_mut()
            .filter(|c| c.result.variant == "encoder-decoder");
        models.for_each(|c| c.result.label = label.to_owned());
        let (folder, _) = written(&run.into());
        let png = fs::read(folder.path().join("charts/scores_by_variant.png")).unwrap();
        image::load_from_memory(&png).unwrap().to_rgb8()
    };
    let (none, one, many) = (render(" "), render("I"), render("MMMMMMMMM"));
    let differing = |other: &image::RgbImage| {
        none.pixels()
            .zip(other.pixels())
            .filter(|(a, b)| a != b)
            .count()
    };
    let (one, many) = (differing(&one), differing(&many));
    assert!(
        one > 20 && many > 10 * one,
        "{one} and {many} pixels of text"
    );
}
