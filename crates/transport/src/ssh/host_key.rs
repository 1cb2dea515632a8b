//! Owns the decision whether the server is the right one, before any credential is offered.
//! The format of the files is the business of `known_hosts`.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use ssh2::{MethodType, Session};

use super::known_hosts::{self, KnownHosts, Place, Verdict};
use super::options::{Options, StrictHostKeys};
use super::wire;
use crate::{Answer, Ask, Question, TransportError};

/// Asks the server for the types of key that are on record, so that a good host does not look changed
/// because it prefers to show another of its keys.
pub(super) fn prefer_known(session: &Session, options: &Options) -> Result<(), TransportError> {
    let texts = read(options)?;
    let files = files(&texts);
    let mut recorded = known_hosts::algorithms(&files, &name(options));
    if recorded.is_empty()
        && let Some(name) = portless_name(options)
    {
        recorded = known_hosts::algorithms(&files, &name);
    }
    let supported = session.supported_algs(MethodType::HostKey).unwrap_or_default();
    let order = preference(&recorded, &supported);
    // What libssh2 does not accept leaves its own order in place; the check below stands anyway.
    let _ = session.method_pref(MethodType::HostKey, &order.join(","));
    Ok(())
}

/// All of `supported`, those that fit the recorded key types first.
fn preference<'a>(recorded: &[String], supported: &[&'a str]) -> Vec<&'a str> {
    let plain = supported.iter().copied().filter(|name| !name.contains("-cert-v01@"));
    let on_record = |name: &&str| recorded.iter().any(|known| known == key_type(name));
    let (first, rest): (Vec<&str>, Vec<&str>) = plain.partition(on_record);
    [first, rest].concat()
}

/// The type of key that a signature algorithm uses: `rsa-sha2-256` signs with an `ssh-rsa` key.
fn key_type(algorithm: &str) -> &str {
    if algorithm.starts_with("rsa-sha2-") { "ssh-rsa" } else { algorithm }
}

/// Lets only a server pass whose key is on record, or that the user trusts.
pub(super) fn check(session: &Session, options: &Options, ask: &dyn Ask) -> Result<(), TransportError> {
    let (host, port) = (options.alias.clone(), options.port);
    let Some((blob, _)) = session.host_key() else {
        return Err(TransportError::Handshake { host, port, reason: "the server showed no host key".to_owned() });
    };
    let (algorithm, fingerprint) = (wire::algorithm(blob), wire::fingerprint(blob));
    let texts = read(options)?;
    match judge(&files(&texts), options, &algorithm, blob) {
        Verdict::Known => Ok(()),
        Verdict::Changed(Place { file, line }) => {
            Err(TransportError::HostKeyChanged { host, port, algorithm, fingerprint, file, line })
        }
        Verdict::Revoked(Place { file, line }) => {
            Err(TransportError::HostKeyRevoked { host, port, fingerprint, file, line })
        }
        Verdict::Unknown => match options.strict_host_keys {
            StrictHostKeys::Yes => Err(TransportError::HostKeyUnknown { host, port, fingerprint }),
            StrictHostKeys::AcceptNew => remember(options, &algorithm, blob),
            StrictHostKeys::Ask => {
                let question = Question::HostKey {
                    host: host.clone(),
                    port,
                    algorithm: algorithm.clone(),
                    fingerprint: fingerprint.clone(),
                };
                match ask.ask(question) {
                    Some(Answer::Trust { remember: true }) => remember(options, &algorithm, blob),
                    Some(Answer::Trust { remember: false }) => Ok(()),
                    _ => Err(TransportError::HostKeyDeclined { host, port, fingerprint }),
                }
            }
        },
    }
}

/// What is on record. As in OpenSSH, a key recorded for the host without its port is good for an
/// unusual port as well, but another key there says nothing about this port.
fn judge(files: &[KnownHosts<'_>], options: &Options, algorithm: &str, blob: &[u8]) -> Verdict {
    let verdict = known_hosts::judge(files, &name(options), algorithm, blob);
    let (Verdict::Unknown, Some(name)) = (&verdict, portless_name(options)) else { return verdict };
    match known_hosts::judge(files, &name, algorithm, blob) {
        Verdict::Changed(_) => Verdict::Unknown,
        verdict => verdict,
    }
}

/// The name without an unusual port.
fn portless_name(options: &Options) -> Option<String> {
    let unusual = options.host_key_alias.is_none() && options.port != SSH_PORT;
    unusual.then(|| known_hosts::record_name(&options.hostname, SSH_PORT))
}

const SSH_PORT: u16 = 22;

/// Under which name the host is on record.
fn name(options: &Options) -> String {
    match &options.host_key_alias {
        Some(alias) => alias.to_ascii_lowercase(),
        None => known_hosts::record_name(&options.hostname, options.port),
    }
}

/// The known hosts of the user, then those of the machine. A file that is not there says nothing; one
/// that can't be read could hide a changed key.
fn read(options: &Options) -> Result<Vec<(PathBuf, String)>, TransportError> {
    let mut texts = Vec::new();
    for file in options.user_known_hosts.iter().chain(&options.global_known_hosts) {
        match fs::read(file) {
            Ok(bytes) => texts.push((file.clone(), String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(TransportError::KnownHosts { file: file.clone(), reason: error.to_string() }),
        }
    }
    Ok(texts)
}

fn files(texts: &[(PathBuf, String)]) -> Vec<KnownHosts<'_>> {
    texts.iter().map(|(file, text)| KnownHosts { file, text }).collect()
}

/// Writes the key into the first of the user's known-hosts files.
fn remember(options: &Options, algorithm: &str, blob: &[u8]) -> Result<(), TransportError> {
    let Some(file) = options.user_known_hosts.first() else { return Ok(()) };
    let salt = options.hash_known_hosts.then(salt);
    let line = known_hosts::line(&name(options), algorithm, blob, salt);
    append(file, &line).map_err(|error| TransportError::KnownHosts { file: file.clone(), reason: error.to_string() })
}

/// Twenty bytes that differ from line to line; they need not be secret.
fn salt() -> [u8; 20] {
    use std::hash::{BuildHasher as _, RandomState};
    let mut salt = [0; 20];
    for chunk in salt.chunks_mut(8) {
        let random = RandomState::new().hash_one(0).to_ne_bytes();
        chunk.copy_from_slice(&random[..chunk.len()]);
    }
    salt
}

/// Appends a line, also to a file whose last line has no end. Makes what is missing, private.
fn append(file: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    let mut text = String::new();
    // `/dev/null` has no length, and is a way to remember nothing.
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(line);
    // In one write, so that another ssh that appends at the same time does not mix with it.
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_types_on_record_come_first() {
        let supported =
            ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa-cert-v01@openssh.com"];
        let order = preference(&["ssh-rsa".to_owned()], &supported);
        assert_eq!(order, ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256"]);
    }

    #[test]
    fn a_line_is_appended_to_a_file_without_a_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/.ssh/known_hosts");
        append(&file, "one\n").unwrap();
        fs::write(&file, "one").unwrap();
        append(&file, "two\n").unwrap();
        append(&file, "three\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\ntwo\nthree\n");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".ssh/known_hosts");
        append(&file, "one\n").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
}
