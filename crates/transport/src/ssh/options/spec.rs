//! Owns the reading of `user@host:port`. Pure.

use remora_model::SshSpec;

use crate::TransportError;

/// Host, login and port as the settings want them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) host: String,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
}

/// Splits `spec.host`; the settings for login and port have the last word.
pub(super) fn split(spec: &SshSpec) -> Result<Wanted, TransportError> {
    let bad = |why: &str| TransportError::BadSpec { reason: format!("{:?} is not an SSH host: {why}", spec.host) };
    let text = spec.host.trim();
    let text = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
    // A login may hold an `@`, a host may not.
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, text),
    };
    let (host, port) = match place.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(None) => return Err(bad("the ] is missing")),
        Some(Some((host, ""))) => (host, None),
        Some(Some((host, rest))) => (host, Some(rest.strip_prefix(':').ok_or_else(|| bad("what is behind the ]?"))?)),
        // Several colons are an IPv6 address without brackets.
        None => match place.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (place, None),
        },
    };
    let port = port.map(|port| port.parse().map_err(|_| bad("the port is not a number"))).transpose()?;
    let user = spec.user.clone().or_else(|| user.map(str::to_owned));
    if host.is_empty() || host.starts_with('-') || host.contains(|c| is_blank(c) || HOST_FORBIDS.contains(c)) {
        return Err(bad("the name is empty, starts with - or has a space or a character that a shell would act upon"));
    }
    if user.as_deref().is_some_and(|user| !is_login(user)) {
        return Err(bad("the login is empty, starts with - or has a character that a shell would act upon"));
    }
    Ok(Wanted { host: host.to_owned(), user, port: spec.port.or(port) })
}

/// What OpenSSH since 9.6 refuses, because a `ProxyCommand` or a `Match exec` may hand host and login to a shell,
/// and a workspace that somebody else wrote may name them.
const HOST_FORBIDS: &str = "'`\"$\\;&<>|(){}";
/// The same for a login, which may be `DOMAIN\user`.
const LOGIN_FORBIDS: &str = "'`\";&<>|(){}";

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_login(user: &str) -> bool {
    let forbidden = user.contains(|c: char| c.is_control() || LOGIN_FORBIDS.contains(c)) || user.contains(" -");
    !(user.is_empty() || user.starts_with('-') || user.ends_with('\\') || forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_login_and_port_are_told_apart() {
        for (text, host, user, port) in [
            ("box", "box", None, None),
            ("me@box", "box", Some("me"), None),
            ("me@corp.example@box:2222", "box", Some("me@corp.example"), Some(2222)),
            ("box:22", "box", None, Some(22)),
            ("::1", "::1", None, None),
            ("me@[fe80::1%eth0]:2200", "fe80::1%eth0", Some("me"), Some(2200)),
            ("[::1]", "::1", None, None),
            ("CORP\\me@box_1.example", "box_1.example", Some("CORP\\me"), None),
            ("ssh://me@box:22/", "box", Some("me"), Some(22)),
        ] {
            let spec = SshSpec { host: text.into(), ..SshSpec::default() };
            let wanted = Wanted { host: host.into(), user: user.map(str::to_owned), port };
            assert_eq!(split(&spec).unwrap(), wanted, "{text}");
        }
        let spec = SshSpec { host: "me@box:22".into(), user: Some("you".into()), port: Some(23), config: None };
        assert_eq!(split(&spec).unwrap(), Wanted { host: "box".into(), user: Some("you".into()), port: Some(23) });
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "me@",
            "-oProxyCommand=x",
            "a b",
            "box:ssh",
            "box:70000",
            "[::1",
            "[::1]x",
            "@box",
            "-l@box",
            "`id`",
            "$(id)",
            "a;b",
            "a|b",
            "$(id)@box",
            "a;b@box",
            "me -x@box",
            "me\\@box",
        ] {
            let spec = SshSpec { host: text.into(), ..SshSpec::default() };
            assert!(matches!(split(&spec), Err(TransportError::BadSpec { .. })), "{text}");
        }
    }
}
