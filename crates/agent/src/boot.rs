//! Owns the start of the agent: the command, the source, and finding the first word of ours in what a login
//! prints. Never starts anything: the pipe is given.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use remora_model::Digest;

use crate::error::BootError;

/// The agent's parts, in their order, as one text. `agent.py` tells its reader the same order.
pub(crate) const SOURCE: &str = concat!(
    include_str!("../py/agent.py"),
    include_str!("../py/wire.py"),
    include_str!("../py/poller.py"),
    include_str!("../py/streams.py"),
    include_str!("../py/files.py"),
    include_str!("../py/fresh.py"),
    include_str!("../py/apply.py"),
    include_str!("../py/moves.py"),
    include_str!("../py/rebuild.py"),
    include_str!("../py/listing.py"),
    include_str!("../py/cache.py"),
    include_str!("../py/trash.py"),
    include_str!("../py/claims.py"),
    include_str!("../py/names.py"),
    include_str!("../py/kin.py"),
    include_str!("../py/processes.py"),
    include_str!("../py/terminals.py"),
    include_str!("../py/foresight.py"),
    include_str!("../py/standing.py"),
    include_str!("../py/sockets.py"),
    include_str!("../py/held.py"),
    include_str!("../py/loop.py"),
    include_str!("../py/holder.py"),
);

/// The time from the command to the agent's greeting. A login may run slow start-up files (NFS homes, version
/// managers) and a cold Python takes seconds on a small board.
pub(crate) const BOOT_TIMEOUT: Duration = Duration::from_secs(30);
/// More noise than this is no login message but a program that talks.
const NOISE_MAX: usize = 1024 * 1024;
/// How much of the noise's end goes into an error.
const NOISE_SHOWN: usize = 2000;

const READY: &[u8] = b"remora-agent:ready\n";
const OLD: &[u8] = b"remora-agent:old ";
const NONE: &[u8] = b"remora-agent:none\n";

/// Interpreters to try. Old ones come last: they are tried only to be named in the error. What is not in the
/// `PATH` of a bare login often is in one of the usual places (`/usr/bin` is in every `PATH`).
const CANDIDATES: &str = "python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 \
     python3.7 python3.6 python /usr/local/bin/python3 /opt/homebrew/bin/python3 \
     /usr/libexec/platform-python /opt/conda/bin/python3 $HOME/miniconda3/bin/python3 $HOME/.pyenv/shims/python3 \
     python2.7 python2";

/// The digest that the agent's greeting must name.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| Digest::of(SOURCE.as_bytes()).to_string());

/// The source as it is sent.
pub(crate) static COMPRESSED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(SOURCE.as_bytes()).expect("invariant: writing to memory does not fail");
    encoder.finish().expect("invariant: writing to memory does not fail")
});

/// The script. It has no quotes of its own kind, so the Python in it has no string: what it needs comes as
/// arguments. It must not hold the markers either, because a shell may echo it.
///
/// The Python must be understood by 2.7 as well. It reads the source by length and not a byte further, because
/// frames follow. With `-c`, Python imports from the working directory first, which may be a project with a
/// `json.py` or somebody else's folder: that is switched off before anything but `sys` is imported. Status 9 is
/// "too old"; 1, 126 and 127 are interpreters that are broken or not really there.
pub(crate) static COMMAND: LazyLock<String> = LazyLock::new(|| {
    let old =
        "os.write(1,(a[1]+chr(58)+a[4]+chr(32)+sys.version.split()[0]+chr(32)+str(sys.executable)+chr(10)).encode())";
    let python = [
        "import sys;sys.path=[p for p in sys.path if p]".to_owned(),
        "import os,zlib".to_owned(),
        "a=sys.argv".to_owned(),
        "n=int(a[2])".to_owned(),
        "b=bytearray()".to_owned(),
        format!("sys.version_info<(3,6) and ({old},sys.exit(9))"),
        "os.write(1,(a[1]+chr(58)+a[3]+chr(10)).encode())".to_owned(),
        "list(iter(lambda:len(b)<n and (b.extend(os.read(0,n-len(b)) or sys.exit(8)),1),False))".to_owned(),
        "source=zlib.decompress(bytes(b))".to_owned(),
        "exec(compile(source,a[5],a[6]))".to_owned(),
    ]
    .join(";");
    let length = COMPRESSED.len();
    format!(
        "m=remora-agent; for p in {CANDIDATES}; do command -v \"$p\" >/dev/null 2>&1 || continue; \
         \"$p\" -c \"{python}\" $m {length} ready old agent.py exec; \
         case $? in 1|9|126|127) ;; *) exit 0;; esac; done; echo $m:none"
    )
});

