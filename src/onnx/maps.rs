//! Poolings, means, sizes and parts of maps.

use super::Reason;
use super::attributes::Attributes;
use super::build::{Build, Inputs};
use super::value::{Map, Value};
use super::view::View;
use crate::network::{Axis, Interpolation, NodeId, Op, Pool, Resize, Shape, Slice};

impl Build<'_> {
    fn window(&self, a: &Attributes<'_>) -> Result<Pool, Reason> {
        let kernel = a.sizes("kernel_shape", [0; 2])?;
        if a.sizes("dilations", [1; 2])? != [1; 2] {
            return Err("a pooling with dilation is not read".into());
        }
        Ok(Pool {
            kernel,
            stride: a.sizes("strides", [1; 2])?,
            padding: self.pads(a)?,
            ceil: a.int("ceil_mode", 0) != 0,
            count_padding: a.int("count_include_pad", 0) != 0,
        })
    }

    pub(super) fn max_pool(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let node = self.apply(Op::MaxPool(Pool { count_padding: false, ..self.window(a)? }), x)?;
        Ok(vec![self.plain(node)])
    }

    pub(super) fn average_pool(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let (pool, shape) = (self.window(a)?, self.builder.shape(x));
        let whole = pool.kernel == [shape.height, shape.width] && pool.padding == [0; 4];
        let node = self.apply(if whole { Op::GlobalAvgPool } else { Op::AvgPool(pool) }, x)?;
        Ok(vec![self.plain(node)])
    }

    pub(super) fn global_pool(&mut self, i: &Inputs<'_>, average: bool) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let Shape { height, width, .. } = self.builder.shape(x);
        let window = Pool { kernel: [height, width], stride: [height, width], ..Pool::new(1, 1, 0) };
        let node = self.apply(if average { Op::GlobalAvgPool } else { Op::MaxPool(window) }, x)?;
        Ok(vec![self.plain(node)])
    }

    /// A mean over all pixels.
    pub(super) fn reduce_mean(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let axes = match i.optional(1)? {
            Some(axes) => axes.numbers()?.to_vec(),
            None => a.ints("axes").ok_or("a mean over everything is not read")?.to_vec(),
        };
        let axes: Vec<usize> = axes.iter().map(|&axis| x.axis(axis)).collect::<Result<_, _>>()?;
        let node = self.values_of(x)?;
        let shape = self.builder.shape(node);
        let mut parts: Vec<_> = axes.iter().flat_map(|&axis| x.view.axes[axis].clone()).collect();
        parts.sort_by_key(|part| part.axis.dim());
        let pixels = View::map(Shape { channels: 1, ..shape }).axes.concat();
        if parts != pixels {
            return Err("a mean over anything but all pixels is not read".into());
        }
        let made = if pixels.is_empty() { node } else { self.apply(Op::GlobalAvgPool, node)? };
        let mut view = x.view.clone();
        axes.iter().for_each(|&axis| view.axes[axis].clear());
        if a.int("keepdims", 1) == 0 {
            let kept = (0..view.axes.len()).filter(|k| !axes.contains(k)).map(|k| view.axes[k].clone());
            view = View { axes: kept.collect() };
        }
        Ok(vec![Value::Map(Map::of(made, view))])
    }

    pub(super) fn concat(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let maps: Vec<&Map> = (0..i.0.len()).map(|k| i.map(k)).collect::<Result<_, _>>()?;
        let first = *maps.first().ok_or("it has no input")?;
        let axis = first.axis(a.int("axis", 1))?;
        let nodes: Vec<NodeId> = maps.iter().map(|map| self.values_of(map)).collect::<Result<_, _>>()?;
        let along = maps.iter().zip(&nodes).all(|(map, &node)| {
            let mut rest = map.view.axes.clone();
            let mut others = first.view.axes.clone();
            let shape = self.builder.shape(node);
            let own = axis < rest.len()
                && (map.view.channels(shape) == Some(axis) || shape.channels == 1 && rest[axis].is_empty());
            own && rest.len() == others.len() && {
                rest[axis].clear();
                others[axis].clear();
                rest == others
            }
        });
        if along {
            let made = self.push(String::new(), Op::Concat, nodes)?;
            return Ok(vec![Value::Map(Map::of(made, first.view.of_shape(self.builder.shape(made), axis)))]);
        }
        // Somewhere the channels were rearranged.
        if axis != 0 {
            return Err("it joins maps along another axis than their channels".into());
        }
        let nodes: Vec<NodeId> = maps.iter().map(|map| self.map(map)).collect::<Result<_, _>>()?;
        let made = self.push(String::new(), Op::Concat, nodes)?;
        let shape = self.builder.shape(made);
        let view = if first.rank() == 2 { View::vector(shape) } else { View::map(shape) };
        Ok(vec![Value::Map(Map::of(made, view))])
    }

    /// Positions of one axis of a tensor, which is one axis of its map.
    fn part(&mut self, x: &Map, axis: usize, start: usize, length: usize, step: usize) -> Result<Map, Reason> {
        let mut x = x.clone();
        let mut node = self.values_of(&x)?;
        let mut found = x.view.whole_axis(axis, self.builder.shape(node));
        if found.is_none() {
            node = self.map(&x)?;
            let shape = self.builder.shape(node);
            x.view = if x.rank() == 2 { View::vector(shape) } else { View::map(shape) };
            found = x.view.whole_axis(axis, shape);
        }
        let kind = found.ok_or("it cuts something that is no axis of the map")?;
        let shape = self.builder.shape(node);
        let side = match kind {
            Axis::Channels => shape.channels,
            Axis::Height => shape.height,
            Axis::Width => shape.width,
        };
        if (start, length, step) == (0, side, 1) {
            return Ok(Map::of(node, x.view));
        }
        let first = kind == Axis::Channels && start == 0 && step == 1;
        let op =
            if first { Op::Narrow { channels: length } } else { Op::Slice(Slice { axis: kind, start, length, step }) };
        if length == 0 {
            return Err("it keeps nothing".into());
        }
        let made = self.apply(op, node)?;
        let new = View::map(self.builder.shape(made)).axes;
        let mut view = x.view.clone();
        view.axes[axis] = new[kind.dim() - 1].clone();
        Ok(Map::of(made, view))
    }

    pub(super) fn split(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let axis = x.axis(a.int("axis", 0))?;
        let side = x.view.sizes()[axis];
        let count = a.0.output.len();
        let lengths: Vec<i64> = match i.optional(1)? {
            Some(lengths) => lengths.numbers()?.to_vec(),
            None => match a.ints("split") {
                Some(split) => split.to_vec(),
                None => {
                    let each = side.div_ceil(count.max(1));
                    (0..count).map(|k| each.min(side.saturating_sub(k * each)) as i64).collect()
                }
            },
        };
        let lengths: Option<Vec<usize>> = lengths.iter().map(|&n| usize::try_from(n).ok()).collect();
        let lengths = lengths.ok_or("a part has a negative length")?;
        let total = lengths.iter().try_fold(0usize, |n, &l| n.checked_add(l));
        if total != Some(side) || lengths.len() != count {
            return Err(format!("parts of {lengths:?} are not {side} positions"));
        }
        let mut start = 0;
        let mut parts = Vec::with_capacity(count);
        for length in lengths {
            parts.push(Value::Map(self.part(x, axis, start, length, 1)?));
            start += length;
        }
        Ok(parts)
    }

    pub(super) fn slice(&mut self, i: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let mut x = i.map(0)?.clone();
        let (starts, ends) = (i.constant(1)?.numbers()?, i.constant(2)?.numbers()?);
        let axes = match i.optional(3)? {
            Some(axes) => axes.numbers()?.to_vec(),
            None => (0..starts.len() as i64).collect(),
        };
        let steps =
            i.optional(4)?.map(|c| c.numbers().map(<[i64]>::to_vec)).transpose()?.unwrap_or(vec![1; axes.len()]);
        if starts.len() != axes.len() || ends.len() != axes.len() || steps.len() != axes.len() {
            return Err("starts, ends, axes and steps are not as many".into());
        }
        for (k, &axis) in axes.iter().enumerate() {
            if axis == 0 && starts[k] == 0 && ends[k] > 1 << 30 {
                continue;
            }
            let axis = x.axis(axis)?;
            let side = x.view.sizes()[axis] as i64;
            let step =
                usize::try_from(steps[k]).ok().filter(|&s| s > 0).ok_or("a step that is not positive is not read")?;
            let bound = |v: i64| (if v < 0 { v.saturating_add(side) } else { v }).clamp(0, side) as usize;
            let (start, end) = (bound(starts[k]), bound(ends[k]));
            x = self.part(&x, axis, start, end.saturating_sub(start).div_ceil(step), step)?;
        }
        Ok(vec![Value::Map(x)])
    }

    /// One position of an axis, which is gone then.
    pub(super) fn gather(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let (x, index) = (i.map(0)?, i.constant(1)?);
        let axis = x.axis(a.int("axis", 0))?;
        let side = x.view.sizes()[axis] as i64;
        let (&[position], true) = (index.numbers()?, index.dims.len() <= 1) else {
            return Err("only one position can be picked".into());
        };
        let position = if position < 0 { position.saturating_add(side) } else { position };
        let start = usize::try_from(position).ok().filter(|_| position < side).ok_or("it picks beyond the end")?;
        let mut part = self.part(x, axis, start, 1, 1)?;
        if index.dims.is_empty() {
            part.view.axes.remove(axis);
        }
        Ok(vec![Value::Map(part)])
    }

    pub(super) fn pad(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let value = i.optional(2)?.map_or(Some(a.float("value", 0.0)), |c| c.scalar());
        if a.text("mode", "constant") != "constant" || value != Some(0.0) {
            return Err("padding with anything but zeros is not read".into());
        }
        let pads = match i.optional(1)? {
            Some(pads) => pads.numbers()?.to_vec(),
            None => a.ints("pads").unwrap_or_default().to_vec(),
        };
        let sizes: Option<Vec<usize>> =
            pads.iter().map(|&n| usize::try_from(n).ok().filter(|&n| n < 1 << 20)).collect();
        let sizes = sizes.ok_or("padding that cuts is not read")?;
        let &[0, 0, top, left, 0, 0, bottom, right] = sizes.as_slice() else {
            return Err(format!("padding of {pads:?} is not that of rows and columns"));
        };
        let x = self.map(i.map(0)?)?;
        let node = match [top, left, bottom, right] {
            [0, 0, 0, 0] => x,
            sides => self.apply(Op::Pad(sides), x)?,
        };
        Ok(vec![self.plain(node)])
    }

    pub(super) fn resize(&mut self, operator: &str, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let shape = self.builder.shape(x);
        let given = |k: usize| i.optional(k).map(|c| c.filter(|c| !c.dims.contains(&0)));
        let (scales, sizes) = if operator == "Upsample" { (given(1)?, None) } else { (given(2)?, given(3)?) };
        let (height, width) = match (scales, sizes) {
            (_, Some(sizes)) => match sizes.numbers()? {
                &[_, c, h, w] if c == shape.channels as i64 => (h, w),
                other => return Err(format!("it makes tensors of {other:?}")),
            },
            (Some(scales), None) => match scales.computed()?[..] {
                [1.0, 1.0, h, w] => ((shape.height as f32 * h).floor() as i64, (shape.width as f32 * w).floor() as i64),
                ref other => return Err(format!("it scales by {other:?}")),
            },
            (None, None) => return Err("neither scales nor sizes are known".into()),
        };
        let side = |n: i64| usize::try_from(n).ok().filter(|&n| n > 0 && n < 1 << 20).ok_or("it makes an empty map");
        let default = if operator == "Upsample" { "asymmetric" } else { "half_pixel" };
        let place = a.text("coordinate_transformation_mode", default);
        let by = match (a.text("mode", "nearest").as_str(), place.as_str()) {
            ("nearest", "asymmetric")
                if operator == "Upsample" || a.text("nearest_mode", "round_prefer_floor") == "floor" =>
            {
                Interpolation::Nearest
            }
            ("linear", "pytorch_half_pixel" | "half_pixel") => Interpolation::Bilinear,
            ("linear", "align_corners") => Interpolation::BilinearCorners,
            (mode, place) => return Err(format!("mode={mode} with {place} is not read")),
        };
        let node = self.apply(Op::Resize(Resize { height: side(height)?, width: side(width)?, by }), x)?;
        Ok(vec![self.plain(node)])
    }
}
