//! MANIFEST: which partitions belong to the store. Replaced whole by an atomic rename, so that a partition appears
//! and disappears in one step; folders it does not name are leftovers of an interrupted step and are removed at
//! start.
//!
//! Text, a line each, for people too:
//! ```text
//! linger-store 1
//! raw 2026-11-23 1 0
//! raw 2026-11-24 0 0
//! quarantined raw/2026-11-20.quarantine 2026-11-20
//! crc32 89abcdef
//! ```
//! The numbers after a day are the generations of its folder and of its content: a partition that is rewritten gets a
//! new folder, one that follows a damaged one of the same day a new folder and new content. What meta knows of a day
//! holds for one content. A version above [`VERSION`] is refused and nothing is touched.

use crate::Error;
use crate::day::Day;
use crate::folder;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Newest version this build reads and the one it writes.
const VERSION: u32 = 1;

pub(crate) const NAME: &str = "MANIFEST";
/// The file a new manifest is written to before it takes the old one's place.
pub(crate) const NEW_NAME: &str = "MANIFEST.new";

/// Largest manifest read: 14 days need less than a kilobyte; two years of partitions stay far below this.
const BYTES_MAX: u64 = 1024 * 1024;

/// A day's partition: which one, and which writing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition {
    pub(crate) day: Day,
    /// Of its folder.
    pub(crate) folder: u32,
    /// Of what is in it: the folder it was first written to.
    pub(crate) content: u32,
}

impl Partition {
    /// Its folder below the store's: `raw/2026-11-24`, or `raw/2026-11-24.1` for a later generation.
    pub(crate) fn part(self) -> String {
        match self.folder {
            0 => format!("raw/{}", self.day),
            folder => format!("raw/{}.{folder}", self.day),
        }
    }

    /// Whether it was rewritten after its day was over.
    pub(crate) fn is_rewritten(self) -> bool {
        self.folder != self.content
    }
}

/// Day and generation of a folder in `raw/` by its name.
pub(crate) fn parse_folder(name: &str) -> Option<(Day, u32)> {
    let (day, folder) = match name.split_once('.') {
        None => (name, 0),
        Some((day, folder)) => (day, folder.parse().ok().filter(|&folder| folder > 0)?),
    };
    Some((Day::parse(day)?, folder))
}

/// A damaged part, kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quarantined {
    /// Its folder below the store's.
    pub(crate) part: String,
    /// The day it goes with when retention takes that day.
    pub(crate) day: Day,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The partition of each day.
    pub(crate) raw: BTreeMap<Day, Partition>,
    pub(crate) quarantined: Vec<Quarantined>,
}

impl Manifest {
    pub(crate) fn partition(&self, day: Day) -> Option<Partition> {
        self.raw.get(&day).copied()
    }

    /// A generation of `day` that no folder of this store has had.
    pub(crate) fn next_generation(&self, day: Day) -> u32 {
        let after = |p: &Quarantined| {
            let name = p.part.strip_prefix("raw/")?.strip_suffix(folder::QUARANTINE)?;
            parse_folder(name).filter(|(of, _)| *of == day).map(|(_, folder)| folder + 1)
        };
        let current = self.raw.get(&day).map(|partition| partition.folder + 1);
        self.quarantined.iter().filter_map(after).chain(current).max().unwrap_or(0)
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let mut text = format!("linger-store {VERSION}\n");
        for Partition { day, folder, content } in self.raw.values() {
            writeln!(text, "raw {day} {folder} {content}").expect("writing to a String does not fail");
        }
        for Quarantined { part, day } in &self.quarantined {
            writeln!(text, "quarantined {part} {day}").expect("writing to a String does not fail");
        }
        let crc = crc32fast::hash(text.as_bytes());
        writeln!(text, "crc32 {crc:08x}").expect("writing to a String does not fail");
        folder::replace_file(dir, NAME, NEW_NAME, &text)
    }

    pub(crate) fn read(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let mut text = String::new();
        let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
        file.take(BYTES_MAX).read_to_string(&mut text).map_err(|e| Error::io(&path, e))?;
        Self::parse(&text).map_err(|refused| match refused {
            Refused::Line(line, why) => Error::Manifest { path, line, why },
            Refused::Version(found) => Error::NewerVersion { dir: dir.to_owned(), found, known: VERSION },
        })
    }