/// What the noise turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The agent's source is awaited; these bytes came after the word.
    Ready(Vec<u8>),
    /// No interpreter can run the agent.
    None,
}

/// Looks for our words in what comes before the first frame.
#[derive(Default)]
pub(crate) struct Noise {
    bytes: Vec<u8>,
}

impl Noise {
    /// Takes more bytes; says something when one of the words has come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Option<Word>, BootError> {
        let from = self.bytes.len().saturating_sub(READY.len());
        self.bytes.extend_from_slice(bytes);
        if let Some(at) = find(&self.bytes[from..], READY) {
            return Ok(Some(Word::Ready(self.bytes[from + at + READY.len()..].to_vec())));
        }
        if find(&self.bytes[from..], NONE).is_some() {
            return Ok(Some(Word::None));
        }
        if self.bytes.len() > NOISE_MAX {
            return Err(BootError::Garbled(format!("more than {NOISE_MAX} bytes of noise, the last: {}", self.end())));
        }
        Ok(None)
    }

    /// Why there is no interpreter: the old ones that were found, or none at all.
    pub(crate) fn no_python(&self) -> BootError {
        let text = String::from_utf8_lossy(&self.bytes);
        let marker = String::from_utf8_lossy(OLD);
        let mut found: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some((_, one)) = line.split_once(marker.as_ref())
                && !found.contains(&one)
            {
                found.push(one);
            }
        }
        if found.is_empty() { BootError::NoPython } else { BootError::PythonTooOld { found: found.join(", ") } }
    }

    /// The end of the noise, for an error.
    pub(crate) fn end(&self) -> String {
        let from = self.bytes.len().saturating_sub(NOISE_SHOWN);
        String::from_utf8_lossy(&self.bytes[from..]).trim().to_owned()
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_means_the_same_to_every_shell() {
        for forbidden in ['\'', '!', '\\', '\n'] {
            assert!(!COMMAND.contains(forbidden), "{forbidden:?} in {}", *COMMAND);
        }
    }

    #[test]
    fn the_command_does_not_hold_the_words_that_are_looked_for() {
        for word in [READY, OLD, NONE] {
            assert_eq!(find(COMMAND.as_bytes(), word.trim_ascii_end()), None);
        }
    }

    #[test]
    fn the_word_is_found_however_the_noise_is_cut() {
        let all = b"Welcome!\nremora-agent:old 2.7.18 /usr/bin/python\n$ remora-agent:ready\nframes";
        for size in 1..all.len() {
            let mut noise = Noise::default();
            let mut rest = None;
            for piece in all.chunks(size) {
                match &mut rest {
                    None => {
                        if let Some(Word::Ready(bytes)) = noise.feed(piece).unwrap() {
                            rest = Some(bytes);
                        }
                    }
                    Some(bytes) => bytes.extend_from_slice(piece),
                }
            }
            assert_eq!(rest.as_deref(), Some(&b"frames"[..]), "in pieces of {size}");
        }
    }

    #[test]
    fn endless_noise_is_refused() {
        let mut noise = Noise::default();
        let error = (0..64).find_map(|_| noise.feed(&[b'y'; 64 * 1024]).err());
        assert!(matches!(error, Some(BootError::Garbled(_))), "{error:?}");
    }

    #[test]
    fn old_interpreters_are_named_once() {
        let mut noise = Noise::default();
        let line = "remora-agent:old 2.7.18 /usr/bin/python\n";
        assert_eq!(noise.feed(format!("hi\n{line}{line}remora-agent:none\n").as_bytes()).unwrap(), Some(Word::None));
        assert!(matches!(noise.no_python(), BootError::PythonTooOld { found } if found == "2.7.18 /usr/bin/python"));
        assert!(matches!(Noise::default().no_python(), BootError::NoPython));
    }
}
