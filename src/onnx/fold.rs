//! Arithmetic on constants: sizes that exporters compute from the shape of a value.

use super::Reason;
use super::attributes::Attributes;
use super::constant::{BATCH, Constant};

/// The most values that a constant may be stretched to.
const LARGEST: usize = 1 << 22;

/// The operator on constants; None if it is not one that is computed with.
pub(super) fn fold(
    operator: &str,
    inputs: &[Option<&Constant>],
    a: &Attributes<'_>,
) -> Option<Result<Constant, Reason>> {
    let input = |i: usize| inputs.get(i).copied().flatten().ok_or_else(|| format!("input {i} is missing"));
    let axes = |i: usize| -> Result<Option<Vec<i64>>, Reason> {
        match inputs.get(i).copied().flatten() {
            Some(c) => c.numbers().map(|n| Some(n.to_vec())),
            None => Ok(a.ints("axes").map(<[i64]>::to_vec)),
        }
    };
    Some(match operator {
        "Identity" | "Cast" => input(0).and_then(|c| cast(operator, c, a)),
        "Shape" => input(0).map(|c| {
            let dims: Vec<i64> = c.dims.iter().map(|&d| d as i64).collect();
            Constant::whole(vec![dims.len()], dims)
        }),
        "Gather" => input(0).and_then(|c| gather(c, input(1)?, a.int("axis", 0))),
        "Concat" => concat(inputs, a.int("axis", 0)),
        "Slice" => input(0).and_then(|c| slice(c, inputs)),
        "Unsqueeze" => input(0).and_then(|c| Ok(c.reshaped(unsqueezed(&c.dims, &axes(1)?.unwrap_or_default())?))),
        "Squeeze" => input(0).and_then(|c| Ok(c.reshaped(squeezed(&c.dims, axes(1)?)?))),
        "Reshape" => input(0).and_then(|c| reshape(c, input(1)?.numbers()?)),
        "Transpose" => input(0).and_then(|c| transpose(c, a.ints("perm"))),
        "Add" | "Sub" | "Mul" | "Div" => input(0).and_then(|x| arithmetic(operator, x, input(1)?)),
        "ConstantOfShape" => input(0).and_then(|c| filled(c, a)),
        "Expand" => input(0).and_then(|c| expand(c, input(1)?.numbers()?)),
        _ => return None,
    })
}

fn cast(operator: &str, c: &Constant, a: &Attributes<'_>) -> Result<Constant, Reason> {
    let to_whole = matches!(a.int("to", 1), 6 | 7 | 9);
    match (operator, c.is_whole(), to_whole) {
        ("Cast", true, false) => Ok(Constant::real(c.dims.clone(), c.computed()?)),
        ("Cast", false, true) => Ok(Constant::whole(c.dims.clone(), c.computed()?.iter().map(|&v| v as i64).collect())),
        _ => Ok(c.clone()),
    }
}

/// The position of an axis that may be counted from the end.
pub(super) fn position(axis: i64, rank: usize) -> Result<usize, Reason> {
    let position = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(position)
        .ok()
        .filter(|&p| p < rank)
        .ok_or_else(|| format!("axis {axis} of a tensor of {rank} axes"))
}

fn gather(c: &Constant, indices: &Constant, axis: i64) -> Result<Constant, Reason> {
    if position(axis, c.dims.len().max(1))? != 0 || c.dims.len() != 1 {
        return Err("it picks from a constant that is no vector".into());
    }
    let pick = |&i: &i64| position(i, c.dims[0]);
    let positions = indices.numbers()?.iter().map(pick).collect::<Result<Vec<_>, _>>()?;
    let dims = indices.dims.clone();
    match c.is_whole() {
        true => c.numbers().map(|n| Constant::whole(dims, positions.iter().map(|&i| n[i]).collect())),
        false => c.computed().map(|n| Constant::real(dims, positions.iter().map(|&i| n[i]).collect())),
    }
}

fn concat(inputs: &[Option<&Constant>], axis: i64) -> Result<Constant, Reason> {
    let parts: Option<Vec<&Constant>> = inputs.iter().copied().collect();
    let parts = parts.ok_or("an input is missing")?;
    if parts.iter().any(|c| c.dims.len() != 1) || position(axis, 1)? != 0 {
        return Err("it joins constants that are no vectors".into());
    }
    let total: usize = parts.iter().map(|c| c.len()).sum();
    if parts.iter().all(|c| c.is_whole()) {
        let values: Result<Vec<&[i64]>, Reason> = parts.iter().map(|c| c.numbers()).collect();
        return Ok(Constant::whole(vec![total], values?.concat()));
    }
    let values: Result<Vec<Vec<f32>>, Reason> = parts.iter().map(|c| c.computed()).collect();
    Ok(Constant::real(vec![total], values?.concat()))
}

