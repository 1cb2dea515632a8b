//! Measures a link to an agent behind a local `sh`: latency of small writes, throughput of a large one, and a
//! round trip on a stream while an upload goes on. Prints; judges nothing.
#![allow(clippy::print_stdout)]

#[cfg(not(unix))]
fn main() {
    println!("the agent needs a POSIX shell");
}

#[cfg(unix)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    measure::run().await
}

#[cfg(unix)]
mod measure {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use remora_agent::{Address, Change, ChangeKind, Expect, Link, Piece, PipeEnds, WriteSpec, boot_command};
    use remora_model::{Digest, Mode, Mtime, RelPath, RemotePath};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::mpsc;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn spec(path: &str, size: usize) -> Result<WriteSpec, Box<dyn std::error::Error>> {
        let (path, size) = (RelPath::new(path)?, size as u64);
        Ok(WriteSpec { path, size, mode: Mode(0o644), mtime: Mtime(0), expect: Expect::Any })
    }

    fn pieces(bytes: &[u8]) -> Result<mpsc::Receiver<Piece>, Box<dyn std::error::Error>> {
        const PIECE: usize = 32 * 1024;
        let (sender, receiver) = mpsc::channel(bytes.len() / PIECE + 2);
        for piece in bytes.chunks(PIECE) {
            sender.try_send(Piece::Bytes(piece.to_vec()))?;
        }
        sender.try_send(Piece::Whole(Digest::of(bytes)))?;
        Ok(receiver)
    }

    fn change(path: &str, bytes: Vec<u8>) -> Result<Change, Box<dyn std::error::Error>> {
        let (digest, mode, mtime, expect) = (Digest::of(&bytes), Mode(0o644), Mtime(0), Expect::Any);
        Ok(Change { path: RelPath::new(path)?, kind: ChangeKind::Write { bytes, digest, mode, mtime, expect } })
    }

    fn print_times(what: &str, mut times: Vec<Duration>) {
        times.sort();
        let (half, most) = (times[times.len() / 2], times[times.len() * 9 / 10]);
        println!("{what}: median {half:?}, nine of ten within {most:?} (n = {})", times.len());
    }

    pub(crate) async fn run() -> Outcome {
        let scratch = std::env::temp_dir().join(format!("remora-speed-{}", std::process::id()));
        std::fs::create_dir(&scratch)?;
        let outcome = all(&scratch).await;
        std::fs::remove_dir_all(&scratch)?;
        outcome
    }

    async fn all(scratch: &std::path::Path) -> Outcome {
        let mut command = tokio::process::Command::new("sh");
        let start = Instant::now();
        let mut child = command.arg("-c").arg(boot_command()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(reader), Some(writer)) = (child.stdout.take(), child.stdin.take()) else { return Ok(()) };
        let link = Link::open(PipeEnds { reader, writer, rides: true }).await?;
        println!("started in {:?} on Python {:?}", start.elapsed(), link.hello().python);
        let root = RemotePath::new(scratch.to_string_lossy().into_owned())?;

        let mut times = Vec::new();
        for round in 0..500_u32 {
            let bytes = vec![round as u8; 4096];
            let start = Instant::now();
            link.apply(&root, &[change("small", bytes)?]).await?;
            times.push(start.elapsed());
        }
        print_times("write of 4 kB", times);

        let start = Instant::now();
        let mut writes = tokio::task::JoinSet::new();
        for pack in 0..100_u32 {
            let file = |number: u32| change(&format!("many/d{}/f{number}", number / 50), vec![number as u8; 2048]);
            let changes: Vec<Change> = (pack * 100..(pack + 1) * 100).map(file).collect::<Result<_, _>>()?;
            let (link, root) = (link.clone(), root.clone());
            writes.spawn(async move { link.apply(&root, &changes).await });
        }
        while let Some(written) = writes.join_next().await {
            written??;
        }
        println!("10,000 files of 2 kB in packs of 100: {:?}", start.elapsed());

        let large = vec![b'x'; 256 * 1024 * 1024];
        let start = Instant::now();
        link.write_from(&root, spec("large", large.len())?, pieces(&large)?).await?;
        println!("write of 256 MB: {:.0} MB/s", 268.4 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        link.read(&root, &RelPath::new("large")?).await?;
        println!("read of 256 MB: {:.0} MB/s", 268.4 / start.elapsed().as_secs_f64());
        ping_while_uploading(&link, &root, scratch, large).await?;
        link.close().await;
        child.wait().await?;
        Ok(())
    }

    async fn ping_while_uploading(
        link: &Link,
        root: &RemotePath,
        scratch: &std::path::Path,
        large: Vec<u8>,
    ) -> Outcome {
        let path = scratch.join("socket");
        let listener = tokio::net::UnixListener::bind(&path)?;
        tokio::spawn(async move {
            if let Ok((mut socket, _)) = listener.accept().await {
                let (mut reader, mut writer) = socket.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            }
        });
        let address = Address::Unix(RemotePath::new(path.to_string_lossy().into_owned())?);
        let mut stream = link.dial(address).await?;
        for (what, busy) in [("round trip on a stream", false), ("the same during an upload", true)] {
            let upload = if busy {
                let (link, root, spec, pieces) =
                    (link.clone(), root.clone(), spec("large", large.len())?, pieces(&large)?);
                Some(tokio::spawn(async move { link.write_from(&root, spec, pieces).await }))
            } else {
                None
            };
            let mut times = Vec::new();
            while times.len() < 200 && upload.as_ref().is_none_or(|upload| !upload.is_finished()) {
                let start = Instant::now();
                stream.writer.write_all(b"ping").await?;
                stream.reader.read_exact(&mut [0; 4]).await?;
                times.push(start.elapsed());
            }
            print_times(what, times);
            if let Some(upload) = upload {
                upload.await??;
            }
        }
        Ok(())
    }
}
