//! Windows that slide over a map: convolutions and poolings.

use super::Shape;

/// Number of positions of a window along a side of `n` pixels, at least one, or why there is none. `padding` is that before
/// the first and after the last pixel.
fn positions(n: usize, span: usize, stride: usize, padding: [usize; 2], ceil: bool) -> Result<usize, String> {
    let [before, after] = padding;
    let padded = n.saturating_add(before).saturating_add(after);
    if span == 0 || stride == 0 || n == 0 || (padded < span && !ceil) {
        let padding = if before == after { before.to_string() } else { format!("{before} and {after}") };
        return Err(format!("a window of {span} with stride {stride} does not fit {n} pixels padded by {padding}"));
    }
    let whole = padded.saturating_sub(span) / stride + 1;
    // As in PyTorch, a partly filled window starts before the padding on the far side.
    let partly = ceil && (whole - 1) * stride + span < padded && whole * stride < n + before;
    Ok(whole + usize::from(partly))
}

/// Text of the sides of a window, such as `3x3`.
pub(super) fn sides([height, width]: [usize; 2]) -> String {
    format!("{height}x{width}")
}

/// Whether a window is the same in both directions and padded alike on all sides: kernel, stride and padding of it.
fn square(kernel: [usize; 2], stride: [usize; 2], padding: [usize; 4]) -> Option<Square> {
    let alike = kernel[0] == kernel[1] && stride[0] == stride[1] && padding.iter().all(|&p| p == padding[0]);
    alike.then_some(Square { kernel: kernel[0], stride: stride[0], padding: padding[0] })
}

/// A window that is the same in both directions and padded alike on all sides, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Square {
    /// Side of the window.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding on every side.
    pub padding: usize,
}

/// A 2-D convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2d {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Height and width of the kernel, in pixels.
    pub kernel: [usize; 2],
    /// Stride down and across.
    pub stride: [usize; 2],
    /// Zero padding above, left, below and right, the order of ONNX.
    pub padding: [usize; 4],
    /// Distance of the kernel's taps down and across; 1 where they are neighbours.
    pub dilation: [usize; 2],
    /// Number of channel groups; `in_channels` for a depthwise convolution.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// A dense convolution with a square kernel and without bias whose padding keeps the size at stride 1.
    pub const fn same(in_channels: usize, out_channels: usize, kernel: usize, stride: usize) -> Self {
        Conv2d {
            in_channels,
            out_channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 4],
            dilation: [1; 2],
            groups: 1,
            bias: false,
        }
    }

    /// The window, if it is [`Square`] and its taps are neighbours: what the loops of the engine convolve.
    pub fn square(&self) -> Option<Square> {
        square(self.kernel, self.stride, self.padding).filter(|_| self.dilation == [1; 2])
    }

    /// Number of taps of the kernel.
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Shape of the output for an input of this shape, or why there is none.
    pub(super) fn output_shape(&self, x: Shape) -> Result<Shape, String> {
        fits_groups(x, self.in_channels, self.out_channels, self.groups)?;
        let [top, left, bottom, right] = self.padding;
        let span = |side: usize| self.kernel[side].saturating_sub(1).saturating_mul(self.dilation[side]) + 1;
        if self.taps() == 0 || self.dilation.contains(&0) {
            return Err("kernel and dilation are at least 1".into());
        }
        let height = positions(x.height, span(0), self.stride[0], [top, bottom], false)?;
        Ok(Shape::new(self.out_channels, height, positions(x.width, span(1), self.stride[1], [left, right], false)?))
    }
}

/// A transposed 2-D convolution: the gradient of a convolution with respect to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvTranspose2d {
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Height and width of the kernel, in pixels.
    pub kernel: [usize; 2],
    /// Stride of the convolution that it is the gradient of: the factor by which maps grow.
    pub stride: [usize; 2],
    /// Rows and columns that are cut off on both sides.
    pub padding: [usize; 2],
    /// Rows and columns that are added below and on the right.
    pub output_padding: [usize; 2],
    /// Distance of the kernel's taps down and across.
    pub dilation: [usize; 2],
    /// Number of channel groups.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl ConvTranspose2d {
    /// Shape of the output for an input of this shape, or why there is none.
    pub(super) fn output_shape(&self, x: Shape) -> Result<Shape, String> {
        fits_groups(x, self.in_channels, self.out_channels, self.groups)?;
        let side = |n: usize, i: usize| {
            let (kernel, stride) = (self.kernel[i], self.stride[i]);
            if n == 0 || kernel == 0 || stride == 0 || self.dilation[i] == 0 {
                return Err("kernel, stride and dilation are at least 1".to_owned());
            }
            let grown = (n - 1).saturating_mul(stride) + (kernel - 1).saturating_mul(self.dilation[i]) + 1;
            let kept = (grown.saturating_add(self.output_padding[i])).checked_sub(2 * self.padding[i]);
            kept.filter(|&n| n > 0).ok_or_else(|| format!("padding of {} leaves nothing", self.padding[i]))
        };
        Ok(Shape::new(self.out_channels, side(x.height, 0)?, side(x.width, 1)?))
    }
}

