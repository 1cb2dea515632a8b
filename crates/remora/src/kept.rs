//! Owns how a user names what was kept of a remote file: by its path, and the time at which it was replaced or removed.
//! Never asks what is kept.

use remora_agent::Trashed;
use remora_mirror::Restore;
use remora_model::{Mtime, Unicode};

use crate::fault::{Fault, Kind};
use crate::folders::{Folder, FolderName};

/// A file as it was before it was replaced or removed over there.
#[derive(Debug)]
pub struct Kept {
    /// Whose it is.
    pub folder: FolderName,
    /// What is kept.
    pub entry: Trashed,
}

impl Kept {
    /// What the user calls it.
    #[must_use]
    pub fn name(&self) -> String {
        self.folder.file(&self.entry.path)
    }
}

/// What is to come back.
#[derive(Debug)]
pub struct Wanted {
    /// As it is listed.
    name: String,
    /// Without a time, what was kept last.
    at: Option<Mtime>,
    /// Whether a file that is here may go.
    replace: bool,
}

/// What is to come back: without a time, what was kept last; `replace` says whether a file that is here may go.
pub(crate) fn wanted(name: &str, at: Option<&str>, replace: bool) -> Result<Wanted, Fault> {
    let at = at.map(|text| time_of(text).ok_or_else(|| wrong("That is no time"))).transpose()?;
    Ok(Wanted { name: name.to_owned(), at, replace })
}

impl Wanted {
    /// Whose it is, and what it is there. The folder of the longest name, because one may be in another.
    pub(crate) fn of<'a>(&self, folders: &'a [Folder], unicode: Unicode) -> Result<(&'a Folder, Restore), Fault> {
        let found = folders.iter().filter_map(|folder| Some((folder, folder.name.path_of(&self.name)?)));
        let (folder, path) = found
            .min_by_key(|(_, path)| path.as_bytes().len())
            .ok_or_else(|| wrong("That is no path in the mirrored folder"))?;
        Ok((folder, Restore { path, at: self.at, replace: self.replace, unicode }))
    }
}

fn wrong(what: &str) -> Fault {
    Fault::new(Kind::BadRequest, format!("{what}."), "Give path and time as `remora trash list` prints them.")
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 24 * 60 * 60;

/// Such as `2026-11-22T17:05:09.000000001Z`: UTC, and exact, so that it names what it was printed for. The days are
/// turned into a date as in <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
pub(crate) fn time_text(time: Mtime) -> String {
    let (seconds, nanos) = (time.0.div_euclid(SECOND), time.0.rem_euclid(SECOND));
    let (days, rest) = (seconds.div_euclid(DAY) + 719_468, seconds.rem_euclid(DAY));
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * of_era + of_era / 4 - of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = of_era + era * 400 + i64::from(month <= 2);
    let (date, hour, minute) = (of_year - (153 * shifted + 2) / 5 + 1, rest / 3600, rest / 60 % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{:02}.{nanos:09}Z", rest % 60)
}

/// The reverse of [`time_text`].
fn time_of(text: &str) -> Option<Mtime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * DAY + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let time = Mtime(seconds * SECOND + number(20, 29)?);
    (time_text(time) == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_printed() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400 * SECOND, "2000-02-29T00:00:00.000000000Z"),
            (1_795_369_612_584_352_512, "2026-11-22T17:46:52.584352512Z"),
        ] {
            assert_eq!(time_text(Mtime(nanos)), text);
            assert_eq!(time_of(text), Some(Mtime(nanos)));
        }
        for wrong in ["", "yesterday", "2026-11-22", "2026-02-30T00:00:00.000000000Z", "2026-11-22T17:46:52.584352512+"]
        {
            assert_eq!(time_of(wrong), None, "{wrong}");
        }
    }
}
