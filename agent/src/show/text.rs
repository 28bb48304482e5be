//! Text from outside made harmless and short. Function names, labels and error texts are whatever the
//! watched service says they are: none of it may move the cursor, reorder a line, hide itself or flood it.
//!
//! Only tables and messages pass through here; JSON stays exact.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cells a text from outside may take in any table: more than the longest readable Go name.
pub(super) const TEXT_CELLS_MAX: usize = 240;

/// Stands for what was taken out: that something was there is worth seeing.
const REPLACED: char = '\u{fffd}';

/// `text` on one line, without control, formatting, bidirectional or invisible characters, at most
/// [`TEXT_CELLS_MAX`] wide.
pub(super) fn harmless(text: &str) -> String {
    let mut out = String::new();
    let mut cells: usize = 0;
    let mut combining = false;
    for c in text.chars() {
        if cells >= TEXT_CELLS_MAX * 2 {
            break; // `fit` below keeps both ends; beyond twice the room nobody can tell
        }
        let width = c.width().unwrap_or(0);
        if is_hidden(c) || (width == 0 && (combining || out.is_empty())) {
            if !out.ends_with(REPLACED) {
                out.push(REPLACED);
                cells += 1;
            }
            continue;
        }
        combining = width == 0;
        cells += width;
        out.push(c);
    }
    fit(&out, TEXT_CELLS_MAX)
}

/// Characters that act instead of showing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' // blank letters
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e000}'..='\u{f8ff}' // private use: the font decides
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// `text` in at most `cells` cells; what is too long loses its middle, and keeps more of its end, where Go
/// names differ.
pub(super) fn fit(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let room = cells.saturating_sub(1);
    let head_room = room * 2 / 5;
    let mut used = 0;
    let head: String = text.chars().take_while(|&c| fits(c, &mut used, head_room)).collect();
    used = 0;
    let tail_room = room - head.width();
    let tail: Vec<char> = text.chars().rev().take_while(|&c| fits(c, &mut used, tail_room)).collect();
    head + "…" + &tail.iter().rev().collect::<String>()
}

fn fits(c: char, used: &mut usize, room: usize) -> bool {
    *used += c.width().unwrap_or(0);
    *used <= room
}

/// `text` broken at spaces into lines of at most `cells` cells; a longer word stands alone.
pub(super) fn wrap(text: &str, cells: usize) -> Vec<String> {
    fill(text.split_whitespace(), cells)
}

/// Like [`wrap`], and a word longer than a line is cut into lines: nothing is lost.
pub(super) fn wrap_hard(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2); // the widest character takes two
    wrap(text, cells).iter().flat_map(|line| cut(line, cells)).collect()
}

fn cut(line: &str, cells: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut used = 0;
    for c in line.chars() {
        let width = c.width().unwrap_or(0);
        if used + width > cells {
            parts.push(String::new());
            used = 0;
        }
        used += width;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// `facts` with commas between them, broken between facts; a fact longer than a line is broken inside.
pub(super) fn wrap_facts(facts: &[String], cells: usize) -> Vec<String> {
    let last = facts.len().saturating_sub(1);
    let with_commas: Vec<String> =
        facts.iter().enumerate().map(|(i, f)| if i < last { format!("{f},") } else { f.clone() }).collect();
    let pieces = with_commas.iter().flat_map(|fact| {
        let whole = fact.width() <= cells;
        if whole { vec![fact.as_str()] } else { fact.split_whitespace().collect() }
    });
    fill(pieces, cells)
}

fn fill<'a>(pieces: impl Iterator<Item = &'a str>, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + piece.width() <= cells => {
                line.push(' ');
                line.push_str(piece);
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{TEXT_CELLS_MAX, fit, harmless, wrap, wrap_facts, wrap_hard};
    use unicode_width::UnicodeWidthStr;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(harmless(text), expected, "{text:?}");
    }

    #[test]
    fn nothing_from_outside_acts_on_the_terminal() {
        check("main.(*Pool).run", "main.(*Pool).run");
        check("\x1b[2J\x1b[31mmain.evil", "�[2J�[31mmain.evil");
        check("a\u{9b}31mb", "a�31mb");
        check("line\r\nLINGER OK - all well", "line�LINGER OK - all well");
        check("user\u{202e}gpj.exe", "user�gpj.exe");
        check("a\u{2066}b\u{2069}\u{200f}\u{61c}c", "a�b�c");
        check("pay\u{200b}pal", "pay�pal");
        check("fake\u{2063}colour\u{2064}", "fake�colour�");
        check("tag\u{e0041}\u{e007f}", "tag�");
        check("blank\u{3164}letter", "blank�letter");
        check("tab\tbell\x07", "tab�bell�");
        check("été, 日本, naïve", "été, 日本, naïve");
        check("e\u{301}", "e\u{301}");
        check("z\u{301}\u{302}\u{303}\u{304}x", "z\u{301}�x");
        check("\u{301}x", "�x");
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_goes_out_on_one_line_and_visible(text in "\\PC*|(.|\n|\\p{Cf}|\\p{Mn}|\x1b){0,400}") {
            let out = harmless(&text);
            proptest::prop_assert!(out.width() <= TEXT_CELLS_MAX);
            proptest::prop_assert!(!out.chars().any(|c| c.is_control() || super::is_hidden(c)));
            proptest::prop_assert_eq!(harmless(&out), out);
        }

        #[test]
        fn wrapping_keeps_every_letter_and_the_width(text in "[a-z日 ]{0,80}", cells in 2_usize..20) {
            let lines = wrap_hard(&text, cells);
            proptest::prop_assert!(lines.iter().all(|line| line.width() <= cells));
            proptest::prop_assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }

    #[test]
    fn a_flood_is_cut_and_keeps_both_ends() {
        let cut = harmless(&format!("main.{}.run", "x".repeat(1_000)));
        assert_eq!(cut.width(), TEXT_CELLS_MAX);
        assert!(cut.starts_with("main.xxx") && cut.contains('…'));
        let cut = fit("github.com/acme/shop.(*Server).handle", 20);
        assert_eq!((cut.as_str(), cut.width()), ("github.…rver).handle", 20));
        assert_eq!(fit("日本日本日本", 5), "…日本");
        assert_eq!(fit("abc", 0), "…");
    }

    #[test]
    fn wrapping_breaks_at_spaces_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensibilities of it", 5), ["incomprehensibilities", "of it"]);
        assert!(wrap("  ", 5).is_empty());
        assert_eq!(wrap_hard("a incomprehensible", 10), ["a", "incomprehe", "nsible"]);
        assert_eq!(wrap_hard("日本日", 4), ["日本", "日"]);
        let facts = ["one two".to_owned(), "three".to_owned(), "four five six".to_owned()];
        assert_eq!(wrap_facts(&facts, 14), ["one two,", "three,", "four five six"]);
        assert_eq!(wrap_facts(&facts, 9), ["one two,", "three,", "four five", "six"]);
    }
}