fn fits_groups(x: Shape, in_channels: usize, out_channels: usize, groups: usize) -> Result<(), String> {
    if in_channels != x.channels {
        return Err(format!("it takes {in_channels} channels, its input has {}", x.channels));
    }
    if groups == 0 || !in_channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide {in_channels} -> {out_channels} channels"));
    }
    Ok(())
}

/// The window of a 2-D pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Height and width of the window, in pixels.
    pub kernel: [usize; 2],
    /// Stride down and across.
    pub stride: [usize; 2],
    /// Padding above, left, below and right, the order of ONNX.
    pub padding: [usize; 4],
    /// Whether a window that the map only partly fills counts too, so that no pixel is left out.
    pub ceil: bool,
    /// Whether padded pixels count as zeros in an average; they never count in a maximum.
    pub count_padding: bool,
}

impl Pool {
    /// Square pooling that leaves out what does not fill a window and does not count padded pixels.
    pub const fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Pool { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 4], ceil: false, count_padding: false }
    }

    /// The window, if it is [`Square`] and padded pixels do not count: what the loops of the engine pool.
    pub fn square(&self) -> Option<Square> {
        square(self.kernel, self.stride, self.padding).filter(|s| !self.count_padding || s.padding == 0 && !self.ceil)
    }

    /// Height and width of the pooled map, or why there is none.
    pub fn output(&self, height: usize, width: usize) -> Result<(usize, usize), String> {
        let [top, left, bottom, right] = self.padding;
        let Pool { kernel, stride, ceil, .. } = *self;
        let down = positions(height, kernel[0], stride[0], [top, bottom], ceil)?;
        Ok((down, positions(width, kernel[1], stride[1], [left, right], ceil)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Op;
    use super::*;

    #[test]
    fn partly_filled_windows_count_as_in_pytorch() {
        // torch.nn.functional.max_pool2d(torch.zeros(1, 1, n, n), k, s, p, ceil_mode=c).shape[-1]
        for (n, kernel, stride, padding, ceil, side) in [
            (5, 2, 2, 0, false, 2),
            (5, 2, 2, 0, true, 3),
            (1, 2, 2, 0, true, 1),
            (4, 2, 2, 1, true, 3),
            (4, 3, 1, 1, true, 4),
        ] {
            let pool = Op::MaxPool(Pool { ceil, ..Pool::new(kernel, stride, padding) });
            assert_eq!(pool.output_shape(&[Shape::new(2, n, n)]), Ok(Shape::new(2, side, side)), "{pool:?} of {n}");
        }
        assert!(Op::MaxPool(Pool::new(2, 2, 0)).output_shape(&[Shape::new(2, 1, 1)]).is_err());
    }

    #[test]
    fn windows_of_any_sides_fit_as_in_pytorch() {
        // torch.nn.Conv2d(4, 6, (3, 5), (2, 1), dilation=(2, 1))(pad(zeros(1, 4, 9, 9), (left 1, right 0, top 2, bottom 0)))
        let conv = Conv2d { kernel: [3, 5], stride: [2, 1], dilation: [2, 1], ..Conv2d::same(4, 6, 1, 1) };
        let conv = Conv2d { padding: [2, 1, 0, 0], ..conv };
        assert_eq!(conv.output_shape(Shape::new(4, 9, 9)), Ok(Shape::new(6, 4, 6)));
        assert_eq!((conv.square(), conv.taps()), (None, 15));
        assert_eq!(Conv2d::same(4, 6, 3, 2).square(), Some(Square { kernel: 3, stride: 2, padding: 1 }));
        assert!(conv.output_shape(Shape::new(4, 2, 9)).is_err());
        // torch.nn.ConvTranspose2d(4, 6, 3, 2, 1, 1)(zeros(1, 4, 5, 7)).shape
        let transposed = ConvTranspose2d {
            in_channels: 4,
            out_channels: 6,
            kernel: [3; 2],
            stride: [2; 2],
            padding: [1; 2],
            output_padding: [1; 2],
            dilation: [1; 2],
            groups: 2,
            bias: true,
        };
        assert_eq!(transposed.output_shape(Shape::new(4, 5, 7)), Ok(Shape::new(6, 10, 14)));
        assert!(ConvTranspose2d { padding: [9; 2], ..transposed }.output_shape(Shape::new(4, 2, 2)).is_err());
    }

    #[test]
    fn only_what_the_loops_pool_is_square() {
        let pool = Pool::new(3, 2, 1);
        assert!(pool.square().is_some() && Pool { padding: [0, 1, 1, 1], ..pool }.square().is_none());
        assert!(Pool { count_padding: true, ..pool }.square().is_none());
        assert!(Pool { count_padding: true, ..Pool::new(2, 2, 0) }.square().is_some());
    }
}
