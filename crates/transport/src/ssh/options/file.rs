//! Owns the reading of `ssh_config` where there is no OpenSSH client to ask: `Host`, `Include` and
//! plain keywords. A `Match` other than `Match all` can't be judged here and is passed over.

use std::fs;
use std::io;
use std::path::Path;

use super::include;
use super::line::{names, split};
use super::spec::Wanted;
use crate::TransportError;

type Lines = Vec<(String, String)>;

/// How deep files may include each other; OpenSSH's own limit.
pub(super) const MAX_DEPTH: u8 = 16;

/// What holds for everybody on this machine.
pub(super) const SYSTEM_CONFIG: &str = "/etc/ssh/ssh_config";

/// The key files that OpenSSH tries when none is named, in its order.
const DEFAULT_KEYS: [&str; 5] = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];

/// Keyword and value pairs that hold for the wanted host, defaults last.
pub(super) fn read(wanted: &Wanted, config: Option<&Path>, home: Option<&Path>) -> Result<Lines, TransportError> {
    let mut reading = Reading { host: &wanted.host, home, lines: Lines::new() };
    match (config, home) {
        (Some(config), _) => reading.file(config, home, true, MAX_DEPTH)?,
        (None, Some(home)) => reading.file(&home.join(".ssh").join("config"), Some(home), false, MAX_DEPTH)?,
        (None, None) => {}
    }
    if config.is_none() {
        reading.file(Path::new(SYSTEM_CONFIG), None, false, MAX_DEPTH)?;
    }
    let mut lines = reading.lines;
    // What the settings say comes before what the files say.
    if let Some(port) = wanted.port {
        lines.insert(0, ("port".to_owned(), port.to_string()));
    }
    lines.extend(defaults(&lines));
    if let Some((_, host)) = lines.iter_mut().find(|(key, _)| key == "hostname") {
        *host = host.replace("%h", &wanted.host);
    }
    Ok(lines)
}

/// What holds when nothing is said and the reader of the lines has no default of its own.
fn defaults(lines: &Lines) -> Lines {
    let missing = |key: &str| !lines.iter().any(|(name, _)| name == key);
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut more = Lines::new();
    if missing("identityfile") {
        more.extend(DEFAULT_KEYS.map(|name| pair("identityfile", &format!("~/.ssh/{name}"))));
    }
    if missing("userknownhostsfile") {
        more.push(pair("userknownhostsfile", "~/.ssh/known_hosts ~/.ssh/known_hosts2"));
    }
    if missing("globalknownhostsfile") {
        more.push(pair("globalknownhostsfile", "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"));
    }
    more
}

struct Reading<'a> {
    host: &'a str,
    home: Option<&'a Path>,
    lines: Lines,
}

impl Reading<'_> {
    /// Reads one file; `of_user` is the home it belongs to, for relative includes.
    fn file(&mut self, file: &Path, of_user: Option<&Path>, must: bool, depth: u8) -> Result<(), TransportError> {
        let unreadable = |reason: String| TransportError::ConfigUnreadable { file: Some(file.to_owned()), reason };
        let text = match fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must => return Ok(()),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let mut applies = true;
        for (line, number) in text.lines().zip(1..) {
            let Some((keyword, value)) = split(line) else { continue };
            match keyword.as_str() {
                "host" => applies = names(self.host, &value),
                "match" => applies = value.trim().eq_ignore_ascii_case("all"),
                "include" if applies => {
                    if depth == 0 {
                        return Err(unreadable(format!("line {number}: too many files include each other")));
                    }
                    for included in include::files(&value, of_user, self.home) {
                        self.file(&included, of_user, false, depth - 1)?;
                    }
                }
                _ if applies => self.lines.push((keyword, value)),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::options::values;

    /// The value of `keyword` for `host`, with the files of a home folder.
    fn value(files: &[(&str, &str)], host: &str, keyword: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".ssh/more")).unwrap();
        for (name, text) in files {
            fs::write(home.path().join(".ssh").join(name), text).unwrap();
        }
        let wanted = Wanted { host: host.into(), user: Some("me".into()), port: None };
        let config = home.path().join(".ssh/config");
        let lines = read(&wanted, Some(&config), Some(home.path())).unwrap();
        lines.into_iter().find(|(key, _)| key == keyword).map(|(_, value)| value)
    }

    #[test]
    fn the_first_value_that_holds_for_the_host_counts() {
        let config = "Port 1\n# c\nHost a b*\n  User = first\nHost *.x !no.x\n  User second\nMatch exec \"true\"\n User never\nMatch all\nUser last\n";
        for (host, user) in
            [("a", "first"), ("box", "first"), ("up.x", "second"), ("no.x", "last"), ("c", "last"), ("B", "first")]
        {
            assert_eq!(value(&[("config", config)], host, "user").as_deref(), Some(user), "{host}");
        }
        assert_eq!(value(&[("config", config)], "c", "port").as_deref(), Some("1"));
    }

    #[test]
    fn included_files_are_read_where_they_stand() {
        let files = [
            ("config", "Host box\nInclude \"more/*.conf\" ~/.ssh/other\nUser here\n"),
            ("more/a.conf", "HostName %h.example\nInclude nowhere\n"),
            ("more/b.conf", "HostName second\n"),
            ("other", "User there\n"),
        ];
        assert_eq!(value(&files, "box", "hostname").as_deref(), Some("box.example"));
        assert_eq!(value(&files, "box", "user").as_deref(), Some("there"));
        assert_eq!(value(&files, "else", "hostname"), None);
    }

    #[test]
    fn a_file_that_includes_itself_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        fs::write(&config, format!("Include {}\n", config.display())).unwrap();
        let wanted = Wanted { host: "box".into(), user: None, port: None };
        let error = read(&wanted, Some(&config), Some(home.path())).unwrap_err();
        assert!(matches!(error, TransportError::ConfigUnreadable { .. }), "{error}");
        let missing = read(&wanted, Some(Path::new("/no/such/config")), None).unwrap_err();
        assert!(matches!(missing, TransportError::ConfigUnreadable { .. }), "{missing}");
    }

    #[test]
    fn the_settings_have_the_last_word_and_defaults_fill_the_rest() {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        fs::write(&config, "Port 1\nUser file\n").unwrap();
        let wanted = Wanted { host: "box".into(), user: Some("me".into()), port: Some(2) };
        let lines = read(&wanted, Some(&config), Some(home.path())).unwrap();
        let options = values::options(&lines, &wanted, None, Some(home.path())).unwrap();
        assert_eq!((options.user.as_str(), options.port), ("me", 2));
        assert_eq!(options.user_known_hosts[0], home.path().join(".ssh/known_hosts"));
        assert_eq!(options.identity_files.len(), DEFAULT_KEYS.len());
    }
}
