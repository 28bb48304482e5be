//! The nearest known word to one that is not known: what a typing error was meant to be.

/// The candidate nearest to `word`, where one is near enough to be meant: at most a third of its letters
/// changed, swapped, added or left out.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let changes_max = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(changes, _)| changes <= changes_max)
        .min_by_key(|&(changes, _)| changes)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[track_caller]
    fn check(word: &str, expected: Option<&str>) {
        assert_eq!(nearest(word, ["every", "timeout", "window", "path", "enabled"]), expected, "{word}");
    }

    #[test]
    fn a_slip_of_the_finger_is_near_and_another_word_is_not() {
        check("evry", Some("every"));
        check("evrey", Some("every"));
        check("time_out", Some("timeout"));
        check("windows", Some("window"));
        check("interval", None);
        check("x", None);
        check("", None);
    }
}
