//! Reads an entry of `launch.json` of type `remora` that asks for a launch, or to attach to what runs there: what it says, or the one attribute that
//! is wrong. Pure. What is not ours is passed over: editors and debuggers have attributes of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use remora_debug::{Listen, Program};
use remora_model::{Debugger, LocalPath, OnStale, Prefix, RemotePort};
use serde_json::{Map, Value};

use crate::fault::{Fault, Kind};
use crate::folders::{Folder, holder};
use crate::surface::DebugRequest;
use crate::test_name::Test;

/// What an entry asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Launch {
    /// The target's name; without it, the one in use.
    pub(crate) target: Option<String>,
    pub(crate) request: DebugRequest,
}

/// Reads an entry whose variables are substituted, for a target that mirrors `folders`.
///
/// # Errors
/// The attribute that is wrong, and how.
pub(crate) fn read(configuration: &Value, root: &LocalPath, folders: &[Folder]) -> Result<Launch, Fault> {
    let Some(entry) = configuration.as_object() else { return Err(wrong("a configuration must be an object")) };
    let entry = Entry(entry);
    let attaches = entry.text("request")?.as_deref() == Some("attach");
    let run = entry.text("run")?;
    let What { file, module, test, running } = match (&run, attaches) {
        (Some(_), _) => What::default(),
        (None, true) => what_runs(&entry)?,
        (None, false) => what(&entry, root, folders)?,
    };
    let terminal = match entry.text("console")?.as_deref() {
        None | Some("internalConsole") => false,
        Some("integratedTerminal") => true,
        Some(_) => return Err(wrong(r#""console" must be "internalConsole" or "integratedTerminal""#)),
    };
    let debugger = match entry.text("debugger")?.as_deref() {
        None => None,
        Some("auto") => Some(Debugger::Auto),
        Some("debugpy") => Some(Debugger::Debugpy),
        Some("ptvsd") => Some(Debugger::Ptvsd),
        Some(_) => return Err(wrong(r#""debugger" must be "auto", "debugpy" or "ptvsd""#)),
    };
    let in_code = entry.flag("inCode")?.unwrap_or_default();
    if in_code && entry.flag("stopOnEntry")? == Some(true) {
        return Err(wrong(
            r#""stopOnEntry" does not go with "inCode": by the time the program calls its debugger, it is past its entry"#,
        ));
    }
    let listen = match entry.port("port")? {
        _ if attaches => Listen::Socket,
        Some(port) => Listen::Port { host: [127, 0, 0, 1].into(), port, exact: true },
        None => Listen::Socket,
    };
    let request = DebugRequest {
        file,
        module,
        test,
        running,
        name: entry.text("name")?,
        args: entry.arguments("args")?,
        cwd: entry.text("cwd")?.map(|cwd| over_there(cwd, root, folders)),
        env: entry.variables("env")?,
        python: entry.text("python")?,
        prefix: entry.prefix("prefix")?,
        run_as: entry.text("runAs")?,
        debugger,
        in_code,
        just_my_code: entry.flag("justMyCode")?,
        sub_process: entry.flag("subProcess")?,
        on_stale: entry.on_stale("onStale")?,
        restarts: false,
        terminal,
        detach: entry.flag("detach")?.unwrap_or_default(),
        run,
        exposure: None,
        address: None,
        listen: Some(listen),
    };
    Ok(Launch { target: entry.text("target")?, request })
}

/// What is to run: one of these.
#[derive(Default)]
struct What {
    file: Option<PathBuf>,
    module: Option<String>,
    test: Option<Test>,
    running: Option<Program>,
}

/// What runs over there already: a process by its number, or what listens on a port there.
fn what_runs(entry: &Entry<'_>) -> Result<What, Fault> {
    let number = |value: &Value| match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|pid| u32::try_from(pid).ok()),
    };
    let pid = entry.get("processId", "the number of a process", |value| number(value).filter(|&pid| pid > 0))?;
    match (pid, entry.port("port")?) {
        (Some(pid), None) => Ok(What { running: Some(Program::Process(pid)), ..What::default() }),
        (None, Some(port)) => Ok(What { running: Some(Program::Listener(RemotePort(port))), ..What::default() }),
        _ => Err(wrong(r#"to attach, one of "processId" and "port" must be given"#)),
    }
}

/// Exactly one of a file in a mirrored folder, a module and a test in such a file.
fn what(entry: &Entry<'_>, root: &LocalPath, folders: &[Folder]) -> Result<What, Fault> {
    match (entry.text("program")?, entry.text("module")?, entry.text("pytest")?) {
        (None, None, None) => Err(wrong(r#"one of "program", "module" and "pytest" must be given"#)),
        (Some(program), None, None) => {
            let file = root.as_path().join(&program);
            mirrored("program", &program, &file, folders)?;
            Ok(What { file: Some(file), ..What::default() })
        }
        (None, Some(module), None) if module.is_empty() => Err(wrong(r#""module" must not be empty"#)),
        (None, Some(module), None) => Ok(What { module: Some(module), ..What::default() }),
        (None, None, Some(name)) => {
            let test = Test::read(&name, root.as_path());
            mirrored("pytest", &name, &test.file, folders)?;
            Ok(What { test: Some(test), ..What::default() })
        }
        _ => Err(wrong(r#"only one of "program", "module" and "pytest" can be given"#)),
    }
}

fn mirrored(attribute: &str, given: &str, file: &Path, folders: &[Folder]) -> Result<(), Fault> {
    let where_to = match folders {
        _ if holder(folders, file).is_some() => return Ok(()),
        [only] => format!("the mirrored folder {}", only.local),
        _ => "one of the mirrored folders".to_owned(),
    };
    Err(wrong(&format!("{attribute:?} must be a file in {where_to}, not {given:?}")))
}

/// A folder of the project stands for its copy; any other path is one over there.
fn over_there(cwd: String, root: &LocalPath, folders: &[Folder]) -> String {
    let path = Path::new(&cwd);
    if path == root.as_path() {
        return ".".into();
    }
    if let Some(folder) = folders.iter().find(|folder| folder.local.as_path() == path) {
        return folder.remote.clone();
    }
    let held = holder(folders, path).filter(|_| path.is_absolute());
    let inside = held.and_then(|(folder, inside)| Some((folder, String::from_utf8(inside.as_bytes().to_vec()).ok()?)));
    match (inside, folders.first()) {
        (Some((folder, inside)), Some(main)) if folder.local == main.local => inside,
        (Some((folder, inside)), _) => format!("{}/{inside}", folder.remote.trim_end_matches('/')),
        (None, _) => cwd,
    }
}

fn wrong(what: &str) -> Fault {
    Fault::new(Kind::BadRequest, format!("launch.json: {what}."), "Correct the configuration, and start it again.")
}

/// The attributes of an entry. One that is `null` is not there.
struct Entry<'a>(&'a Map<String, Value>);

impl Entry<'_> {
    fn get<T>(&self, name: &str, kind: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Fault> {
        match self.0.get(name).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| wrong(&format!("{name:?} must be {kind}"))),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, Fault> {
        self.get(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    fn on_stale(&self, name: &str) -> Result<Option<OnStale>, Fault> {
        self.get(name, r#""ask", "restart", "reload" or "keep""#, |value| OnStale::named(value.as_str()?))
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        self.get(name, "true or false", Value::as_bool)
    }

    fn port(&self, name: &str) -> Result<Option<u16>, Fault> {
        let port = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port != 0);
        self.get(name, "a number from 1 to 65535", port)
    }

    /// A list, or one line as in a shell.
    fn arguments(&self, name: &str) -> Result<Vec<String>, Fault> {
        if let Some(line) = self.0.get(name).and_then(Value::as_str) {
            return shell_words::split(line).map_err(|_| wrong(&format!("a quote in {name:?} is not closed: {line}")));
        }
        let texts = |value: &Value| value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect();
        Ok(self.get(name, "a list of strings, or one line as in a shell", texts)?.unwrap_or_default())
    }

    fn prefix(&self, name: &str) -> Result<Option<Prefix>, Fault> {
        let prefix = |value: &Value| serde_json::from_value(value.clone()).ok();
        self.get(name, "a list of strings, or one line of shell", prefix)
    }

    fn variables(&self, name: &str) -> Result<BTreeMap<String, String>, Fault> {
        let variable = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let variables = |value: &Value| value.as_object()?.iter().map(variable).collect();
        Ok(self.get(name, "an object of strings", variables)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn root() -> LocalPath {
        LocalPath::new(std::env::temp_dir().join("project")).unwrap()
    }

    fn here(name: &str) -> String {
        root().as_path().join(name).display().to_string()
    }

    #[test]
    fn everything_that_can_be_said_is_read_and_what_is_not_ours_is_passed_over() {
        let entry = json!({
            "type": "remora", "request": "launch", "name": "My app", "__sessionId": "1", "preLaunchTask": "x", "django": true,
            "program": here("app/main.py"), "args": ["a b", ""], "env": {"A": "1"}, "cwd": here("app"), "target": "box",
            "python": "python3", "prefix": "uv run", "runAs": "app", "debugger": "ptvsd", "justMyCode": false, "subProcess": false, "port": 20_001,
            "onStale": "keep", "console": "integratedTerminal", "stopOnEntry": true, "inCode": null, "detach": true,
        });
        let request = DebugRequest {
            file: Some(here("app/main.py").into()),
            module: None,
            test: None,
            running: None,
            name: Some("My app".into()),
            args: vec!["a b".into(), String::new()],
            cwd: Some("app".into()),
            env: [("A".into(), "1".into())].into(),
            python: Some("python3".into()),
            prefix: Some(Prefix::Line("uv run".into())),
            run_as: Some("app".into()),
            debugger: Some(Debugger::Ptvsd),
            in_code: false,
            just_my_code: Some(false),
            sub_process: Some(false),
            on_stale: Some(OnStale::Keep),
            restarts: false,
            terminal: true,
            detach: true,
            run: None,
            exposure: None,
            address: None,
            listen: Some(Listen::Port { host: [127, 0, 0, 1].into(), port: 20_001, exact: true }),
        };
        let expected = Launch { target: Some("box".into()), request };
        assert_eq!(read(&entry, &root(), &[Folder::workspace(&root())]).unwrap(), expected);
    }

    #[test]
    fn little_needs_to_be_said() {
        let launch = read(&json!({"module": "app"}), &root(), &[Folder::workspace(&root())]).unwrap();
        let request =
            DebugRequest { module: Some("app".into()), listen: Some(Listen::Socket), ..DebugRequest::default() };
        assert_eq!(launch, Launch { target: None, request });
        let test = read(&json!({"pytest": "t/test_a.py::b"}), &root(), &[Folder::workspace(&root())]).unwrap();
        assert_eq!(test.request.test, Some(Test::read(&here("t/test_a.py::b"), root().as_path())));
        let relative = read(&json!({"program": "app/main.py"}), &root(), &[Folder::workspace(&root())]).unwrap();
        assert_eq!(relative.request.file, Some(here("app/main.py").into()));
    }

    #[test]
    fn what_runs_already_is_named_by_its_number_or_its_port() {
        for (entry, expected) in [
            (json!({"request": "attach", "processId": 7}), Program::Process(7)),
            (json!({"request": "attach", "processId": "7"}), Program::Process(7)),
            (json!({"request": "attach", "port": 5678}), Program::Listener(RemotePort(5678))),
        ] {
            let request = read(&entry, &root(), &[Folder::workspace(&root())]).unwrap().request;
            assert_eq!((request.running, request.listen), (Some(expected), Some(Listen::Socket)));
        }
    }

    #[test]
    fn a_folder_of_the_project_is_its_copy_and_any_other_is_over_there() {
        for (cwd, expected) in [
            (here("app"), "app"),
            (root().to_string(), "."),
            ("/srv/data".into(), "/srv/data"),
            ("app".into(), "app"),
            ("~/x".into(), "~/x"),
        ] {
            let launch = read(&json!({"module": "m", "cwd": cwd}), &root(), &[Folder::workspace(&root())]).unwrap();
            assert_eq!(launch.request.cwd.as_deref(), Some(expected));
        }
    }

    #[test]
    fn arguments_may_be_one_line_as_in_a_shell() {
        for (line, expected) in [
            ("", vec![]),
            ("--epochs 3", vec!["--epochs", "3"]),
            (r#"'a b' "c \"d\"" e\ f """#, vec!["a b", r#"c "d""#, "e f", ""]),
            ("*.py $HOME", vec!["*.py", "$HOME"]),
        ] {
            assert_eq!(
                read(&json!({"module": "m", "args": line}), &root(), &[Folder::workspace(&root())])
                    .unwrap()
                    .request
                    .args,
                expected
            );
        }
    }

    #[test]
    fn what_is_wrong_is_named_in_one_sentence() {
        let outside = format!(r#""program" must be a file in the mirrored folder {}, not "/etc/passwd""#, root());
        let outside_test = outside.replace("program", "pytest").replace("passwd", "passwd::x");
        let table = [
            (json!([]), "a configuration must be an object"),
            (json!({"request": "attach"}), r#"to attach, one of "processId" and "port" must be given"#),
            (json!({"request": "attach", "processId": "x"}), r#""processId" must be the number of a process"#),
            (
                json!({"request": "attach", "processId": 7, "port": 7}),
                r#"to attach, one of "processId" and "port" must be given"#,
            ),
            (json!({}), r#"one of "program", "module" and "pytest" must be given"#),
            (json!({"program": null}), r#"one of "program", "module" and "pytest" must be given"#),
            (json!({"program": "a.py", "module": "a"}), r#"only one of "program", "module" and "pytest" can be given"#),
            (json!({"module": "a", "pytest": "a"}), r#"only one of "program", "module" and "pytest" can be given"#),
            (json!({"pytest": ["a"]}), r#""pytest" must be a string"#),
            (json!({"pytest": "/etc/passwd::x"}), &outside_test),
            (json!({"program": ["a.py"]}), r#""program" must be a string"#),
            (json!({"program": "/etc/passwd"}), &outside),
            (json!({"module": ""}), r#""module" must not be empty"#),
            (json!({"module": "a", "args": 1}), r#""args" must be a list of strings, or one line as in a shell"#),
            (
                json!({"module": "a", "args": ["x", 1]}),
                r#""args" must be a list of strings, or one line as in a shell"#,
            ),
            (json!({"module": "a", "args": "x 'y z"}), r#"a quote in "args" is not closed: x 'y z"#),
            (json!({"module": "a", "env": ["A=1"]}), r#""env" must be an object of strings"#),
            (json!({"module": "a", "env": {"A": 1}}), r#""env" must be an object of strings"#),
            (json!({"module": "a", "cwd": 1}), r#""cwd" must be a string"#),
            (json!({"module": "a", "target": true}), r#""target" must be a string"#),
            (json!({"module": "a", "python": ["python3"]}), r#""python" must be a string"#),
            (
                json!({"module": "a", "prefix": ["uv", 1]}),
                r#""prefix" must be a list of strings, or one line of shell"#,
            ),
            (json!({"module": "a", "runAs": true}), r#""runAs" must be a string"#),
            (json!({"module": "a", "name": 1}), r#""name" must be a string"#),
            (json!({"module": "a", "justMyCode": "no"}), r#""justMyCode" must be true or false"#),
            (json!({"module": "a", "subProcess": 0}), r#""subProcess" must be true or false"#),
            (json!({"module": "a", "port": 0}), r#""port" must be a number from 1 to 65535"#),
            (json!({"module": "a", "port": 70_000}), r#""port" must be a number from 1 to 65535"#),
            (json!({"module": "a", "onStale": "reset"}), r#""onStale" must be "ask", "restart", "reload" or "keep""#),
            (json!({"module": "a", "debugger": "gdb"}), r#""debugger" must be "auto", "debugpy" or "ptvsd""#),
            (
                json!({"module": "a", "console": "externalTerminal"}),
                r#""console" must be "internalConsole" or "integratedTerminal""#,
            ),
            (json!({"module": "a", "inCode": true, "stopOnEntry": "x"}), r#""stopOnEntry" must be true or false"#),
            (
                json!({"module": "a", "inCode": true, "stopOnEntry": true}),
                r#""stopOnEntry" does not go with "inCode": by the time the program calls its debugger, it is past its entry"#,
            ),
        ];
        for (entry, expected) in table {
            let fault = read(&entry, &root(), &[Folder::workspace(&root())]).unwrap_err();
            assert_eq!(fault.message, format!("launch.json: {expected}."), "{entry}");
        }
    }
}
