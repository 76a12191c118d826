//! The values of an Arrow array of any numeric or string type, as the one type that the rest of the program computes with.

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef};
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::datatypes::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

/// Whether [`numbers`] reads arrays of this type.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() && !matches!(data_type, DataType::Decimal256(..))
}

/// Whether [`strings`] reads arrays of this type.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The values of an array of numbers, rounded to the nearest float; nulls as `None`.
pub(crate) fn numbers(array: &dyn Array) -> Vec<Option<f64>> {
    match *array.data_type() {
        DataType::Float16 => primitive::<Float16Type, _>(array, f64::from),
        DataType::Float32 => primitive::<Float32Type, _>(array, f64::from),
        DataType::Float64 => primitive::<Float64Type, _>(array, |v| v),
        DataType::Decimal32(_, scale) => primitive::<Decimal32Type, _>(array, |v| f64::from(v) / ten_to(scale)),
        DataType::Decimal64(_, scale) => primitive::<Decimal64Type, _>(array, |v| v as f64 / ten_to(scale)),
        DataType::Decimal128(_, scale) => primitive::<Decimal128Type, _>(array, |v| v as f64 / ten_to(scale)),
        _ => integers(array).into_iter().map(|value| value.map(|v| v as f64)).collect(),
    }
}

/// The values of an array of integers; nulls as `None`, and so all values of any other array.
pub(crate) fn integers(array: &dyn Array) -> Vec<Option<i128>> {
    match array.data_type() {
        DataType::Int8 => primitive::<Int8Type, _>(array, i128::from),
        DataType::Int16 => primitive::<Int16Type, _>(array, i128::from),
        DataType::Int32 => primitive::<Int32Type, _>(array, i128::from),
        DataType::Int64 => primitive::<Int64Type, _>(array, i128::from),
        DataType::UInt8 => primitive::<UInt8Type, _>(array, i128::from),
        DataType::UInt16 => primitive::<UInt16Type, _>(array, i128::from),
        DataType::UInt32 => primitive::<UInt32Type, _>(array, i128::from),
        DataType::UInt64 => primitive::<UInt64Type, _>(array, i128::from),
        _ => vec![None; array.len()],
    }
}

/// The values of an array of strings; nulls as `None`, and so all values of any other array.
pub(crate) fn strings(array: &dyn Array) -> Vec<Option<String>> {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(owned).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(owned).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(owned).collect(),
        _ => vec![None; array.len()],
    }
}

/// The array with its values in place, if it stores them as keys into a dictionary; any other as it is.
pub(crate) fn without_dictionary(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => take(dictionary.values(), dictionary.keys(), None),
        None => Ok(array.clone()),
    }
}

fn primitive<T: ArrowPrimitiveType, V>(array: &dyn Array, convert: impl Fn(T::Native) -> V) -> Vec<Option<V>> {
    array.as_primitive::<T>().iter().map(|value| value.map(&convert)).collect()
}

fn ten_to(scale: i8) -> f64 {
    10f64.powi(scale.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Decimal128Array, DictionaryArray, Int8Array, Int16Array, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    };

    use super::*;

    #[test]
    fn every_width_of_integer() {
        let arrays: [(ArrayRef, i128); 5] = [
            (Arc::new(Int8Array::from(vec![Some(i8::MIN), None])), i8::MIN.into()),
            (Arc::new(Int16Array::from(vec![Some(i16::MIN), None])), i16::MIN.into()),
            (Arc::new(UInt8Array::from(vec![Some(u8::MAX), None])), u8::MAX.into()),
            (Arc::new(UInt16Array::from(vec![Some(u16::MAX), None])), u16::MAX.into()),
            (Arc::new(UInt32Array::from(vec![Some(u32::MAX), None])), u32::MAX.into()),
        ];
        for (array, first) in arrays {
            assert_eq!(integers(&array), [Some(first), None]);
            assert_eq!(numbers(&array), [Some(first as f64), None]);
        }
        assert_eq!(integers(&UInt64Array::from(vec![u64::MAX])), [Some(u64::MAX.into())]);
    }

    #[test]
    fn decimals_have_their_scale() {
        let array = Decimal128Array::from(vec![Some(-1234), None]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(numbers(&array), [Some(-12.34), None]);
        assert!(is_number(array.data_type()) && !is_number(&DataType::Decimal256(50, 2)));
    }

    #[test]
    fn a_dictionary_of_numbers_has_its_values_put_in_place() {
        let keys = UInt8Array::from(vec![Some(1), None, Some(0)]);
        let dictionary = DictionaryArray::new(keys, Arc::new(Int16Array::from(vec![Some(5), None])));
        let array = without_dictionary(&(Arc::new(dictionary) as ArrayRef)).unwrap();
        assert_eq!(integers(&array), [None, None, Some(5)]);
    }
}
