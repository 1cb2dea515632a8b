//! Owns the encoding of SSH key blobs as far as it is needed to name, compare and show keys.
//! Never checks a signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Takes a length-prefixed string off the front of `bytes`.
pub(super) fn take_string<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (string, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(string)
}

/// The type of a public key, such as `ssh-ed25519`.
pub(super) fn algorithm(mut blob: &[u8]) -> String {
    take_string(&mut blob).map_or_else(String::new, |name| String::from_utf8_lossy(name).into_owned())
}

/// The fingerprint as OpenSSH prints it.
pub(super) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn a_key_is_named_and_shown_as_ssh_keygen_does() {
        // ssh-keygen -lf on GitHub's published Ed25519 host key.
        let blob = STANDARD.decode("AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl").unwrap();
        assert_eq!(algorithm(&blob), "ssh-ed25519");
        assert_eq!(fingerprint(&blob), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
        assert_eq!(algorithm(&blob[..6]), "");
    }
}
