//! Owns which file systems change without this system's doing. Never asks for more than the kind.

use std::path::Path;

/// Numbers from Linux's `magic.h`, and those that `statfs(2)` lists beside them.
const DISTANT: [(u32, &str); 13] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "fuse"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x786f_4256, "vboxsf"),
    (0x0bd0_0bd0, "lustre"),
];

/// The name of the file system that `dir` is on, if somebody else may change it without this system noticing.
pub(super) fn kind(dir: &Path) -> Option<&'static str> {
    // Of what can't be asked, the walk will tell.
    by_number(rustix::fs::statfs(dir).ok()?.f_type as u32)
}

fn by_number(number: u32) -> Option<&'static str> {
    DISTANT.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_told_from_a_disk() {
        assert_eq!([0x6969, 0xff53_4d42, 0x0102_1997].map(by_number), [Some("nfs"), Some("cifs"), Some("9p")]);
        // ext4, xfs, btrfs, tmpfs, overlayfs.
        assert_eq!([0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630].map(by_number), [None; 5]);
        assert_eq!(kind(Path::new("/proc")), None);
    }
}
