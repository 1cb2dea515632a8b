//! Owns the list of the hosts that an `ssh_config` calls by their names. A `Match` is not guessed at; nothing
//! is run and nothing is connected to.

use std::fs;
use std::io;
use std::path::Path;

use remora_model::SshSpec;

use super::line::{names, split, words};
use super::spec::{self, Wanted};
use super::{file, include};

/// A host of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// What the user calls it.
    pub(crate) alias: String,
    /// Where it leads, such as `me@build.example:2222`; empty if the configuration does not say.
    pub(crate) place: String,
}

/// The hosts of `config`, or else of the user's own configuration and the system's, in the order of the files.
pub(super) fn list(config: Option<&Path>, home: Option<&Path>) -> Vec<Host> {
    let mut listing = Listing { home, aliases: Vec::new() };
    match (config, home) {
        (Some(config), _) => listing.file(config, home, &[], file::MAX_DEPTH),
        (None, Some(home)) => listing.file(&home.join(".ssh").join("config"), Some(home), &[], file::MAX_DEPTH),
        (None, None) => {}
    }
    if config.is_none() {
        listing.file(Path::new(file::SYSTEM_CONFIG), None, &[], file::MAX_DEPTH);
    }
    let host = |alias: String| Host { place: place(&alias, config, home), alias };
    listing.aliases.into_iter().map(host).collect()
}

struct Listing<'a> {
    home: Option<&'a Path>,
    aliases: Vec<String>,
}

/// For which hosts a line holds.
enum Block {
    All,
    Hosts(String),
    /// Not without asking more than the file.
    Unknown,
}

impl Listing<'_> {
    /// Reads one file; `around` are the `Host` patterns of the blocks in which it is included.
    fn file(&mut self, file: &Path, of_user: Option<&Path>, around: &[String], depth: u8) {
        let text = match fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "hosts are not listed");
                return;
            }
        };
        let mut block = Block::All;
        for (keyword, value) in text.lines().filter_map(split) {
            match keyword.as_str() {
                "host" => {
                    self.add(&value, around);
                    block = Block::Hosts(value);
                }
                "match" if value.eq_ignore_ascii_case("all") => block = Block::All,
                "match" => block = Block::Unknown,
                "include" => self.include(&value, of_user, &block, around, depth),
                _ => {}
            }
        }
    }

    fn include(&mut self, value: &str, of_user: Option<&Path>, block: &Block, around: &[String], depth: u8) {
        let mut around = around.to_vec();
        match block {
            Block::All => {}
            Block::Hosts(patterns) => around.push(patterns.clone()),
            Block::Unknown => return,
        }
        if depth == 0 {
            tracing::warn!(value, "too many files include each other");
            return;
        }
        for included in include::files(value, of_user, self.home) {
            self.file(&included, of_user, &around, depth - 1);
        }
    }

    /// The names of a `Host` line that stand for one host, for which all that is around holds too.
    fn add(&mut self, patterns: &str, around: &[String]) {
        for word in words(patterns) {
            let holds = names(&word, patterns) && around.iter().all(|patterns| names(&word, patterns));
            if is_one_host(&word) && holds && !self.aliases.contains(&word) {
                self.aliases.push(word);
            }
        }
    }
}

/// Whether a word is no pattern and can be given as the host of a target.
fn is_one_host(word: &str) -> bool {
    let spec = SshSpec { host: word.to_owned(), ..SshSpec::default() };
    !word.starts_with('!') && !word.contains(['*', '?']) && spec::split(&spec).is_ok_and(|wanted| wanted.host == word)
}

/// Where a host leads, as far as the files say it.
fn place(alias: &str, config: Option<&Path>, home: Option<&Path>) -> String {
    let wanted = Wanted { host: alias.to_owned(), user: None, port: None };
    let lines = file::read(&wanted, config, home).unwrap_or_default();
    let get = |key: &str| {
        let value = lines.iter().find(|(name, _)| name == key).map(|(_, value)| value.trim_matches('"'));
        value.filter(|value| !value.is_empty())
    };
    let (hostname, user, port) = (get("hostname"), get("user"), get("port").filter(|port| *port != "22"));
    if hostname.is_none_or(|hostname| hostname == alias) && user.is_none() && port.is_none() {
        return String::new();
    }
    let host = hostname.unwrap_or(alias);
    let login = user.map(|user| format!("{user}@")).unwrap_or_default();
    match port {
        Some(port) if host.contains(':') => format!("{login}[{host}]:{port}"),
        Some(port) => format!("{login}{host}:{port}"),
        None => format!("{login}{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hosts of a home folder with these files in `.ssh`, as `alias` or `alias place`.
    fn hosts(files: &[(&str, &str)]) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = home.path().join(".ssh").join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let found = list(Some(&home.path().join(".ssh/config")), Some(home.path()));
        found.into_iter().map(|host| format!("{} {}", host.alias, host.place).trim_end().to_owned()).collect()
    }

    #[test]
    fn names_are_listed_once_and_patterns_are_not() {
        for (config, expected) in [
            ("", vec![]),
            ("Host b a\nHost a c\n", vec!["b", "a", "c"]),
            ("Host *.example !no.example x? plain !plainer\n", vec!["plain"]),
            ("Host gone !gone\n", vec![]),
            ("host=one\nHOST \"two\" # and more\n# Host three\n", vec!["one", "two"]),
            ("Host -oProxyCommand=x $(id) a;b me@box fine\n", vec!["fine"]),
            ("Match host m\n  User u\nHost after\n", vec!["after"]),
            ("User u\nPort 2222\n", vec![]),
        ] {
            assert_eq!(hosts(&[("config", config)]), expected, "{config}");
        }
    }

    #[test]
    fn where_a_host_leads_is_what_ssh_would_do() {
        let config = "Host box\n  HostName build.example\nHost six\n HostName fe80::1\n Port 2222\nHost same\n HostName \
                      %h\nHost dev-*\n Port 1\nHost dev-1\n User \"late\"\nHost *\n  User me\n";
        assert_eq!(
            hosts(&[("config", config)]),
            ["box me@build.example", "six me@[fe80::1]:2222", "same me@same", "dev-1 late@dev-1:1"]
        );
        assert_eq!(
            hosts(&[("config", "Host a\n HostName a\n Port 22\nHost b\n Port 22\n HostName c\n")]),
            ["a", "b c"]
        );
    }

    #[test]
    fn included_hosts_come_where_they_are_included_and_only_where_both_hold() {
        let files = [
            (
                "config",
                "Include conf.d/*.conf missing\nHost a*\nInclude ~/.ssh/inner\nMatch exec true\nInclude never\nMatch \
                 all\nInclude late\nHost last\n",
            ),
            ("conf.d/2.conf", "Host two\n"),
            ("conf.d/1.conf", "Host one\n  HostName 1.example\n"),
            ("conf.d/3", "Host three\n"),
            ("inner", "Include deep\nHost apple pear\nInclude none\n"),
            ("deep", "Host avocado plum\n"),
            ("none", "Host almond\n"),
            ("never", "Host never\n"),
            ("late", "Host late\n"),
        ];
        assert_eq!(hosts(&files), ["one 1.example", "two", "avocado", "apple", "late", "last"]);
    }

    #[test]
    fn a_file_that_includes_itself_still_lists_its_hosts() {
        assert_eq!(hosts(&[("config", "Host a\nMatch all\nInclude config\nHost b\n")]), ["a", "b"]);
    }
}
