//! Values that are known before the network runs.

use bytes::Bytes;

use super::Reason;
use super::proto::*;

/// The most values of a constant that is computed with; parameters of layers may have any number.
const COMPUTED: usize = 1 << 24;

/// A tensor of the file, or what follows from tensors of the file.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    /// Name of the tensor in the file; empty for what was computed.
    pub name: String,
    /// Sizes.
    pub dims: Vec<usize>,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    /// Whole numbers, row-major; [`BATCH`] stands for the number of images.
    Whole(Vec<i64>),
    /// Real numbers, row-major.
    Real(Vec<f32>),
    /// Little-endian real numbers of a type of the format, row-major.
    Raw(i32, Bytes),
}

/// The number of images among whole numbers: it is not known, and nothing may be computed with it.
pub(super) const BATCH: i64 = i64::MIN + 0x0ba7c4;

impl Constant {
    /// Whole numbers.
    pub fn whole(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Constant { name: String::new(), dims, data: Data::Whole(values) }
    }

    /// Real numbers.
    pub fn real(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Constant { name: String::new(), dims, data: Data::Real(values) }
    }

    /// The same under a name.
    pub fn called(self, name: &str) -> Self {
        Constant { name: name.into(), ..self }
    }

    /// A tensor of the file, checked: as many values as its sizes say.
    pub fn of(tensor: &TensorProto) -> Result<Self, Reason> {
        let name = tensor.name.clone().unwrap_or_default();
        let sizes: Option<Vec<usize>> = tensor.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
        let dims = sizes.ok_or_else(|| format!("tensor `{name}` has a negative size"))?;
        let count = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let count = count.ok_or_else(|| format!("tensor `{name}` is larger than any file"))?;
        let kind = tensor.data_type.unwrap_or(0);
        let width = match kind {
            FLOAT | INT32 => 4,
            INT64 | DOUBLE => 8,
            FLOAT16 | BFLOAT16 => 2,
            BOOL | UINT8 => 1,
            _ => return Err(format!("tensor `{name}` has values of type {kind}, which are not read")),
        };
        let raw = match &tensor.raw_data {
            Some(raw) => raw.clone(),
            None => listed(tensor, kind),
        };
        if count.checked_mul(width) != Some(raw.len()) {
            let has = raw.len() / width;
            return Err(format!("tensor `{name}` has {has} values where its sizes {dims:?} say {count}"));
        }
        let data = match kind {
            FLOAT | FLOAT16 | BFLOAT16 | DOUBLE => Data::Raw(kind, raw),
            _ if count > COMPUTED => return Err(format!("tensor `{name}` has {count} whole numbers")),
            INT64 => Data::Whole(raw.chunks_exact(8).map(|b| i64::from_le_bytes(array(b))).collect()),
            INT32 => Data::Whole(raw.chunks_exact(4).map(|b| i64::from(i32::from_le_bytes(array(b)))).collect()),
            _ => Data::Whole(raw.iter().map(|&b| i64::from(b)).collect()),
        };
        Ok(Constant { name, dims, data })
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether the values are whole numbers.
    pub fn is_whole(&self) -> bool {
        matches!(self.data, Data::Whole(_))
    }

    /// The same values under other sizes of the same product.
    pub fn reshaped(&self, dims: Vec<usize>) -> Self {
        Constant { dims, ..self.clone() }
    }

    /// The whole numbers.
    pub fn numbers(&self) -> Result<&[i64], Reason> {
        match &self.data {
            Data::Whole(values) => Ok(values),
            _ => Err(format!("`{}` is not made of whole numbers", self.name)),
        }
    }

    /// All values as real numbers; of parameters of any size.
    pub fn floats(&self) -> Result<Vec<f32>, Reason> {
        match &self.data {
            Data::Whole(values) if values.contains(&BATCH) => Err("it computes with the number of images".into()),
            Data::Whole(values) => Ok(values.iter().map(|&v| v as f32).collect()),
            Data::Real(values) => Ok(values.clone()),
            Data::Raw(kind, raw) => Ok(decoded(*kind, raw)),
        }
    }

    /// All values of a constant that is computed with.
    pub fn computed(&self) -> Result<Vec<f32>, Reason> {
        match self.len() {
            n if n > COMPUTED => Err(format!("it computes with the {n} values of `{}`", self.name)),
            _ => self.floats(),
        }
    }

    /// The value, if there is one only.
    pub fn scalar(&self) -> Option<f32> {
        match self.len() {
            1 => self.floats().ok()?.first().copied(),
            _ => None,
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

/// The values of a tensor that lists them one by one, as raw bytes.
fn listed(tensor: &TensorProto, kind: i32) -> Bytes {
    let small = || tensor.int32_data.iter();
    match kind {
        FLOAT => tensor.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DOUBLE => tensor.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        INT64 => tensor.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        INT32 => small().flat_map(|v| v.to_le_bytes()).collect(),
        FLOAT16 | BFLOAT16 => small().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
        _ => small().map(|&v| v as u8).collect(),
    }
}

fn decoded(kind: i32, raw: &Bytes) -> Vec<f32> {
    match kind {
        FLOAT => raw.chunks_exact(4).map(|b| f32::from_le_bytes(array(b))).collect(),
        DOUBLE => raw.chunks_exact(8).map(|b| f64::from_le_bytes(array(b)) as f32).collect(),
        BFLOAT16 => {
            raw.chunks_exact(2).map(|b| f32::from_bits(u32::from(u16::from_le_bytes(array(b))) << 16)).collect()
        }
        _ => raw.chunks_exact(2).map(|b| half(u16::from_le_bytes(array(b)))).collect(),
    }
}

/// A 16-bit number with 5 bits of exponent.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1.0 + fraction / 1024.0) * 2f32.powi(e - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_of_all_types_are_read() {
        let tensor = |data_type: i32, dims: &[i64], raw: Vec<u8>| TensorProto {
            dims: dims.to_vec(),
            data_type: Some(data_type),
            raw_data: Some(raw.into()),
            ..Default::default()
        };
        let floats = |t: &TensorProto| Constant::of(t).unwrap().floats().unwrap();
        assert_eq!(floats(&tensor(FLOAT16, &[3], vec![0, 0x3c, 0, 0xc0, 1, 0])), [1.0, -2.0, 2f32.powi(-24)]);
        assert_eq!(floats(&tensor(BFLOAT16, &[1], vec![0x80, 0x3f])), [1.0]);
        assert_eq!(floats(&tensor(DOUBLE, &[1], 0.5f64.to_le_bytes().to_vec())), [0.5]);
        let listed = TensorProto { raw_data: None, float_data: vec![1.5, 2.0], ..tensor(FLOAT, &[2, 1], vec![]) };
        assert_eq!(floats(&listed), [1.5, 2.0]);
        assert_eq!(Constant::of(&tensor(INT32, &[1], vec![255; 4])).unwrap().numbers().unwrap(), [-1]);
        for (kind, dims, bytes) in [
            (FLOAT, vec![-1], 4),
            (FLOAT, vec![i64::MAX, i64::MAX], 4),
            (FLOAT, vec![2], 4),
            (FLOAT, vec![i64::MAX / 4], 4),
            (8, vec![1], 4),
        ] {
            assert!(Constant::of(&tensor(kind, &dims, vec![0; bytes])).is_err(), "{kind} {dims:?}");
        }
    }
}
