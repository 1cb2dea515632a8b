//! Owns what can be told of a private key file without its passphrase. Never decrypts. Format:
//! OpenSSH's PROTOCOL.key; the others are PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::wire::take_string;

/// What a private key file says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyFile {
    /// Whether a passphrase is needed.
    pub(super) encrypted: bool,
    /// The public key, which OpenSSH's own format holds in the clear.
    pub(super) public: Option<Vec<u8>>,
}

/// Reads `text`; nothing if it is no private key.
pub(super) fn look(text: &str) -> Option<KeyFile> {
    let begin = text.lines().map(str::trim).find(|line| line.starts_with("-----BEGIN "))?;
    if !begin.ends_with("PRIVATE KEY-----") {
        return None;
    }
    if begin != "-----BEGIN OPENSSH PRIVATE KEY-----" {
        let encrypted = begin.contains("ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED");
        return Some(KeyFile { encrypted, public: None });
    }
    let lines = text.lines().map(str::trim).skip_while(|line| *line != begin).skip(1);
    let body: String = lines.take_while(|line| !line.starts_with("-----")).collect();
    let bytes = BASE64.decode(body).ok()?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let cipher = take_string(&mut rest)?;
    let _kdf = take_string(&mut rest)?;
    let _kdf_options = take_string(&mut rest)?;
    let (_count, mut rest) = rest.split_first_chunk::<4>()?;
    let public = take_string(&mut rest)?;
    Some(KeyFile { encrypted: cipher != b"none", public: Some(public.to_vec()) })
}

/// The key in a `.pub` file.
pub(super) fn public(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.split_ascii_whitespace().nth(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first part of what `ssh-keygen -t ed25519` wrote, without and with a passphrase: all but the
    // private half.
    const PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACApbfLGkZpIHS7KkgsLc3pFTtym3P1fC4vGFG6NzwVvqg==";
    const PLAIN_PUBLIC: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIClt8saRmkgdLsqSCwtzekVO3Kbc/V8Li8YUbo3PBW+q";
    const LOCKED: &str = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABD/VuX/CS3jr5of8KXXrEADAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIMkWMLtCEy5kkU4I6+1b/i3zmrUPonpuyEuW3pqvSFHx";
    const LOCKED_PUBLIC: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIMkWMLtCEy5kkU4I6+1b/i3zmrUPonpuyEuW3pqvSFHx";

    #[test]
    fn a_passphrase_is_noticed_and_the_public_half_read() {
        for (body, encrypted, expected) in [(PLAIN, false, PLAIN_PUBLIC), (LOCKED, true, LOCKED_PUBLIC)] {
            let (first, second) = body.split_at(70);
            let text =
                format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{first}\n{second}\n-----END OPENSSH PRIVATE KEY-----\n");
            let look = look(&text).unwrap();
            assert_eq!(look.encrypted, encrypted);
            assert_eq!(look.public, public(&format!("ssh-ed25519 {expected} test")));
        }
    }

    #[test]
    fn other_formats_are_told_apart() {
        for (text, expected) in [
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n", Some(false)),
            ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", Some(true)),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", Some(true)),
            ("-----BEGIN PUBLIC KEY-----\n", None),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n????\n", None),
            ("ssh-ed25519 AAAA me\n", None),
            ("", None),
        ] {
            assert_eq!(look(text).map(|file| file.encrypted), expected, "{text}");
        }
    }
}
