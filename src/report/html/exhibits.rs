//! The gallery as HTML.

use std::io::Cursor;

use image::{ImageFormat, ImageReader};
use maud::{Markup, html};

use super::data_uri;
use crate::report::gallery::{Exhibit, exhibits};
use crate::report::{ReportData, RunData};

/// Pictures up to this side are drawn with their pixels visible rather than blurred.
const SMALL: u32 = 96;

pub(super) fn gallery(data: &ReportData) -> Markup {
    html! {
        section #gallery {
            h2 { "Gallery" }
            @for run in &data.runs {
                @if data.is_comparison() { h3 { (run.stamp.name) } }
                (of_run(run))
            }
        }
    }
}

fn of_run(run: &RunData) -> Markup {
    let exhibits = exhibits(run);
    html! {
        @if exhibits.is_empty() {
            p.note { "No captions were kept, so there is nothing to show." }
        } @else {
            p.lead {
                (exhibits.len()) " test pictures, taken evenly over the test set: by their place alone, "
                "not by how good the captions are."
                @if exhibits.iter().all(|e| e.picture.is_none()) {
                    " The pictures themselves were not kept beside this run."
                }
            }
            div.gallery { @for exhibit in &exhibits { (card(exhibit)) } }
        }
    }
}

fn card(exhibit: &Exhibit) -> Markup {
    html! {
        article.card aria-label={ "Picture " (exhibit.id) } {
            div.top {
                (picture(exhibit))
                div.references {
                    h4 { "References" }
                    ul { @for reference in &exhibit.references { li { (reference) } } }
                    p.id { "picture " (exhibit.id) }
                }
            }
            dl.captions {
                @for (label, caption) in &exhibit.captions {
                    div {
                        dt { (label) }
                        dd { @if caption.trim().is_empty() { em.empty { "(empty caption)" } } @else { (caption) } }
                    }
                }
            }
        }
    }
}

fn picture(exhibit: &Exhibit) -> Markup {
    // The references say what is in the picture better than a file name could.
    let alt = match exhibit.references.first() {
        Some(reference) => format!("Test picture {}, described as: {reference}", exhibit.id),
        None => format!("Test picture {}", exhibit.id),
    };
    html! {
        @match exhibit.picture.and_then(embeddable) {
            Some((address, small)) => img.photo .small[small] src=(address) alt=(alt) loading="lazy";,
            None => div.photo.missing role="img" aria-label=(alt) { "picture not kept" }
        }
    }
}

/// A picture's address and whether it is small; `None` for what is neither PNG nor JPEG.
fn embeddable(bytes: &[u8]) -> Option<(String, bool)> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let media_type = match reader.format()? {
        ImageFormat::Png => "image/png",
        ImageFormat::Jpeg => "image/jpeg",
        _ => return None,
    };
    let (width, height) = reader.into_dimensions().ok()?;
    Some((data_uri(media_type, bytes), width.max(height) <= SMALL))
}
