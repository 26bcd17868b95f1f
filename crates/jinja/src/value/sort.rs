//! A stable sort whose comparison may fail, as Python's does for values without order.

use super::Value;
use super::compare::compare_less;
use crate::error::Result;

/// The items in Python's order.
pub(crate) fn sorted(items: Vec<Value>) -> Result<Vec<Value>> {
    sort_by(items, &mut compare_less)
}

/// Merge sort that only asks "is this less than that", as Python does; needs no total order.
pub(crate) fn sort_by<T: Clone>(
    mut items: Vec<T>,
    less: &mut impl FnMut(&T, &T) -> Result<bool>,
) -> Result<Vec<T>> {
    let mut width = 1;
    while width < items.len() {
        let mut merged = Vec::with_capacity(items.len());
        for pair in items.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let (Some(first), Some(second)) = (left.first(), right.first()) {
                if less(second, first)? {
                    merged.push(second.clone());
                    right = &right[1..];
                } else {
                    merged.push(first.clone());
                    left = &left[1..];
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        items = merged;
        width *= 2;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorting_is_stable_and_can_fail() {
        let items: Vec<(i32, i32)> = (0..50).map(|i| (i % 5, i)).collect();
        let sorted = sort_by(items.clone(), &mut |a, b| Ok(a.0 < b.0)).unwrap();
        let mut expected = items;
        expected.sort_by_key(|item| item.0);
        assert_eq!(sorted, expected);
        let mixed = vec![Value::Int(1), Value::from("a")];
        assert!(super::sorted(mixed).is_err());
    }
}
