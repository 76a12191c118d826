//! One image file, as a network takes it that was trained on others.

use super::decode::{decode, header};
use crate::data::{ChannelStats, Skipped, Watch, adapt};
use crate::network::Shape;
use ndarray::Array4;
use std::path::Path;

/// The image of a file, (1, `shape`): read, resized and standardised as those were that `statistics` are of. Why not, if it
/// can't be.
pub fn read_image(path: &Path, shape: Shape, statistics: &ChannelStats) -> Result<Array4<f32>, Skipped> {
    let read = || {
        let [height, width] = statistics.size;
        let own = Shape::new(if header(path)?.grey { 1 } else { 3 }, height, width);
        let mut planes = vec![0; own.len()];
        if let Some(deep) = decode(path, own, &mut planes, &Watch::nobody())?.deep {
            planes = deep.levels(statistics.deep_white.unwrap_or(u16::MAX)).collect();
        }
        let pixels = planes.into_iter().map(|level| f32::from(level) / 255.0).collect();
        let pixels = Array4::from_shape_vec((1, own.channels, height, width), pixels).map_err(|e| e.to_string())?;
        let mut image = adapt(pixels.view(), shape).map_err(|e| e.to_string())?;
        statistics.standardise(&mut image);
        Ok(image)
    };
    read().map_err(|reason| Skipped { path: path.to_owned(), reason })
}
