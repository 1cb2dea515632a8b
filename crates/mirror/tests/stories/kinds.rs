//! Every kind of file arrives unchanged.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::pair::Pair;

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_unchanged() {
    let pair = Pair::new();
    pair.write("plain.py", "print(1)\n");
    pair.write("crlf.py", "print(1)\r\n\r\n");
    pair.write("empty.py", "");
    pair.write("pkg/deep/er/mod.py", "x = 1\n");
    pair.write("with space.py", "a");
    pair.write("it's \"quoted\"", "b");
    pair.write("new\nline", "c");
    pair.write("naïve-ü", "d");
    pair.write("$(touch x);`y`&|<>*?[]", "e");
    pair.write(" ", "f");
    fs::write(pair.local.path().join(OsStr::from_bytes(b"caf\xe9\xff.py")), "g").unwrap();
    fs::create_dir_all(pair.local.path().join(OsStr::from_bytes(b"d\xfe/in"))).unwrap();
    fs::write(pair.local.path().join(OsStr::from_bytes(b"d\xfe/in/x")), "h").unwrap();
    fs::create_dir(pair.here("empty dir")).unwrap();
    let script = pair.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let secret = pair.write("secret", "s");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let read_only = pair.write("read-only", "r");
    fs::set_permissions(&read_only, Permissions::from_mode(0o444)).unwrap();
    symlink("plain.py", pair.here("link")).unwrap();
    symlink("../no/where", pair.here("dangling")).unwrap();
    symlink("/etc/passwd", pair.here("absolute")).unwrap();
    symlink("pkg", pair.here("link to a directory")).unwrap();
    symlink(OsStr::from_bytes(b"caf\xe9"), pair.here("link of bytes")).unwrap();
    pair.write("large", vec![7_u8; 3 << 20]);
    pair.write("just whole", vec![8_u8; 1 << 20]);

    let mut running = pair.mirrored().await;
    pair.assert_same();
    running.barrier().await.unwrap();
    assert_eq!(running.rescan().await, (0, 0, vec![]), "nothing is sent twice");
}
