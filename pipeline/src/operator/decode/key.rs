//! Records whose key is not what their event says it is.
//!
//! The invariant: a key is compared with the field's own text, byte for byte; a missing key and a null field are no
//! match. What is told of a mismatch holds neither: both name a card.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;
use rules::value::Type;

/// Whether a field of this type can be a record's key: its text must be one and the same wherever it is written.
#[must_use]
pub(crate) fn can_be_key(ty: Type) -> bool {
    matches!(ty, Type::Text | Type::Int)
}

/// The rows whose key is another, ascending, and what is said of each.
pub(super) fn mismatches<'a>(
    column: &ArrayRef,
    field: &str,
    key_of: impl Fn(usize) -> Option<&'a [u8]>,
) -> Vec<(usize, String)> {
    let mut text = String::new();
    let mut found = Vec::new();
    for row in 0..column.len() {
        let Some(key) = key_of(row) else {
            found.push((row, format!("the record has no key; it should be {field}")));
            continue;
        };
        if !has_text(column, row, key, &mut text) {
            found.push((row, format!("the record's key is not the event's {field}")));
        }
    }
    found
}

/// Whether the value of a row is written like this; `text` is room to write it in.
fn has_text(column: &ArrayRef, row: usize, key: &[u8], text: &mut String) -> bool {
    if column.is_null(row) {
        return false;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return texts.value(row).as_bytes() == key;
    }
    let Some(numbers) = column.as_primitive_opt::<Int64Type>() else {
        return false;
    };
    text.clear();
    // Writing to a text cannot fail; if it did, the rest would not be equal.
    let _ = std::fmt::Write::write_fmt(text, format_args!("{}", numbers.value(row)));
    text.as_bytes() == key
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn rows(column: ArrayRef, keys: &[Option<&'static [u8]>]) -> Vec<usize> {
        let key_of = |row: usize| keys.get(row).copied().flatten();
        let found = mismatches(&column, "card", key_of);
        found.into_iter().map(|(row, _)| row).collect()
    }

    #[test]
    fn a_key_is_the_text_of_its_field_letter_for_letter() {
        let texts = StringArray::from(vec![
            Some("c1"),
            Some("c1"),
            Some("C1"),
            None,
            Some(""),
            Some("é"),
        ]);
        let keys: [Option<&[u8]>; 6] = [
            Some(b"c1"),
            Some(b"c1 "),
            Some(b"c1"),
            Some(b""),
            Some(b""),
            Some("é".as_bytes()),
        ];
        assert_eq!(rows(Arc::new(texts), &keys), [1, 2, 3]);
    }

    #[test]
    fn a_number_is_written_in_its_plainest_form() {
        let numbers = Int64Array::from(vec![Some(7), Some(7), Some(-7), Some(7), None]);
        let keys: [Option<&[u8]>; 5] = [Some(b"7"), Some(b"07"), Some(b"-7"), None, Some(b"0")];
        assert_eq!(rows(Arc::new(numbers), &keys), [1, 3, 4]);
    }

    #[test]
    fn what_is_told_of_a_mismatch_holds_neither_key_nor_value() {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["secret1", "secret2"]));
        let key_of = |row: usize| (row == 0).then_some(b"hidden".as_slice());
        assert_eq!(
            mismatches(&column, "card", key_of),
            [
                (0, "the record's key is not the event's card".to_owned()),
                (1, "the record has no key; it should be card".to_owned())
            ]
        );
    }
}
