//! Shares: `0.5%` or `0.005`.

use crate::key::Json;
use crate::read::{NotThis, written_as_text};
use std::fmt;
use std::str::FromStr;

/// A share between 0 and 1, read as `0.5%` or `0.005` and shown in per cent.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

const EXPECTED: &str = "a share such as `0.5%` or `0.005`";

/// How it is written, roughly: what it takes in detail is told by reading it.
const FORM: Json = Json::FormOrNumber(r"^[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)? *%?$");

impl Ratio {
    /// `percent` hundredths; what lies outside 0 to 100 is moved to the nearer end.
    #[must_use]
    pub const fn from_percent(percent: f64) -> Self {
        Self(percent.clamp(0.0, 100.0) / 100.0)
    }

    /// As a number between 0 and 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Twelve digits hide what dividing by a hundred did to the last ones.
        let percent = format!("{:.12}", self.0 * 100.0);
        write!(f, "{}%", percent.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Ratio {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| NotThis::new(EXPECTED, hint);
        let (number, scale) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let value = number.parse::<f64>().map_err(|_| wrong(""))? / scale;
        match value {
            v if (0.0..=1.0).contains(&v) => Ok(Self(v)),
            v if v > 1.0 => Err(wrong("at most `100%`")),
            _ => Err(wrong("")),
        }
    }
}

written_as_text!(Ratio, EXPECTED, FORM);

#[cfg(test)]
mod tests {
    use super::Ratio;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text.parse::<Ratio>().map(|r| r.to_string()).map_err(|e| e.hint);
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_share_is_per_cent_or_a_fraction_of_one() {
        check("0.5%", Ok("0.5%"));
        check("0.005", Ok("0.5%"));
        check("0.07%", Ok("0.07%"));
        check("100 %", Ok("100%"));
        check("0", Ok("0%"));
        check("5", Err("at most `100%`"));
        check("-1%", Err(""));
        check("NaN", Err(""));
        check("inf%", Err("at most `100%`"));
        check("half", Err(""));
    }
}
