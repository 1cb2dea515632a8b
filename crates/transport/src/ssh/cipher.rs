//! Owns which ciphers are offered, and in which order. Never offers one that the SSH configuration leaves out.

use ssh2::{MethodType, Session};

use super::options::Options;

/// Sets the order of ciphers for both directions; the reason if that can't be done.
pub(super) fn prefer(session: &Session, options: &Options) -> Result<(), String> {
    for direction in [MethodType::CryptCs, MethodType::CryptSc] {
        let supported = session.supported_algs(direction).map_err(|error| error.message().to_owned())?;
        let order = preference(&options.ciphers, &supported, has_aes());
        if order.is_empty() {
            let (ours, theirs) = (supported.join(", "), options.ciphers.join(", "));
            return Err(format!("of the Ciphers in the SSH configuration ({theirs}) none is known here ({ours})"));
        }
        session.method_pref(direction, &order.join(",")).map_err(|error| error.message().to_owned())?;
    }
    Ok(())
}

/// The `supported` ciphers that are among the `allowed` ones (all, if there are none), AES-GCM first where the processor
/// has instructions for it.
///
/// libssh2 prefers ChaCha20-Poly1305, for which it has portable C only. AES-GCM goes through OpenSSL, and is several times as
/// fast with those instructions.
fn preference<'a>(allowed: &[String], supported: &[&'a str], has_aes: bool) -> Vec<&'a str> {
    let offered = supported.iter().copied().filter(|name| allowed.is_empty() || allowed.iter().any(|one| one == name));
    let (mut first, mut rest): (Vec<_>, Vec<_>) = offered.partition(|name| has_aes && name.contains("-gcm@"));
    // Of the two, the one with the shorter key is the faster, and no less safe today.
    first.sort_unstable();
    first.append(&mut rest);
    first
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("pclmulqdq")
}

#[cfg(target_arch = "aarch64")]
fn has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes") && std::arch::is_aarch64_feature_detected!("pmull")
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
fn has_aes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUPPORTED: [&str; 4] =
        ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr"];

    #[test]
    fn aes_gcm_comes_first_where_the_processor_helps_and_the_configuration_has_the_last_word() {
        let [chacha, long, short, ctr] = SUPPORTED;
        let only = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        for (allowed, has_aes, expected) in [
            (only(&[]), true, vec![short, long, chacha, ctr]),
            (only(&[]), false, vec![chacha, long, short, ctr]),
            (only(&[chacha, ctr]), true, vec![chacha, ctr]),
            (only(&[ctr, long]), true, vec![long, ctr]),
            (only(&["aes128-cbc"]), true, vec![]),
        ] {
            assert_eq!(preference(&allowed, &SUPPORTED, has_aes), expected, "{allowed:?}");
        }
    }
}
