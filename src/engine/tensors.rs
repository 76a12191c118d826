//! Tensor-level operations that the tape is made of: the loops of [`kernels`](super::kernels) for float32 on a CPU.

use std::ffi::{CStr, c_char, c_int};

use tch::{Device, Kind, Tensor};

use super::direct_convolution::Packed;
use super::kernels::{self, Targets, Term, Window};
use super::weights::{LayerTensors, channels_last};
use crate::network::{Conv2d, Pool};

/// What a channel is multiplied with and what is then added, for each channel.
#[derive(Debug)]
pub(super) struct Affine {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// Whether the loops can read the tensor.
pub(super) fn is_host(x: &Tensor) -> bool {
    x.device() == Device::Cpu && x.kind() == Kind::Float && x.dim() == 4
}

/// The same values, channels-last and dense, copied only if they are not.
pub(super) fn dense(x: Tensor) -> Result<Tensor, tch::TchError> {
    if x.dim() != 4 || x.f_permute([0, 2, 3, 1])?.is_contiguous() { Ok(x) } else { channels_last(&x) }
}

/// An uninitialised channels-last tensor of the size, kind and device of `x`.
pub(super) fn empty_like(x: &Tensor) -> Result<Tensor, tch::TchError> {
    let s = x.size();
    Tensor::f_empty([s[0], s[2], s[3], s[1]], (x.kind(), x.device()))?.f_permute([0, 3, 1, 2])
}

/// The values of a dense float32 CPU tensor.
pub(super) fn values(x: &Tensor) -> &[f32] {
    debug_assert!(x.device() == Device::Cpu && x.kind() == Kind::Float);
    // SAFETY: a live, dense float32 CPU tensor of numel values, which nobody writes while it is borrowed: tensors are
    // written only by the function that made them.
    unsafe { std::slice::from_raw_parts(x.data_ptr().cast::<f32>().cast_const(), x.numel()) }
}

/// The values of a dense float32 CPU tensor that was just made and has no other owner.
pub(super) fn values_mut(x: &mut Tensor) -> &mut [f32] {
    debug_assert!(x.device() == Device::Cpu && x.kind() == Kind::Float);
    // SAFETY: as in `values`; the exclusive borrow stands for the only owner.
    unsafe { std::slice::from_raw_parts_mut(x.data_ptr().cast::<f32>(), x.numel()) }
}

/// What [`combine`] is asked for.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub sum: bool,
    pub relu: bool,
    pub bits: bool,
}

/// What [`combine`] returns.
#[derive(Debug)]
pub(super) struct Combined {
    pub sum: Option<Tensor>,
    pub relu: Option<Tensor>,
    /// Signs of the sum, one row of words per sample.
    pub bits: Option<Vec<u64>>,
}

/// The sum of the terms, each scaled and shifted if it has an affine map, its ReLU and its signs, in one pass over memory.
pub(super) fn combine(terms: &[(&Tensor, Option<&Affine>)], parts: Parts) -> Result<Combined, tch::TchError> {
    let Some(&(first, _)) = terms.first() else {
        return Err(tch::TchError::Torch("a sum has no terms".into()));
    };
    let (n, c) = (first.size()[0] as usize, first.size()[1] as usize);
    let per_sample = first.numel() / n.max(1);
    let words = per_sample.div_ceil(64);
    let mut sum = parts.sum.then(|| empty_like(first)).transpose()?;
    let mut relu = parts.relu.then(|| empty_like(first)).transpose()?;
    let mut bits = parts.bits.then(|| vec![0u64; n * words]);
    let mut sums = sum.as_mut().map(|t| values_mut(t).chunks_exact_mut(per_sample.max(1)));
    let mut relus = relu.as_mut().map(|t| values_mut(t).chunks_exact_mut(per_sample.max(1)));
    let mut rows = bits.as_mut().map(|b| b.chunks_exact_mut(words.max(1)));
    let sources: Vec<&[f32]> = terms.iter().map(|(t, _)| values(t)).collect();
    for i in 0..n {
        let sample: Vec<Term<'_>> = terms
            .iter()
            .zip(&sources)
            .map(|((_, m), x)| Term {
                x: &x[i * per_sample..(i + 1) * per_sample],
                affine: m.map(|m| (&m.scale[..], &m.shift[..])),
            })
            .collect();
        let targets = Targets {
            sum: sums.as_mut().and_then(Iterator::next),
            relu: relus.as_mut().and_then(Iterator::next),
            bits: rows.as_mut().and_then(Iterator::next),
        };
        kernels::combine(&sample, c, targets);
    }
    Ok(Combined { sum, relu, bits })
}

/// `base + g` where `mask` is positive, `base` or zero elsewhere.
pub(super) fn masked_add(base: Option<&Tensor>, g: &Tensor, mask: &Tensor) -> Result<Tensor, tch::TchError> {
    let mut out = empty_like(g)?;
    kernels::masked_add(values_mut(&mut out), base.map(values), values(g), values(mask));
    Ok(out)
}

/// `owned += g` where `mask` is positive; nobody else has `owned`.
pub(super) fn masked_add_assign(owned: &mut Tensor, g: &Tensor, mask: &Tensor) {
    kernels::masked_add_assign(values_mut(owned), values(g), values(mask));
}

