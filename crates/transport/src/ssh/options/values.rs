//! Owns the meaning of the keywords of an SSH configuration. Pure: lines in, [`Options`] out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::spec::Wanted;
use crate::TransportError;

/// What is to be done about a host key that is not on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssh) enum StrictHostKeys {
    /// Ask the user.
    Ask,
    /// Refuse it.
    Yes,
    /// Take it and write it down.
    AcceptNew,
}

/// Which agent holds keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ssh) enum AgentChoice {
    /// The one that the environment names.
    Environment,
    /// None.
    Off,
    /// The one at this socket.
    Socket(PathBuf),
}

/// Which addresses of a host may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ssh) enum AddressFamily {
    Any,
    Inet,
    Inet6,
}

/// What is configured for one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ssh) struct Options {
    /// What the user calls the host.
    pub(in crate::ssh) alias: String,
    pub(in crate::ssh) hostname: String,
    pub(in crate::ssh) port: u16,
    pub(in crate::ssh) user: String,
    pub(in crate::ssh) identity_files: Vec<PathBuf>,
    pub(in crate::ssh) identities_only: bool,
    pub(in crate::ssh) agent: AgentChoice,
    pub(in crate::ssh) user_known_hosts: Vec<PathBuf>,
    pub(in crate::ssh) global_known_hosts: Vec<PathBuf>,
    pub(in crate::ssh) hash_known_hosts: bool,
    pub(in crate::ssh) host_key_alias: Option<String>,
    pub(in crate::ssh) strict_host_keys: StrictHostKeys,
    pub(in crate::ssh) proxy_jump: Option<String>,
    pub(in crate::ssh) proxy_command: Option<String>,
    pub(in crate::ssh) connect_timeout: Option<Duration>,
    pub(in crate::ssh) alive_interval: Option<Duration>,
    pub(in crate::ssh) alive_count: u32,
    pub(in crate::ssh) family: AddressFamily,
    /// The ciphers that may be used; empty if nothing is said of it.
    pub(in crate::ssh) ciphers: Vec<String>,
    pub(in crate::ssh) use_keys: bool,
    pub(in crate::ssh) use_keyboard: bool,
    pub(in crate::ssh) use_password: bool,
    pub(in crate::ssh) prompts: u8,
    /// The configuration file, for the jump hosts.
    pub(in crate::ssh) config: Option<PathBuf>,
}

/// Reads keyword and value pairs, lower-case keywords, the first of each counts.
pub(super) fn options(
    lines: &[(String, String)],
    wanted: &Wanted,
    config: Option<PathBuf>,
    home: Option<&Path>,
) -> Result<Options, TransportError> {
    let set = |key: &str| lines.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let given = |key: &str| set(key).filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("none"));
    let seconds =
        |key: &str| given(key).and_then(|value| value.parse().ok()).filter(|&n| n > 0).map(Duration::from_secs);
    let allowed = |key: &str| !matches!(set(key), Some("no" | "false"));
    let port = given("port").and_then(|port| port.parse().ok()).or(wanted.port).unwrap_or(22);
    let hostname = given("hostname").unwrap_or(&wanted.host).to_owned();
    let user =
        wanted.user.clone().or_else(|| given("user").map(str::to_owned)).or_else(local_user).ok_or_else(|| {
            TransportError::BadSpec { reason: format!("no login is known for {}; name one", wanted.host) }
        })?;
    let tokens = Tokens { host: &hostname, alias: &wanted.host, port, user: &user, home };
    let path = |text: &str| expand_home(&tokens.expand(&expand_variables(text.trim_matches('"'))), home);
    let identity_files = lines.iter().filter(|(key, value)| key == "identityfile" && value != "none");
    Ok(Options {
        alias: wanted.host.clone(),
        identity_files: identity_files.map(|(_, value)| path(value)).collect(),
        identities_only: set("identitiesonly") == Some("yes"),
        agent: agent(set("identityagent"), path),
        user_known_hosts: split_paths(given("userknownhostsfile").unwrap_or_default()).map(path).collect(),
        global_known_hosts: split_paths(given("globalknownhostsfile").unwrap_or_default()).map(path).collect(),
        hash_known_hosts: set("hashknownhosts") == Some("yes"),
        host_key_alias: given("hostkeyalias").map(str::to_owned),
        strict_host_keys: match set("stricthostkeychecking") {
            Some("yes" | "true") => StrictHostKeys::Yes,
            Some("accept-new" | "no" | "off" | "false") => StrictHostKeys::AcceptNew,
            _ => StrictHostKeys::Ask,
        },
        proxy_jump: given("proxyjump").map(str::to_owned),
        proxy_command: given("proxycommand").map(|command| tokens.expand(command)),
        connect_timeout: seconds("connecttimeout"),
        alive_interval: seconds("serveraliveinterval"),
        alive_count: given("serveralivecountmax").and_then(|value| value.parse().ok()).unwrap_or(3),
        family: match set("addressfamily") {
            Some("inet") => AddressFamily::Inet,
            Some("inet6") => AddressFamily::Inet6,
            _ => AddressFamily::Any,
        },
        ciphers: ciphers(given("ciphers").unwrap_or_default()),
        use_keys: allowed("pubkeyauthentication"),
        use_keyboard: allowed("kbdinteractiveauthentication"),
        use_password: allowed("passwordauthentication"),
        prompts: given("numberofpasswordprompts").and_then(|value| value.parse().ok()).unwrap_or(3),
        hostname,
        port,
        user,
        config,
    })
}

/// A list that adds to OpenSSH's own or takes from it is known in full to `ssh -G` only; read from the file, it says nothing.
fn ciphers(list: &str) -> Vec<String> {
    let whole = !list.is_empty() && !list.starts_with(['+', '-', '^']);
    if whole { list.split(',').map(|name| name.trim().to_owned()).collect() } else { Vec::new() }
}