    fn parse(text: &str) -> Result<Self, Refused> {
        let first = text.lines().next().unwrap_or("");
        let version = first.strip_prefix("linger-store ").and_then(|version| version.parse::<u32>().ok());
        match version {
            None => return Err(Refused::Line(1, "expected `linger-store` and a version")),
            // Before the checksum: a later version may have moved it.
            Some(version) if version > VERSION => return Err(Refused::Version(version)),
            Some(_) => {}
        }
        let last = text.lines().count();
        let Some((body, crc)) = text.strip_suffix('\n').and_then(|t| t.rsplit_once("crc32 ")) else {
            return Err(Refused::Line(last, "expected a checksum"));
        };
        if u32::from_str_radix(crc, 16).ok() != Some(crc32fast::hash(body.as_bytes())) {
            return Err(Refused::Line(last, "the checksum does not match"));
        }
        let mut manifest = Self::default();
        for (i, line) in body.lines().enumerate().skip(1) {
            manifest.parse_line(line).ok_or(Refused::Line(i + 1, "not a line of this version"))?;
        }
        Ok(manifest)
    }

    fn parse_line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        match (words.next()?, words.next()?, words.next()?, words.next()) {
            ("raw", day, folder, Some(content)) if words.next().is_none() => {
                let day = Day::parse(day)?;
                let partition =
                    Partition { day, folder: folder.parse().ok()?, content: content.parse().ok()? };
                self.raw.insert(day, partition);
            }
            ("quarantined", part, day, None) if is_quarantine(part) => {
                self.quarantined.push(Quarantined { part: part.to_owned(), day: Day::parse(day)? });
            }
            _ => return None,
        }
        Some(())
    }
}

/// Whether a name is one that [`folder::Folder::quarantine`] gives: such folders are removed by name later.
fn is_quarantine(part: &str) -> bool {
    (part.starts_with("raw/") || part.starts_with("wal."))
        && part.ends_with(folder::QUARANTINE)
        && !part.contains("..")
}

/// Why a manifest is not read.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Line(usize, &'static str),
    Version(u32),
}

#[cfg(test)]
mod tests {
    use super::{Manifest, NAME, Partition, Quarantined, Refused, parse_folder};
    use crate::Error;
    use crate::day::Day;

    fn partition(day: u32, folder: u32) -> Partition {
        Partition { day: Day(day), folder, content: 0 }
    }

    fn example() -> Manifest {
        Manifest {
            raw: [partition(20_780, 1), partition(20_781, 2)].map(|p| (p.day, p)).into(),
            quarantined: vec![Quarantined { part: "raw/2026-11-24.1.quarantine".into(), day: Day(20_781) }],
        }
    }

    #[test]
    fn a_manifest_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), example());
        Manifest::default().write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), Manifest::default());
    }

    #[test]
    fn every_cut_and_changed_byte_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        example().write(dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join(NAME)).unwrap();
        for cut in 0..text.len() {
            assert!(Manifest::parse(&text[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(Manifest::parse(&changed).is_err(), "changed at {at}");
            }
        }
    }

    #[test]
    fn a_newer_version_is_named_and_nothing_else_is_read() {
        assert_eq!(Manifest::parse("linger-store 2\nwhatever\n"), Err(Refused::Version(2)));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(NAME), "linger-store 7\n").unwrap();
        let error = Manifest::read(dir.path()).unwrap_err();
        assert!(matches!(error, Error::NewerVersion { found: 7, known: 1, .. }), "{error}");
    }

    #[test]
    fn a_new_generation_never_meets_an_old_folder() {
        assert_eq!(example().next_generation(Day(20_781)), 3);
        assert_eq!(example().next_generation(Day(20_780)), 2);
        assert_eq!(example().next_generation(Day(1)), 0);
        let mut after = example();
        after.raw.clear();
        assert_eq!(after.next_generation(Day(20_781)), 2);
    }

    #[test]
    fn folders_are_named_by_day_and_generation() {
        for (name, folder) in [("2026-11-24", 0), ("2026-11-24.3", 3)] {
            assert_eq!(parse_folder(name), Some((Day(20_781), folder)));
            assert_eq!(partition(20_781, folder).part(), format!("raw/{name}"));
        }
        assert_eq!(parse_folder("2026-11-24.0"), None);
        assert_eq!(parse_folder("2026-11-24.quarantine"), None);
    }
}
