//! Images in a row.

use maud::{Markup, html};

use crate::report::document::Image;

/// One small figure per image; none without any.
pub(super) fn figures(images: &[Image]) -> Option<Markup> {
    (!images.is_empty()).then(|| {
        html! {
            div.images {
                @for image in images {
                    figure {
                        img src={ "data:image/png;base64," (image.png) } alt=(image.name) loading="lazy";
                        figcaption { (image.caption) br; code { (image.name) } }
                    }
                }
            }
        }
    })
}