fn local_user() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty())
}

fn agent(value: Option<&str>, path: impl Fn(&str) -> PathBuf) -> AgentChoice {
    match value {
        None | Some("" | "SSH_AUTH_SOCK") => AgentChoice::Environment,
        Some("none") => AgentChoice::Off,
        Some(value) => match value.strip_prefix('$') {
            Some(variable) => match std::env::var_os(variable.trim_matches(['{', '}'])) {
                Some(socket) => AgentChoice::Socket(socket.into()),
                None => AgentChoice::Off,
            },
            None => AgentChoice::Socket(path(value)),
        },
    }
}

/// Splits a list of paths at the spaces that stand before the start of a path: `ssh -G` prints a
/// path with a space without quotes.
fn split_paths(text: &str) -> impl Iterator<Item = &str> {
    let starts = |word: &str| {
        let word = word.trim_start_matches('"');
        word.starts_with(['/', '~', '%', '\\']) || word.as_bytes().get(1) == Some(&b':')
    };
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let cut = rest.match_indices(' ').map(|(at, _)| at).find(|&at| starts(&rest[at + 1..]));
        let (path, behind) = rest.split_at(cut.unwrap_or(rest.len()));
        rest = behind.trim_start();
        (!path.is_empty()).then_some(path)
    })
}

/// `${NAME}` from the environment, which OpenSSH knows in paths and `ssh -G` prints as it stands. One that is not set
/// stays: the file is then not found.
pub(super) fn expand_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&std::env::var(name).unwrap_or_else(|_| format!("${{{name}}}")));
        rest = after;
    }
    out + rest
}

/// `~` and `~/…` in full.
pub(super) fn expand_home(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with(['/', '\\']) => home.join(&rest[1..]),
        _ => PathBuf::from(text),
    }
}

/// What the `%` tokens stand for.
struct Tokens<'a> {
    host: &'a str,
    alias: &'a str,
    port: u16,
    user: &'a str,
    home: Option<&'a Path>,
}

impl Tokens<'_> {
    /// Replaces the tokens that `ssh_config(5)` has for paths and commands; others stay.
    fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(self.host),
                Some('n' | 'k') => out.push_str(self.alias),
                Some('p') => out.push_str(&self.port.to_string()),
                Some('r') => out.push_str(self.user),
                Some('u') => out.push_str(&local_user().unwrap_or_default()),
                Some('d') => out.push_str(&self.home.map(Path::to_string_lossy).unwrap_or_default()),
                Some(other) => out.extend(['%', other]),
                None => out.push('%'),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Options {
        let wanted = Wanted { host: "box".into(), user: Some("me".into()), port: None };
        let pair = |line: &str| line.trim().split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let lines: Vec<_> = text.lines().filter_map(pair).collect();
        options(&lines, &wanted, None, Some(Path::new("/home/me"))).unwrap()
    }

    #[test]
    fn the_words_of_ssh_are_understood() {
        let options = read(
            "hostname build.example\nport 2222\nidentityfile ~/.ssh/id_%h\nidentityfile /k\nidentitiesonly yes
             userknownhostsfile /home/J Doe/.ssh/known_hosts ~/b\nstricthostkeychecking accept-new
             proxycommand nc %h %p %%x %r\nconnecttimeout 7\nserveraliveinterval 0\nproxyjump none
             identityagent none\naddressfamily inet6\nciphers aes256-ctr,aes128-ctr\npasswordauthentication no\nhashknownhosts yes",
        );
        assert_eq!((options.hostname.as_str(), options.port), ("build.example", 2222));
        assert_eq!(options.identity_files, ["/home/me/.ssh/id_build.example", "/k"].map(PathBuf::from));
        assert_eq!(options.user_known_hosts, ["/home/J Doe/.ssh/known_hosts", "/home/me/b"].map(PathBuf::from));
        assert_eq!(options.strict_host_keys, StrictHostKeys::AcceptNew);
        assert_eq!(options.proxy_command.as_deref(), Some("nc build.example 2222 %x me"));
        assert_eq!((options.connect_timeout, options.alive_interval), (Some(Duration::from_secs(7)), None));
        assert_eq!((options.proxy_jump, options.agent), (None, AgentChoice::Off));
        assert_eq!(options.family, AddressFamily::Inet6);
        assert_eq!(options.ciphers, ["aes256-ctr", "aes128-ctr"]);
        assert!(read("ciphers ^aes128-ctr").ciphers.is_empty());
        assert!(options.identities_only && options.hash_known_hosts && !options.use_password && options.use_keyboard);
    }

    #[test]
    fn a_variable_in_a_path_is_replaced() {
        let folder = env!("CARGO_MANIFEST_DIR");
        let text = "identityfile ${CARGO_MANIFEST_DIR}/${CARGO_PKG_NAME}-%r\nidentityfile ${REMORA_NO_SUCH}/${x";
        let expected = [format!("{folder}/remora-transport-me"), "${REMORA_NO_SUCH}/${x".to_owned()];
        assert_eq!(read(text).identity_files, expected.map(PathBuf::from));
    }

    #[test]
    fn without_a_word_the_defaults_of_openssh_hold() {
        let options = read("");
        assert_eq!((options.hostname.as_str(), options.port, options.user.as_str()), ("box", 22, "me"));
        assert_eq!(options.strict_host_keys, StrictHostKeys::Ask);
        assert_eq!((options.agent, options.alive_count, options.prompts), (AgentChoice::Environment, 3, 3));
        assert!(options.use_keys && options.use_keyboard && options.use_password && !options.identities_only);
    }
}
