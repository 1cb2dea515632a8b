//! Owns what the tools for containers say runs now. Never waits long for one, and starts none that is not there.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use remora_model::TransportSpec;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Candidate, CandidateKind};
use crate::child;

/// A daemon on this machine answers in a fraction of a second and a healthy cluster in one or two. The user
/// waits for the list meanwhile, so a cluster behind a network that is down must not hold it up.
const PATIENCE: Duration = Duration::from_secs(4);

/// More than anybody would choose from, and little enough to hold.
const OUTPUT_MAX: u64 = 256 * 1024;

/// A program that lists what runs, one line each.
pub(super) struct Tool {
    program: &'static str,
    kind: CandidateKind,
    list: &'static [&'static str],
    /// What a line means: two words, divided by a tab.
    read: fn(&str, &str) -> Listed,
}

/// One line of a list.
struct Listed {
    name: String,
    detail: String,
    /// What follows the program's name.
    command: Vec<String>,
}

/// <https://docs.docker.com/reference/cli/docker/container/ls/#format>
const NAMES_AND_IMAGES: &[&str] = &["ps", "--format", "{{.Names}}\t{{.Image}}"];

pub(super) const DOCKER: Tool =
    Tool { program: "docker", kind: CandidateKind::Docker, list: NAMES_AND_IMAGES, read: container };

/// <https://docs.podman.io/en/latest/markdown/podman-ps.1.html>
pub(super) const PODMAN: Tool =
    Tool { program: "podman", kind: CandidateKind::Docker, list: NAMES_AND_IMAGES, read: podman_container };

/// <https://kubernetes.io/docs/reference/kubectl/jsonpath/>
pub(super) const KUBECTL: Tool = Tool {
    program: "kubectl",
    kind: CandidateKind::Kubernetes,
    list: &[
        "get",
        "pods",
        "--field-selector=status.phase=Running",
        "-o",
        r#"jsonpath={range .items[*]}{.metadata.name}{"\t"}{.metadata.namespace}{"\n"}{end}"#,
    ],
    read: pod,
};

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

fn container(names: &str, image: &str) -> Listed {
    // Names of legacy links come after the container's own.
    let name = names.split(',').next().unwrap_or(names);
    Listed { name: name.to_owned(), detail: image.to_owned(), command: words(["exec", "-i", name]) }
}

fn podman_container(names: &str, image: &str) -> Listed {
    let listed = container(names, image);
    Listed { detail: format!("{image} (podman)"), ..listed }
}

fn pod(name: &str, namespace: &str) -> Listed {
    let command = words(["exec", "-i", name, "-n", namespace, "--"]);
    Listed { name: name.to_owned(), detail: namespace.to_owned(), command }
}

/// What `tool` lists, if it is in `path`.
pub(super) async fn list(tool: &Tool, path: &OsStr) -> Vec<Candidate> {
    let Some(program) = find(tool.program, path) else { return Vec::new() };
    let text = match run(program, tool.list).await {
        Ok(text) => text,
        Err(reason) => {
            tracing::warn!(program = tool.program, reason, "what it runs is not listed");
            return Vec::new();
        }
    };
    let pairs = text.lines().filter_map(|line| line.split_once('\t'));
    // A name that starts with a dash would be an option to `exec`.
    let pairs = pairs.filter(|(name, _)| !name.is_empty() && !name.starts_with('-'));
    pairs.map(|(name, about)| candidate(tool, (tool.read)(name, about))).collect()
}

fn candidate(tool: &Tool, listed: Listed) -> Candidate {
    let argv = std::iter::once(tool.program.to_owned()).chain(listed.command).collect();
    Candidate { kind: tool.kind, name: listed.name, detail: listed.detail, transport: TransportSpec::Command(argv) }
}

/// The program in `path`; what a relative folder of it holds may be anybody's.
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|file| file.is_file())
}

/// What a program prints, or why it is not to be had.
async fn run(program: PathBuf, arguments: &[&str]) -> Result<String, String> {
    let argv: Vec<String> =
        std::iter::once(program.to_string_lossy().into_owned()).chain(words_of(arguments)).collect();
    let mut command = child::command(&argv).map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let all = async {
        let (stdout, stderr) = tokio::join!(read(stdout), read(stderr));
        child.wait().await.map(|status| (status, stdout, stderr))
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    match ended {
        Ok(Ok((status, stdout, stderr))) => verdict(status, stdout, &stderr),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => {
            child::kill(&mut child);
            // It was just killed.
            let _ = child.wait().await;
            Err(format!("no answer within {} s", PATIENCE.as_secs()))
        }
    }
}

fn words_of(arguments: &[&str]) -> impl Iterator<Item = String> {
    arguments.iter().map(|&argument| argument.to_owned())
}

async fn read<R: AsyncRead + Unpin>(pipe: Option<R>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What came before a failure is all there is.
        let _ = pipe.take(OUTPUT_MAX).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn verdict(status: ExitStatus, stdout: String, stderr: &str) -> Result<String, String> {
    if status.success() {
        return Ok(stdout);
    }
    let said = stderr.trim().lines().next_back().unwrap_or_default();
    Err(format!("{status}: {said}"))
}
