//! Owns how a name that can be written in two ways of Unicode is written on the remote. Never asks a file system.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::path::RelPath;

/// `é` is one character (composed, NFC), or an `e` and an accent (decomposed, NFD). To Linux these are two names; macOS
/// takes them for one, and gives many out decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unicode {
    /// Composed if this machine takes both for one name, else as they are.
    #[default]
    Auto,
    /// Composed.
    Nfc,
    /// As they are here.
    Keep,
}

impl Unicode {
    /// Whether names are composed.
    #[must_use]
    pub fn composes(self) -> bool {
        match self {
            Self::Auto => cfg!(target_os = "macos"),
            Self::Nfc => true,
            Self::Keep => false,
        }
    }

    /// What a local path is called on the remote. Parts that are not Unicode stay as they are.
    #[must_use]
    pub fn there<'a>(self, path: &'a RelPath) -> Cow<'a, RelPath> {
        if !self.composes() || path.as_bytes().is_ascii() {
            return Cow::Borrowed(path);
        }
        let parts: Vec<Cow<'_, [u8]>> = path.parts().map(composed).collect();
        // Composing makes no slash and no dot.
        RelPath::new(parts.join(&b'/')).map_or(Cow::Borrowed(path), Cow::Owned)
    }
}

/// A name, composed.
#[must_use]
pub fn composed(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) if is_nfc_quick(text.chars()) != IsNormalized::Yes => {
            Cow::Owned(text.nfc().collect::<String>().into_bytes())
        }
        _ => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_composed_part_by_part_and_only_where_it_is_wanted() {
        for (unicode, given, expected) in [
            (Unicode::Nfc, "a/b.py", &b"a/b.py"[..]),
            (Unicode::Nfc, "cafe\u{301}/e\u{301}.py", "caf\u{e9}/\u{e9}.py".as_bytes()),
            (Unicode::Nfc, "caf\u{e9}", "caf\u{e9}".as_bytes()),
            (Unicode::Nfc, "\u{1112}\u{1161}\u{11ab}", "\u{d55c}".as_bytes()),
            (Unicode::Keep, "cafe\u{301}", "cafe\u{301}".as_bytes()),
        ] {
            let path = RelPath::new(given).unwrap();
            assert_eq!(unicode.there(&path).as_bytes(), expected, "{given}");
        }
        let odd = RelPath::new(&b"\xff/e\xcc\x81"[..]).unwrap();
        assert_eq!(Unicode::Nfc.there(&odd).as_bytes(), &b"\xff/\xc3\xa9"[..], "what is no Unicode stays as it is");
    }
}
