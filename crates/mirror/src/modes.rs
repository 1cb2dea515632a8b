//! Owns which permission bits a remote file should have, by the policy for them. Pure.

use remora_model::{Kind, Mode, Modes};

const FILE: Mode = Mode(0o644);
const DIR: Mode = Mode(0o755);

/// The bits for something that has `local` here, where this machine has bits, and `remote` there, if it is there.
pub(crate) fn wanted(modes: Modes, kind: Kind, local: Mode, remote: Option<Mode>) -> Mode {
    let as_there = remote.unwrap_or(if kind == Kind::Dir { DIR } else { FILE });
    match modes {
        Modes::Keep if cfg!(unix) => local,
        Modes::Executable if cfg!(unix) && kind == Kind::File => executable(local.0 & 0o111 != 0, as_there),
        Modes::Keep | Modes::Executable | Modes::None => as_there,
        Modes::AtMost(most) if kind == Kind::Dir => Mode(local.0 & most | 0o700),
        Modes::AtMost(most) => Mode(local.0 & most),
    }
}

/// As `rsync --executability`: whoever may read it may run it, or nobody may.
fn executable(yes: bool, there: Mode) -> Mode {
    match (yes, there.0 & 0o111) {
        (false, _) => Mode(there.0 & !0o111),
        (true, 0) => Mode(there.0 | (there.0 & 0o444) >> 2),
        (true, _) => there,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn bits_by_policy() {
        let (file, dir) = (Kind::File, Kind::Dir);
        for (modes, kind, local, remote, expected) in [
            (Modes::Keep, file, 0o640, Some(0o777), 0o640),
            (Modes::Keep, dir, 0o750, None, 0o750),
            (Modes::Executable, file, 0o777, None, 0o755),
            (Modes::Executable, file, 0o666, None, 0o644),
            (Modes::Executable, file, 0o700, Some(0o640), 0o750),
            (Modes::Executable, file, 0o777, Some(0o700), 0o700),
            (Modes::Executable, file, 0o600, Some(0o755), 0o644),
            (Modes::Executable, dir, 0o777, Some(0o700), 0o700),
            (Modes::Executable, dir, 0o777, None, 0o755),
            (Modes::None, file, 0o777, None, 0o644),
            (Modes::None, file, 0o777, Some(0o600), 0o600),
            (Modes::None, dir, 0o777, None, 0o755),
            (Modes::AtMost(0o755), file, 0o777, Some(0o600), 0o755),
            (Modes::AtMost(0o755), file, 0o664, None, 0o644),
            (Modes::AtMost(0o640), dir, 0o777, None, 0o740),
        ] {
            let wanted = wanted(modes, kind, Mode(local), remote.map(Mode));
            assert_eq!(wanted, Mode(expected), "{modes:?} {kind:?} {local:o} {remote:?}");
        }
    }
}
