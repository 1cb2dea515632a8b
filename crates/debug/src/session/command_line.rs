//! Owns how the program's process is called: its arguments and environment. Pure.

use std::collections::BTreeMap;

use remora_model::RemotePath;
use serde_json::{Value, json};

use crate::attach::HOLD;
use crate::interpreter::Probed;
use crate::request::{Exposed, Program, Request};
use crate::wheels::Push;

/// A process to spawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandLine {
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
}

/// The path there of the file to run; empty for a module.
pub(super) fn program_path(request: &Request) -> String {
    match &request.program {
        Program::File(file) => below(&request.remote_root, file),
        Program::Module(_) | Program::Process(_) | Program::Listener(_) => String::new(),
    }
}

/// The working directory there.
pub(super) fn cwd(request: &Request) -> String {
    request.cwd.as_deref().map_or_else(|| request.remote_root.to_string(), |cwd| below(&request.remote_root, cwd))
}

/// `path` with the home folder there for its leading `~`.
pub(super) fn at_home(home: &RemotePath, path: String) -> String {
    match path.strip_prefix('~') {
        Some("") => home.to_string(),
        Some(rest) if rest.starts_with('/') => format!("{}{rest}", home.to_string().trim_end_matches('/')),
        _ => path,
    }
}

fn below(root: &RemotePath, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    match path.trim_start_matches("./") {
        "" | "." => root.to_string(),
        path => format!("{}/{path}", root.to_string().trim_end_matches('/')),
    }
}

/// The process for `request`, with the debugger `push` unpacked at `tree`, for clients of the local `port`.
pub(super) fn command_line(
    request: &Request,
    probed: &Probed,
    push: &Push,
    tree: &RemotePath,
    port: u16,
) -> CommandLine {
    let ours = format!("{tree}/{}/_remora", push.name);
    let version = probed.interpreter.version;
    let mut argv = vec![probed.interpreter.path.clone(), "-u".into()];
    if version >= (3, 11, 0) && probed.interpreter.implementation == "CPython" {
        // Frozen modules have no lines to stop at, and debugpy says so on standard error.
        argv.push("-Xfrozen_modules=off".into());
    }
    let mut env = request.env.clone();
    let mut plan = plan(request, push.name, port);
    match &request.exposed {
        Exposed::No => {}
        Exposed::Direct { at, from } => plan["exposed"] = json!({"port": at.port, "to": from}),
        Exposed::Reverse { at, .. } => plan["dial"] = json!({"host": at.host, "port": at.port}),
    }
    if request.other_account && request.in_code {
        env.entry("PYTHONDONTWRITEBYTECODE".into()).or_insert_with(|| "1".into());
    } else if request.other_account {
        plan["compiles"] = json!(false);
    }
    env.insert("REMORA_DEBUG".into(), plan.to_string());
    if request.in_code {
        env.entry("REMOTE_DEBUG".into()).or_insert_with(|| "1".into());
        let before = request.env.get("PYTHONPATH").unwrap_or(&probed.pythonpath);
        let separator = if before.is_empty() { "" } else { ":" };
        env.insert("PYTHONPATH".into(), format!("{ours}/in_code{separator}{before}"));
    } else {
        argv.push(format!("{ours}/start_{}.py", push.name));
        argv.push(request.sub_process.to_string());
    }
    match &request.program {
        Program::File(_) => argv.push(program_path(request)),
        Program::Module(module) => argv.extend(["-m".into(), module.clone()]),
        Program::Process(_) | Program::Listener(_) => {}
    }
    argv.extend(request.args.iter().cloned());
    CommandLine { argv: request.prefix.before(argv), env }
}

/// What attaches to a process that runs already: `python` is the agent's own, and of no matter to the process.
pub(super) fn attaching(request: &Request, python: &str, pid: u32, tree: &RemotePath, port: u16) -> CommandLine {
    let ours = format!("{tree}/debugpy/_remora/attach");
    let argv = [python.to_owned(), "-I".into(), ours, pid.to_string(), request.sub_process.to_string()].into();
    let env = [("REMORA_DEBUG".into(), plan(request, "debugpy", port).to_string())].into();
    CommandLine { argv, env }
}

/// What stands for a process that listens by itself.
pub(super) fn holding(request: &Request, python: &str, pid: Option<u32>) -> CommandLine {
    let pid = pid.map_or_else(|| "-".into(), |pid| pid.to_string());
    let mut argv = vec![python.to_owned(), "-I".into(), "-c".into(), HOLD.into(), pid];
    argv.extend(request.mappings.iter().map(|mapping| mapping.remote_root.to_string()));
    CommandLine { argv, env: BTreeMap::new() }
}