/// Rows `start, start + step, …` of a constant, as PyTorch's exporter turns round the padding that it was given.
fn slice(c: &Constant, inputs: &[Option<&Constant>]) -> Result<Constant, Reason> {
    let one = |i: usize, default: i64| match inputs.get(i).copied().flatten() {
        Some(c) => match c.numbers()? {
            &[only] => Ok(only),
            _ => Err("it cuts a constant along several axes".to_owned()),
        },
        None => Ok(default),
    };
    let Some((&rows, rest)) = c.dims.split_first() else { return Err("it cuts a number".into()) };
    let step = one(4, 1)?;
    if one(3, 0)? != 0 || step.abs() != 1 {
        return Err("it cuts a constant along another axis than its first, or in steps".into());
    }
    let n = rows as i64;
    let bound = |v: i64, low: i64, high: i64| (if v < 0 { v.saturating_add(n) } else { v }).clamp(low, high);
    let (start, end) = (one(1, 0)?, one(2, i64::MAX)?);
    let picked: Vec<i64> = match step {
        1 => (bound(start, 0, n)..bound(end, 0, n)).collect(),
        _ => (bound(end, -1, n - 1) + 1..bound(start, -1, n - 1) + 1).rev().collect(),
    };
    let width: usize = rest.iter().product();
    let values = c.numbers()?;
    let row = |&i: &i64| values.get(i as usize * width..(i as usize + 1) * width).unwrap_or_default();
    let dims = [&[picked.len()], rest].concat();
    Ok(Constant::whole(dims, picked.iter().flat_map(row).copied().collect()))
}

/// Sizes with axes of one position put in.
fn unsqueezed(dims: &[usize], axes: &[i64]) -> Result<Vec<usize>, Reason> {
    let rank = dims.len() + axes.len();
    let new: Vec<usize> = axes.iter().map(|&axis| position(axis, rank)).collect::<Result<_, _>>()?;
    let mut old = dims.iter().copied();
    Ok((0..rank).filter_map(|i| if new.contains(&i) { Some(1) } else { old.next() }).collect())
}

fn squeezed(dims: &[usize], axes: Option<Vec<i64>>) -> Result<Vec<usize>, Reason> {
    let gone: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|&axis| position(axis, dims.len())).collect::<Result<_, _>>()?,
        None => (0..dims.len()).filter(|&i| dims[i] == 1).collect(),
    };
    if gone.iter().any(|&i| dims[i] != 1) {
        return Err(format!("it removes axes of more than one position from {dims:?}"));
    }
    Ok((0..dims.len()).filter(|i| !gone.contains(i)).map(|i| dims[i]).collect())
}

fn reshape(c: &Constant, sizes: &[i64]) -> Result<Constant, Reason> {
    let known: i64 =
        sizes.iter().filter(|&&s| s > 0).try_fold(1i64, |n, &s| n.checked_mul(s)).ok_or("sizes overflow")?;
    let size = |(i, &s): (usize, &i64)| match s {
        0 => c.dims.get(i).copied().ok_or_else(|| "a size of zero has no counterpart".to_owned()),
        -1 => Ok(c.len() / (known.max(1) as usize)),
        s => usize::try_from(s).map_err(|_| format!("size {s}")),
    };
    let dims = sizes.iter().enumerate().map(size).collect::<Result<Vec<_>, _>>()?;
    match dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) {
        Some(n) if n == c.len() => Ok(c.reshaped(dims)),
        _ => Err(format!("it reshapes {:?} to {sizes:?}", c.dims)),
    }
}

