//! How a value of the format lies in a map of naslens.
//!
//! The format knows tensors of any rank; a [`Network`](crate::network::Network) knows maps (channels, height, width). A view says
//! which tensor a map is seen as: reshapes and transposes change the view, not the map. It is a list of axes, without the images,
//! and each axis is a list of parts of the map's own axes, slowest first.

use super::Reason;
use crate::network::{Axis, Shape};

/// A part of an axis of a map: positions `stride · (0..size)`, more than one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub axis: Axis,
    pub size: usize,
    pub stride: usize,
}

/// A tensor as axes made of parts of a map's axes. An axis of no part has size one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub axes: Vec<Vec<Part>>,
}

fn whole(axis: Axis, size: usize) -> Vec<Part> {
    if size == 1 { Vec::new() } else { vec![Part { axis, size, stride: 1 }] }
}

fn size(parts: &[Part]) -> usize {
    parts.iter().map(|p| p.size).product()
}

impl View {
    /// The map as (channels, height, width).
    pub fn map(s: Shape) -> Self {
        View {
            axes: vec![whole(Axis::Channels, s.channels), whole(Axis::Height, s.height), whole(Axis::Width, s.width)],
        }
    }

    /// The map as one axis.
    pub fn vector(s: Shape) -> Self {
        View { axes: vec![View::map(s).axes.concat()] }
    }

    /// Sizes of the axes.
    pub fn sizes(&self) -> Vec<usize> {
        self.axes.iter().map(|parts| size(parts)).collect()
    }

    /// The axis that holds all channels of the map and nothing else, if there is one. Of a single channel, the first axis of
    /// size one.
    pub fn channels(&self, s: Shape) -> Option<usize> {
        let wanted = whole(Axis::Channels, s.channels);
        self.axes.iter().position(|parts| *parts == wanted)
    }

    /// Whether axis `i` holds a whole axis of the map and nothing else, and which.
    pub fn whole_axis(&self, i: usize, s: Shape) -> Option<Axis> {
        let sides = [(Axis::Channels, s.channels), (Axis::Height, s.height), (Axis::Width, s.width)];
        sides.into_iter().find(|&(axis, size)| size > 1 && self.axes[i] == whole(axis, size)).map(|(axis, _)| axis)
    }

    /// The same order of other axes: those of a map of this shape in place of the whole axes of the old one.
    pub fn of_shape(&self, s: Shape, channels: usize) -> View {
        let mut axes: Vec<Vec<Part>> = self.axes.clone();
        axes[channels] = whole(Axis::Channels, s.channels);
        View { axes }
    }

    /// The view with these sizes, whose product is the same.
    pub fn reshape(&self, sizes: &[usize]) -> Result<View, Reason> {
        let refused = || format!("it reshapes {:?} to {sizes:?}, which mixes axes of the map", self.sizes());
        let mut rest: Vec<Part> = self.axes.concat();
        rest.reverse();
        let mut axes = Vec::with_capacity(sizes.len());
        for &wanted in sizes {
            let mut parts = Vec::new();
            let mut missing = wanted;
            while missing > 1 {
                let part = rest.pop().ok_or_else(refused)?;
                if missing % part.size == 0 {
                    missing /= part.size;
                    parts.push(part);
                } else if part.size.is_multiple_of(missing) {
                    let inner = part.size / missing;
                    parts.push(Part { size: missing, stride: part.stride * inner, ..part });
                    rest.push(Part { size: inner, ..part });
                    missing = 1;
                } else {
                    return Err(refused());
                }
            }
            axes.push(joined(parts));
        }
        if rest.is_empty() { Ok(View { axes }) } else { Err(refused()) }
    }

    /// The view with its axes in this order.
    pub fn transpose(&self, order: &[usize]) -> View {
        View { axes: order.iter().map(|&i| self.axes[i].clone()).collect() }
    }

    /// What has to be done to the map so that it lies as (channels, height, width) in this view.
    pub fn arrangement(&self, s: Shape) -> Result<Arrangement, Reason> {
        let mut axes: Vec<&[Part]> = self.axes.iter().map(Vec::as_slice).collect();
        while axes.len() > 3 && axes.last().is_some_and(|parts| parts.is_empty()) {
            axes.pop();
        }
        let map = View::map(s).axes;
        let get = |i: usize| axes.get(i).copied().unwrap_or_default();
        if axes.len() <= 3 && (0..3).all(|i| get(i) == map[i].as_slice()) {
            return Ok(Arrangement::Map);
        }
        if axes.len() <= 3 && get(0) == map.concat().as_slice() && get(1).is_empty() && get(2).is_empty() {
            return Ok(Arrangement::Flatten);
        }
        if let (&[inner, outer], 1..=3) = (get(0), axes.len())
            && (1..3).all(|i| get(i) == map[i].as_slice())
            && (inner.axis, outer.axis) == (Axis::Channels, Axis::Channels)
            && inner.stride == 1
            && outer.stride == inner.size
            && inner.size * outer.size == s.channels
        {
            return Ok(Arrangement::Shuffle { groups: outer.size });
        }
        Err(format!("its input is a map of {s} as a tensor of {:?}, arranged in a way that is not read", self.sizes()))
    }
}

/// Neighbouring parts of one axis as one part.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match joined.last_mut() {
            Some(last) if last.axis == part.axis && last.stride == part.size * part.stride => {
                (last.size, last.stride) = (last.size * part.size, part.stride);
            }
            _ => joined.push(part),
        }
    }
    joined
}

/// How a map becomes what a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// It is that already.
    Map,
    /// By a channel shuffle.
    Shuffle { groups: usize },
    /// As a vector.
    Flatten,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffles_and_flattening_are_found() {
        let s = Shape::new(6, 4, 5);
        let map = View::map(s);
        assert_eq!(map.arrangement(s), Ok(Arrangement::Map));
        let shuffled = map.reshape(&[2, 3, 4, 5]).unwrap().transpose(&[1, 0, 2, 3]).reshape(&[6, 4, 5]).unwrap();
        assert_eq!(shuffled.arrangement(s), Ok(Arrangement::Shuffle { groups: 2 }));
        let back = shuffled.reshape(&[3, 2, 4, 5]).unwrap().transpose(&[1, 0, 2, 3]).reshape(&[6, 4, 5]).unwrap();
        assert_eq!(back, map, "the transpose of the transpose");
        assert_eq!(map.reshape(&[120]).unwrap().arrangement(s), Ok(Arrangement::Flatten));
        assert_eq!(map.reshape(&[120]).unwrap().reshape(&[6, 4, 5]).unwrap(), map);
        let last = map.transpose(&[1, 2, 0]);
        assert!(last.arrangement(s).is_err());
        assert_eq!((last.channels(s), last.whole_axis(0, s)), (Some(2), Some(Axis::Height)));
        assert_eq!(last.transpose(&[2, 0, 1]), map);
        assert!(map.reshape(&[8, 15]).is_err() && map.reshape(&[6, 4]).is_err() && map.reshape(&[6, 4, 10]).is_err());
    }

    #[test]
    fn axes_of_one_position_hold_nothing() {
        let s = Shape::new(6, 1, 1);
        let vector = View::map(s).reshape(&[6]).unwrap();
        assert_eq!(vector.arrangement(s), Ok(Arrangement::Map));
        assert_eq!(vector, View::vector(s));
        assert_eq!(vector.reshape(&[6, 1, 1]).unwrap(), View::map(s));
    }
}