/// What the run was asked for, for the shims.
fn plan(request: &Request, debugger: &str, port: u16) -> Value {
    let roots: Vec<&RemotePath> = request.mappings.iter().map(|mapping| &mapping.remote_root).collect();
    json!({"port": port, "debugger": debugger, "roots": roots})
}

#[cfg(test)]
mod tests {
    use remora_model::{Debugger, Prefix};

    use super::*;
    use crate::interpreter::Interpreter;
    use crate::request::Listen;
    use crate::wheels::choose;

    fn request() -> Request {
        Request {
            program: Program::File("app/main.py".into()),
            args: vec!["a b".into(), "--x".into()],
            cwd: None,
            env: BTreeMap::new(),
            python: None,
            prefix: Prefix::default(),
            debugger: Debugger::Auto,
            in_code: false,
            just_my_code: true,
            sub_process: false,
            mappings: Vec::new(),
            remote_root: RemotePath::new("/srv/p").unwrap(),
            name: "x".into(),
            listen: Listen::Port { host: [127, 0, 0, 1].into(), port: 0, exact: false },
            exposed: Exposed::No,
            terminal: None,
            foresight: true,
            other_account: false,
            words: |notice| format!("{notice:?}"),
            detach: None,
        }
    }

    fn probed(version: (u8, u8, u8), pythonpath: &str) -> Probed {
        let interpreter = Interpreter {
            path: "python".into(),
            version,
            implementation: "CPython".into(),
            prefix: "/usr".into(),
            venv: false,
        };
        Probed { interpreter, pythonpath: pythonpath.into(), is_file: true, is_dir: true, is_module: true }
    }

    fn line(request: &Request, probed: &Probed) -> CommandLine {
        let push = choose(probed.interpreter.version, request.debugger).unwrap();
        command_line(request, probed, push, &RemotePath::new("/c/d").unwrap(), 20_001)
    }

    #[test]
    fn the_program_runs_behind_our_start_script() {
        let line = line(&request(), &probed((3, 8, 0), ""));
        let expected =
            ["python", "-u", "/c/d/debugpy/_remora/start_debugpy.py", "false", "/srv/p/app/main.py", "a b", "--x"];
        assert_eq!(line.argv, expected);
        assert!(!line.env.contains_key("PYTHONPATH") && !line.env.contains_key("REMOTE_DEBUG"));
    }

    #[test]
    fn a_prefix_stands_before_the_interpreter() {
        let request = Request { prefix: Prefix::Words(vec!["uv".into(), "run".into()]), ..request() };
        assert_eq!(line(&request, &probed((3, 8, 0), "")).argv[..3], ["uv", "run", "python"]);
    }

    #[test]
    fn another_account_leaves_no_bytecode_in_the_project() {
        let compiled = |in_code, other_account| {
            let line = line(&Request { in_code, other_account, ..request() }, &probed((3, 8, 0), ""));
            (line.env["REMORA_DEBUG"].contains(r#""compiles":false"#), line.env.contains_key("PYTHONDONTWRITEBYTECODE"))
        };
        assert_eq!((compiled(false, false), compiled(true, false)), ((false, false), (false, false)));
        assert_eq!((compiled(false, true), compiled(true, true)), ((true, false), (false, true)));
    }

    #[test]
    fn frozen_modules_are_off_where_they_exist() {
        assert_eq!(line(&request(), &probed((3, 11, 0), "")).argv[2], "-Xfrozen_modules=off");
    }

    #[test]
    fn in_code_runs_the_program_itself_with_our_modules_in_front() {
        let request = Request { in_code: true, program: Program::Module("app".into()), ..request() };
        let line = line(&request, &probed((3, 8, 0), "/site"));
        assert_eq!(line.argv, ["python", "-u", "-m", "app", "a b", "--x"]);
        assert_eq!(line.env["PYTHONPATH"], "/c/d/debugpy/_remora/in_code:/site");
        assert_eq!(line.env["REMOTE_DEBUG"], "1");
    }

    #[test]
    fn paths_are_below_the_root_unless_absolute() {
        let root = RemotePath::new("/srv/p").unwrap();
        for (path, expected) in
            [("a.py", "/srv/p/a.py"), ("./a.py", "/srv/p/a.py"), (".", "/srv/p"), ("/x/a.py", "/x/a.py")]
        {
            assert_eq!(below(&root, path), expected);
        }
    }

    #[test]
    fn a_leading_tilde_is_the_home_folder_there() {
        let home = RemotePath::new("/home/me").unwrap();
        for (path, expected) in
            [("~", "/home/me"), ("~/work", "/home/me/work"), ("~x", "~x"), ("a/~", "a/~"), ("/x", "/x")]
        {
            assert_eq!(at_home(&home, path.into()), expected);
        }
    }
}
