//! Rust source without its comments and without what its strings say, so that rules read code and not prose.

/// The code of `text`: comments, and what is inside strings and characters, become spaces; lines stay lines.
pub(crate) fn code_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| raw_string(rest)).or_else(|| quoted(rest));
        let length = skipped.unwrap_or(c.len_utf8());
        let (piece, after) = rest.split_at(length);
        match skipped {
            Some(_) => out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' })),
            None => out.push_str(piece),
        }
        rest = after;
    }
    out
}

/// Length of the comment `text` starts with. Block comments nest.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// Length of the raw string `text` starts with, from its `r`.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let (marks, body) = after.split_at(hashes);
    let body = body.strip_prefix('"')?;
    let start = text.len() - body.len();
    let end = format!("\"{marks}");
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// Length of the string or character `text` starts with. A single quote may also begin a lifetime.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    let mut body = text.char_indices().skip(1);
    if quote == '\'' {
        let second = text.chars().nth(1)?;
        let is_character = second == '\\' || text.chars().nth(2) == Some('\'');
        if !is_character {
            return None;
        }
    }
    body.find(|&(_, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .map_or(Some(text.len()), |(at, c)| Some(at + c.len_utf8()))
}

#[track_caller]
#[cfg(test)]
fn check(text: &str, expected: &str) {
    assert_eq!(code_of(text), expected);
}

#[test]
fn prose_goes_and_code_stays() {
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ d\n */ e", "a               \n    e");
    check("f(\"todo!() \\\" // x\") g", "f(                 ) g");
    check("r#\"a \" b\"# c", "           c");
    check("x: &'a str, y: 'z', z: '\\'', w: '\"'", "x: &'a str, y:    , z:     , w:    ");
    check("for_r\"x\"", "for_    ");
    check("\"open", "     ");
    check("ö \"ö\" ö", "ö     ö");
}
