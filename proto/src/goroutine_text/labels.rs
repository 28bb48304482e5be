//! Profiler labels in a header: `k: v, "a b": "c\n"}`. Go 1.27 quotes only what needs it (`runtime/traceback.go`,
//! `tracebackStringNeedsQuoting`), 1.26 everything; escapes as in `runtime/print.go`, `printquoted`.

/// Parses up to the closing brace; gives back the labels and what follows it.
pub(super) fn parse(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = word(rest)?;
        let (value, after) = word(after.strip_prefix(": ")?)?;
        labels.push((key, value));
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None => return Some((labels, after.strip_prefix('}')?)),
        }
    }
}

/// A key or a value, quoted or bare. A bare one may be empty.
fn word(text: &str) -> Option<(String, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted),
        None => {
            let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_');
            let (bare, rest) = text.split_at(text.find(|c| !is_bare(c)).unwrap_or(text.len()));
            Some((bare.to_owned(), rest))
        }
    }
}

/// Reads up to the closing quote. Bytes that were no UTF-8 (`\xff`) become U+FFFD.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((word, chars.as_str())),
            '\\' => word.push(match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'x' => {
                    code_point(&mut chars, 2).filter(char::is_ascii).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                'u' => code_point(&mut chars, 4)?,
                'U' => code_point(&mut chars, 8)?,
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => word.push(c),
        }
    }
}

fn code_point(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let text = chars.as_str().get(..digits)?;
    *chars = chars.as_str().get(digits..)?.chars();
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[track_caller]
    fn check(text: &str, expected: Option<(&[(&str, &str)], &str)>) {
        let parsed = parse(text);
        let parsed = parsed
            .as_ref()
            .map(|(labels, rest)| (labels.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(), *rest));
        assert_eq!(parsed, expected.map(|(labels, rest)| (labels.to_vec(), rest)));
    }

    #[test]
    fn bare_and_quoted_words_are_read() {
        check("k: v}:", Some((&[("k", "v")], ":")));
        check("k: , l: a/b.c_d}:", Some((&[("k", ""), ("l", "a/b.c_d")], ":")));
        check(r#""a b": "c, d}", e: "f\"\\\n"}]:"#, Some((&[("a b", "c, d}"), ("e", "f\"\\\n")], "]:")));
        check(r#"k: "\u00e4\x01\U0001f600"}"#, Some((&[("k", "\u{e4}\u{1}\u{1f600}")], "")));
    }

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters() {
        check(r#"k: "a\xffb"}"#, Some((&[("k", "a\u{fffd}b")], "")));
    }

    #[test]
    fn what_is_cut_or_malformed_is_refused() {
        for text in
            ["", "k", "k:", "k: v", "k: \"v", "k: v, }", "k: \"\\q\"}", "k: \"\\u12\"}", "k: \"\\ud800\"}"]
        {
            check(text, None);
        }
    }
}
