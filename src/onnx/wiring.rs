//! Operators that only arrange values.

use super::Reason;
use super::attributes::Attributes;
use super::build::{Build, Inputs};
use super::constant::{BATCH, Constant};
use super::fold::position;
use super::value::{Map, Value};
use super::view::View;

fn with_view(x: &Map, view: View) -> Vec<Value> {
    vec![Value::Map(Map { view, ..x.clone() })]
}

impl Build<'_> {
    pub(super) fn reshape(&mut self, i: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let [first, sizes @ ..] = i.constant(1)?.numbers()? else { return Err("it leaves no axis".into()) };
        // A file for one image at a time has a one in place of the number of images.
        if !matches!(*first, BATCH | 0 | -1 | 1) {
            return Err("it mixes images".into());
        }
        let known = x.view.sizes();
        let total: usize = known.iter().product();
        let mut wanted = Vec::with_capacity(sizes.len());
        for (k, &size) in sizes.iter().enumerate() {
            wanted.push(match size {
                0 => Some(*known.get(k).ok_or("a size of zero has no counterpart")?),
                -1 => None,
                BATCH => return Err("it mixes images".into()),
                n => Some(usize::try_from(n).map_err(|_| format!("size {n}"))?),
            });
        }
        let product = wanted.iter().flatten().try_fold(1usize, |n, &s| n.checked_mul(s)).filter(|&n| n > 0);
        let product = product.ok_or("its sizes are too large")?;
        if wanted.iter().filter(|s| s.is_none()).count() > 1 || !total.is_multiple_of(product) {
            return Err(format!("it reshapes {known:?} to {sizes:?}"));
        }
        let sizes: Vec<usize> = wanted.into_iter().map(|s| s.unwrap_or(total / product)).collect();
        match x.view.reshape(&sizes) {
            Ok(view) => Ok(with_view(x, view)),
            Err(reason) => {
                // Of something that is arranged differently, as a new map.
                let node = self.map(x).map_err(|_| reason)?;
                let plain = Map::of(node, View::map(self.builder.shape(node)));
                Ok(with_view(&plain, plain.view.reshape(&sizes)?))
            }
        }
    }

    pub(super) fn flatten(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        match a.int("axis", 1) {
            1 => {
                Ok(with_view(x, View { axes: vec![x.view.axes.concat()] }.reshape(&[x.view.sizes().iter().product()])?))
            }
            axis if axis == 1 - x.rank() as i64 => {
                Ok(with_view(x, x.view.reshape(&[x.view.sizes().iter().product()])?))
            }
            axis => Err(format!("it flattens from axis {axis}, not from the first after the images")),
        }
    }

    pub(super) fn transpose(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let order = a.ints("perm").ok_or("it has no order of axes")?;
        let order: Vec<usize> = order.iter().map(|&axis| position(axis, x.rank())).collect::<Result<_, _>>()?;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..x.rank()).collect::<Vec<_>>() {
            return Err(format!("{order:?} is no order of {} axes", x.rank()));
        }
        match order[..] {
            [0, ref rest @ ..] => {
                let rest: Vec<usize> = rest.iter().map(|axis| axis - 1).collect();
                Ok(with_view(x, x.view.transpose(&rest)))
            }
            _ => Err("it moves the axis of the images, as attention does, which is not read yet".into()),
        }
    }

    pub(super) fn squeeze(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let axes = match i.optional(1)? {
            Some(axes) => axes.numbers()?.to_vec(),
            None => a.ints("axes").ok_or("which axes it removes depends on the number of images")?.to_vec(),
        };
        let gone: Vec<usize> = axes.iter().map(|&axis| x.axis(axis)).collect::<Result<_, _>>()?;
        if gone.iter().any(|&axis| !x.view.axes[axis].is_empty()) {
            return Err("it removes an axis of more than one position".into());
        }
        let kept = (0..x.view.axes.len()).filter(|k| !gone.contains(k)).map(|k| x.view.axes[k].clone());
        Ok(with_view(x, View { axes: kept.collect() }))
    }

    pub(super) fn unsqueeze(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let axes = match i.optional(1)? {
            Some(axes) => axes.numbers()?.to_vec(),
            None => a.ints("axes").unwrap_or_default().to_vec(),
        };
        let rank = x.rank() + axes.len();
        let new: Vec<usize> = axes.iter().map(|&axis| position(axis, rank)).collect::<Result<_, _>>()?;
        if new.contains(&0) {
            return Err("it puts an axis before the images".into());
        }
        let mut old = x.view.axes.iter().cloned();
        let axes = (1..rank).filter_map(|k| if new.contains(&k) { Some(Vec::new()) } else { old.next() });
        Ok(with_view(x, View { axes: axes.collect() }))
    }

    pub(super) fn shape(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let dims = i.map(0)?.dims();
        let rank = dims.len() as i64;
        let bound = |v: i64| (if v < 0 { v.saturating_add(rank) } else { v }).clamp(0, rank) as usize;
        let (start, end) = (bound(a.int("start", 0)), bound(a.int("end", rank)));
        let picked = dims.get(start..end.max(start)).unwrap_or_default().to_vec();
        Ok(vec![Value::Constant(Constant::whole(vec![picked.len()], picked))])
    }

    /// Stretching to the sizes that the value has already.
    pub(super) fn expand(&mut self, i: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let sizes = i.constant(1)?.numbers()?;
        let same = sizes.len() == x.rank() && sizes.iter().zip(x.dims()).all(|(&a, b)| a == b || a == 1);
        if same { Ok(vec![Value::Map(x.clone())]) } else { Err(format!("it stretches a map to {sizes:?}")) }
    }
}
