//! Owns the proof that file operations do what they promise, over a real `sh` on this machine.

use crate::rig::{Rig, kind, rel};
use remora_agent::{Expect, OpErrorKind, Surveyed, WriteSpec};
use remora_model::{Digest, Kind, Mode, Mtime, RemotePath};

fn spec(path: &str, bytes: &[u8], expect: Expect) -> WriteSpec {
    WriteSpec {
        path: rel(path),
        size: bytes.len() as u64,
        mode: Mode(0o640),
        mtime: Mtime(1_600_000_000_123_456_789),
        expect,
    }
}

#[tokio::test]
async fn a_written_file_arrives_with_mode_and_time_and_reads_back() {
    let rig = Rig::start().await;
    let stored =
        rig.link.write(&rig.root, spec("a/b.py", b"x = 1\n", Expect::Absent), b"x = 1\n".to_vec()).await.unwrap();
    assert_eq!(stored.digest, Digest::of(b"x = 1\n"));
    let read = rig.link.read(&rig.root, &rel("a/b.py")).await.unwrap();
    assert_eq!(
        (read.bytes.as_slice(), read.mode, read.mtime),
        (&b"x = 1\n"[..], Mode(0o640), Mtime(1_600_000_000_123_456_789))
    );
    let found = rig.link.survey(&rig.root, &[rel("a/b.py"), rel("a"), rel("nope/x")]).await.unwrap();
    assert!(matches!(&found[0], Surveyed::Found(entry) if entry.kind == Kind::File && entry.size == 6));
    assert!(matches!(&found[1], Surveyed::Found(entry) if entry.kind == Kind::Dir));
    assert_eq!(found[2], Surveyed::Missing);
    let missing = RemotePath::new("/nowhere/at/all").unwrap();
    assert_eq!(kind(rig.link.survey(&missing, &[rel("a")]).await), OpErrorKind::NotFound);
    rig.end().await;
}