/// A transposed matrix or tensor; values are moved, so only constants that are computed with.
fn transpose(c: &Constant, order: Option<&[i64]>) -> Result<Constant, Reason> {
    let rank = c.dims.len();
    let order = match order {
        Some(order) => order.iter().map(|&axis| position(axis, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(format!("{order:?} is no order of {rank} axes"));
    }
    let strides: Vec<usize> = (0..rank).map(|i| c.dims[i + 1..].iter().product()).collect();
    let dims: Vec<usize> = order.iter().map(|&i| c.dims[i]).collect();
    let values = c.computed()?;
    let source = |mut k: usize| {
        let mut at = 0;
        for i in (0..rank).rev() {
            at += k % dims[i] * strides[order[i]];
            k /= dims[i];
        }
        values[at]
    };
    let moved = (0..values.len()).map(source).collect();
    Ok(Constant::real(dims, moved).called(&c.name))
}

fn arithmetic(operator: &str, x: &Constant, y: &Constant) -> Result<Constant, Reason> {
    let dims = if x.len() >= y.len() { x.dims.clone() } else { y.dims.clone() };
    let n = x.len().max(y.len());
    if x.len().min(y.len()) == 0 || !(x.len() == n && y.len() == n && x.dims == y.dims || x.len() == 1 || y.len() == 1)
    {
        return Err(format!("it computes with constants of {:?} and {:?}", x.dims, y.dims));
    }
    if x.is_whole() && y.is_whole() {
        let (a, b) = (x.numbers()?, y.numbers()?);
        if a.contains(&BATCH) || b.contains(&BATCH) {
            return Err("it computes with the number of images".into());
        }
        let of = |i: usize| -> Option<i64> {
            let (a, b) = (a[i.min(a.len() - 1)], b[i.min(b.len() - 1)]);
            match operator {
                "Add" => a.checked_add(b),
                "Sub" => a.checked_sub(b),
                "Mul" => a.checked_mul(b),
                _ => a.checked_div(b),
            }
        };
        let values: Option<Vec<i64>> = (0..n).map(of).collect();
        return Ok(Constant::whole(dims, values.ok_or("whole numbers overflow")?));
    }
    let (a, b) = (x.computed()?, y.computed()?);
    let of = |i: usize| {
        let (a, b) = (a[i.min(a.len() - 1)], b[i.min(b.len() - 1)]);
        match operator {
            "Add" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            _ => a / b,
        }
    };
    Ok(Constant::real(dims, (0..n).map(of).collect()))
}

fn sizes(numbers: &[i64]) -> Result<(Vec<usize>, usize), Reason> {
    let dims: Option<Vec<usize>> = numbers.iter().map(|&n| usize::try_from(n).ok()).collect();
    let dims = dims.ok_or("sizes that are negative or not known")?;
    let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= LARGEST);
    Ok((dims, count.ok_or("a constant of too many values")?))
}

fn filled(shape: &Constant, a: &Attributes<'_>) -> Result<Constant, Reason> {
    let (dims, count) = sizes(shape.numbers()?)?;
    let value = a.tensor("value").map(Constant::of).transpose()?;
    match value {
        Some(v) if v.is_whole() => Ok(Constant::whole(dims, vec![v.numbers()?.first().copied().unwrap_or(0); count])),
        v => Ok(Constant::real(dims, vec![v.and_then(|v| v.scalar()).unwrap_or(0.0); count])),
    }
}

fn expand(c: &Constant, target: &[i64]) -> Result<Constant, Reason> {
    let (dims, count) = sizes(target)?;
    match (c.len(), c.is_whole()) {
        (1, true) => Ok(Constant::whole(dims, vec![c.numbers()?[0]; count])),
        (1, false) => Ok(Constant::real(dims, vec![c.computed()?[0]; count])),
        _ if c.dims == dims => Ok(c.clone()),
        _ => Err(format!("it stretches a constant of {:?} to {target:?}", c.dims)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::NodeProto;
    use super::*;

    #[test]
    fn padding_is_turned_round_as_pytorch_writes_it() {
        let node = NodeProto::default();
        let run = |operator: &str, inputs: &[&Constant]| {
            let inputs: Vec<Option<&Constant>> = inputs.iter().copied().map(Some).collect();
            fold(operator, &inputs, &Attributes(&node)).unwrap().unwrap()
        };
        let whole = |values: &[i64]| Constant::whole(vec![values.len()], values.to_vec());
        let pairs = run("Reshape", &[&whole(&[0, 1, 1, 0, 0, 0, 0, 0]), &whole(&[-1, 2])]);
        let turned = run("Slice", &[&pairs, &whole(&[-1]), &whole(&[i64::MIN + 1]), &whole(&[0]), &whole(&[-1])]);
        assert_eq!(turned.numbers().unwrap(), [0, 0, 0, 0, 1, 0, 0, 1]);
        let sides = run("Transpose", &[&turned]);
        assert_eq!(
            (sides.dims.as_slice(), sides.floats().unwrap()),
            (&[2, 4][..], vec![0., 0., 1., 0., 0., 0., 0., 1.])
        );
        let first = run("Slice", &[&whole(&[5, 6, 7]), &whole(&[0]), &whole(&[2])]);
        assert_eq!(first.numbers().unwrap(), [5, 6]);
    }

    #[test]
    fn what_is_not_known_or_too_large_is_refused() {
        let node = NodeProto::default();
        let run = |operator: &str, inputs: &[&Constant]| {
            let inputs: Vec<Option<&Constant>> = inputs.iter().copied().map(Some).collect();
            fold(operator, &inputs, &Attributes(&node)).unwrap().unwrap_err()
        };
        let whole = |values: &[i64]| Constant::whole(vec![values.len()], values.to_vec());
        assert!(run("Mul", &[&whole(&[BATCH]), &whole(&[2])]).contains("number of images"));
        assert!(run("ConstantOfShape", &[&whole(&[1 << 40, 1 << 40])]).contains("too many"));
        assert!(run("Add", &[&whole(&[i64::MAX]), &whole(&[1])]).contains("overflow"));
        assert!(run("Div", &[&whole(&[1]), &whole(&[0])]).contains("overflow"));
        assert!(run("Gather", &[&whole(&[1]), &whole(&[3])]).contains("axis 3"));
        assert!(run("Reshape", &[&whole(&[1]), &whole(&[2, -1])]).contains("reshapes"));
    }
}
