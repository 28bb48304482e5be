//! The limit that all rows of a trace have: the largest are kept, the rest is one row of its own.

/// The largest `most` of these, the largest first, and the others; equal ones in the order of their names.
pub(super) fn split<R>(
    mut rows: Vec<R>,
    most: usize,
    size: impl Fn(&R) -> u64,
    name: impl for<'r> Fn(&'r R) -> &'r str,
) -> (Vec<R>, Vec<R>) {
    rows.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| name(a).cmp(name(b))));
    let rest = rows.split_off(rows.len().min(most));
    (rows, rest)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn the_largest_are_kept_and_ties_have_an_order() {
        let rows = vec![("b", 1), ("a", 1), ("d", 3), ("c", 2)];
        let (kept, rest) = split(rows, 3, |row| row.1, |row| row.0);
        assert_eq!((kept, rest), (vec![("d", 3), ("c", 2), ("a", 1)], vec![("b", 1)]));
        assert_eq!(split(vec![("a", 1)], 3, |row| row.1, |row| row.0), (vec![("a", 1)], vec![]));
    }
}