/// Average pooling of a [`Square`](crate::network::Square) window; padded pixels do not count.
pub(super) fn avg_pool(x: &Tensor, pool: Pool) -> Result<Tensor, tch::TchError> {
    let s = x.size();
    let window = window(pool, &s)?;
    let (h, w) = window.outer;
    let size = [s[0], h as i64, w as i64, s[1]];
    let mut out = Tensor::f_empty(size, (x.kind(), x.device()))?.f_permute([0, 3, 1, 2])?;
    let (inner, outer) = (x.numel() / s[0].max(1) as usize, out.numel() / s[0].max(1) as usize);
    for (o, x) in values_mut(&mut out).chunks_exact_mut(outer.max(1)).zip(values(x).chunks_exact(inner.max(1))) {
        kernels::avg_pool(o, x, window);
    }
    Ok(out)
}

/// The gradient of [`avg_pool`] with respect to its input of size `size`.
pub(super) fn avg_pool_backward(g: &Tensor, size: &[i64], pool: Pool) -> Result<Tensor, tch::TchError> {
    let window = window(pool, size)?;
    let mut out =
        Tensor::f_zeros([size[0], size[2], size[3], size[1]], (g.kind(), g.device()))?.f_permute([0, 3, 1, 2])?;
    let (inner, outer) = (out.numel() / size[0].max(1) as usize, g.numel() / size[0].max(1) as usize);
    for (o, g) in values_mut(&mut out).chunks_exact_mut(inner.max(1)).zip(values(g).chunks_exact(outer.max(1))) {
        kernels::avg_pool_backward(o, g, window);
    }
    Ok(out)
}

fn window(pool: Pool, size: &[i64]) -> Result<Window, tch::TchError> {
    let inner = (size[2] as usize, size[3] as usize);
    let outer = pool.output(inner.0, inner.1).map_err(tch::TchError::Torch)?;
    let square = pool.square().ok_or_else(|| tch::TchError::Torch("the loops pool square windows".into()))?;
    let (kernel, stride, padding) = (square.kernel, square.stride, square.padding);
    Ok(Window { kernel, stride, padding, channels: size[1] as usize, inner, outer })
}

/// A convolution by the direct loop.
pub(super) fn direct_convolution(packed: &Packed, x: &Tensor) -> Result<Tensor, tch::TchError> {
    let s = x.size();
    let image = (s[2] as usize, s[3] as usize);
    let (h, w) = packed.output(image);
    let size = [s[0], h as i64, w as i64, packed.out_channels() as i64];
    let mut out = Tensor::f_empty(size, (x.kind(), x.device()))?.f_permute([0, 3, 1, 2])?;
    packed.convolve(values(x), values_mut(&mut out), image);
    Ok(out)
}

/// A convolution by oneDNN. For few small images libtorch by itself chooses an unfolded matrix product, which is slower
/// and drags matrices through memory. None where the window is not square, oneDNN does not apply or autograd is to see the operation.
pub(super) fn convolution(x: &Tensor, layer: &LayerTensors, c: &Conv2d) -> Result<Option<Tensor>, tch::TchError> {
    let Some(window) = c.square() else { return Ok(None) };
    if !is_host(x) || x.requires_grad() || layer.weight.requires_grad() {
        return Ok(None);
    }
    let square = |n: usize| [n as i64, n as i64];
    let (padding, stride) = (square(window.padding), square(window.stride));
    x.f_mkldnn_convolution(&layer.weight, layer.bias.as_ref(), padding, stride, square(1), c.groups as i64).map(Some)
}

/// A tensor as torch-sys passes it.
type RawTensor = *mut torch_sys::C_tensor;

unsafe extern "C" {
    fn naslens_convolution_backward(
        gradient: *const torch_sys::C_tensor,
        input: *const torch_sys::C_tensor,
        weight: *const torch_sys::C_tensor,
        stride: i64,
        padding: i64,
        groups: i64,
        wants_input: c_int,
        wants_weight: c_int,
        input_gradient: *mut RawTensor,
        weight_gradient: *mut RawTensor,
        message: *mut c_char,
        message_length: usize,
    ) -> c_int;
}

/// The gradients of a convolution of a square window with respect to its input and its weight, each if wanted, given that of its output.
pub(super) fn convolution_backward(
    conv: &Conv2d,
    g: &Tensor,
    x: &Tensor,
    weight: &Tensor,
    (wants_input, wants_weight): (bool, bool),
) -> Result<(Option<Tensor>, Option<Tensor>), tch::TchError> {
    let no_square = || tch::TchError::Torch("the window of the convolution is not square".into());
    let window = conv.square().ok_or_else(no_square)?;
    let (mut input, mut weights): (RawTensor, RawTensor) = (std::ptr::null_mut(), std::ptr::null_mut());
    let mut message = [0 as c_char; 2048];
    // SAFETY: the tensors live through the call; the function writes null or a new tensor that we own to each result and
    // a terminated string to the message.
    let failed = unsafe {
        naslens_convolution_backward(
            g.as_ptr(),
            x.as_ptr(),
            weight.as_ptr(),
            window.stride as i64,
            window.padding as i64,
            conv.groups as i64,
            c_int::from(wants_input),
            c_int::from(wants_weight),
            &mut input,
            &mut weights,
            message.as_mut_ptr(),
            message.len(),
        )
    };
    if failed != 0 {
        // SAFETY: terminated by the function.
        let text = unsafe { CStr::from_ptr(message.as_ptr()) };
        return Err(tch::TchError::Torch(text.to_string_lossy().into_owned()));
    }
    // SAFETY: not null, hence a new tensor that nobody else owns.
    let own = |raw: RawTensor| (!raw.is_null()).then(|| unsafe { Tensor::from_ptr(raw) });
    Ok((own(input), own(weights)))
}
