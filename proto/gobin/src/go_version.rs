//! The version of Go that built a binary. It knows which versions this crate can read.

use std::fmt;

/// A Go version, as `runtime.Version` and the build info tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoVersion {
    text: String,
    minor: u16,
}

impl GoVersion {
    /// The oldest release read, as people name it: older ones lay out the function table otherwise.
    pub const OLDEST: &str = "go1.21";
    /// The newest release whose layouts are known.
    pub const NEWEST: &str = "go1.27";
    const MINOR_OLDEST: u16 = 21;
    const MINOR_NEWEST: u16 = 27;

    /// Reads `go1.27.3`, `go1.26.8 X:nocoverageredesign`, `go1.27rc1`, `go1.24.4-custom` or
    /// `devel go1.28-1a2b3c Tue Jan 1 …`; `None` where no release is named.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let release = text.split_ascii_whitespace().find_map(|word| word.strip_prefix("go1."))?;
        let digits = release.bytes().take_while(u8::is_ascii_digit).count();
        let minor = release.get(..digits)?.parse().ok()?;
        Some(Self { text: text.to_owned(), minor })
    }

    /// As it stands in the binary, `go1.27.3`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The release: 27 for any Go 1.27.
    #[must_use]
    pub fn minor(&self) -> u16 {
        self.minor
    }

    /// Whether this crate knows its layouts.
    #[must_use]
    pub fn is_known(&self) -> bool {
        (Self::MINOR_OLDEST..=Self::MINOR_NEWEST).contains(&self.minor)
    }

    /// Older than all that is known; one that is neither this nor [`Self::is_known`] is newer.
    #[must_use]
    pub fn is_too_old(&self) -> bool {
        self.minor < Self::MINOR_OLDEST
    }
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::GoVersion;

    #[track_caller]
    fn check(text: &str, minor: Option<u16>) {
        assert_eq!(GoVersion::parse(text).map(|v| v.minor()), minor, "{text}");
    }

    #[test]
    fn every_spelling_of_a_version_names_its_release() {
        check("go1.27.3", Some(27));
        check("go1.21", Some(21));
        check("go1.27rc1", Some(27));
        check("go1.26.8 X:nodwarf5,greenteagc", Some(26));
        check("go1.22.3-fips", Some(22));
        check("devel go1.28-1a2b3c4 Tue Jan 5 10:00:00 2027 +0000", Some(28));
        check("go1.9", Some(9));
        check("devel +7fc9a8b Tue Jan 5", None);
        check("go2.1", None);
        check("go1.", None);
        check("go1.99999999999", None);
        check("", None);
    }

    #[test]
    fn only_releases_with_known_layouts_are_known() {
        let known = |text| GoVersion::parse(text).map(|v| (v.is_known(), v.is_too_old()));
        assert_eq!(known("go1.20.14"), Some((false, true)));
        assert_eq!(known(GoVersion::OLDEST), Some((true, false)));
        assert_eq!(known(GoVersion::NEWEST), Some((true, false)));
        assert_eq!(known("go1.28"), Some((false, false)));
    }
}
