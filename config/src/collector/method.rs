//! With which method a collector asks. linger reads and changes nothing; POST is for endpoints of a service's own that
//! take nothing else, such as one that hands out its flight recorder.

use crate::key::Json;
use crate::read::{FromText, NotThis};
use serde::Serialize;

/// An HTTP method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST, without a body.
    Post,
}

const WORDS: [(&str, Method); 2] = [("GET", Method::Get), ("POST", Method::Post)];

impl FromText for Method {
    const EXPECTED: &'static str = "`GET` or `POST`";
    const JSON: Json = Json::OneOf(&["GET", "POST"]);
    fn from_text(text: &str) -> Result<Self, NotThis> {
        let meant = WORDS.iter().find(|(word, _)| *word == text);
        meant.map(|(_, method)| *method).ok_or_else(|| {
            let close = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            NotThis::new(Self::EXPECTED, close.map(|(word, _)| format!("write `{word}`")).unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, WORDS};
    use crate::key::Json;
    use crate::read::FromText;

    #[test]
    fn the_words_are_those_of_the_schema_and_of_what_is_shown() {
        let Json::OneOf(words) = Method::JSON else { panic!("not words") };
        assert_eq!(words, WORDS.map(|(word, _)| word));
        for (word, method) in WORDS {
            assert_eq!(Method::from_text(word), Ok(method));
            assert_eq!(serde_json::to_value(method).unwrap(), word);
        }
        assert_eq!(Method::from_text("post").unwrap_err().hint, "write `POST`");
        assert!(Method::from_text("DELETE").is_err());
    }
}
