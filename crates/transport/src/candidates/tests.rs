//! Fake tools that answer as the real ones are documented to, and only to the arguments that we give them.
#![allow(clippy::unwrap_used, reason = "what a test sets up works or the test fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;

/// A home, and a folder of programs that is all of `PATH`.
struct Place(TempDir);

impl Place {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home/.ssh", "bin"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("home/.ssh/config"), config).unwrap();
        Self(folder)
    }

    fn program(self, name: &str, body: &str) -> Self {
        let file = self.0.path().join("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    async fn found(&self) -> Vec<Candidate> {
        let path = self.0.path().join("bin").into_os_string();
        let surroundings = Surroundings { home: Some(self.0.path().join("home")), path };
        let mut found = surroundings.candidates().await;
        // The system's own configuration is this machine's business.
        let system = ssh::hosts(None);
        found.retain(|one| system.iter().all(|host| host.alias != one.name));
        found
    }
}

/// `kind name (detail): argv`.
fn shown(found: &[Candidate]) -> Vec<String> {
    let how = |transport: &TransportSpec| match transport {
        TransportSpec::Ssh(spec) => spec.host.clone(),
        TransportSpec::Command(argv) => argv.join(" "),
        TransportSpec::Local => "here".to_owned(),
    };
    found.iter().map(|one| format!("{:?} {} ({}): {}", one.kind, one.name, one.detail, how(&one.transport))).collect()
}

/// As `docker ps --format '{{.Names}}\t{{.Image}}'` prints it: a line for each container, see
/// <https://docs.docker.com/reference/cli/docker/container/ls/#format>.
const DOCKER: &str = r#"[ "$1 $2" = "ps --format" ] && [ "$3" = "{{.Names}}	{{.Image}}" ] || exit 9
printf 'web\tpython:3.12-slim\n'
printf 'db,web/db\tpostgres:16\n'"#;

/// As `podman ps` prints it with the same template, see <https://docs.podman.io/en/latest/markdown/podman-ps.1.html>.
const PODMAN: &str = r"printf 'job\tquay.io/jobs:1\n'";

/// As a JSONPath template with `range` prints it, see <https://kubernetes.io/docs/reference/kubectl/jsonpath/>.
const KUBECTL: &str = r#"[ "$1 $2 $3 $4" = "get pods --field-selector=status.phase=Running -o" ] || exit 9
case "$5" in "jsonpath={range .items[*]}"*) printf 'api-7d9c\tstaging\n' ;; *) exit 9 ;; esac"#;

#[tokio::test]
async fn what_each_source_has_is_listed_in_order() {
    let place = Place::new("Host box\n  HostName build.example\n  User me\n");
    let place = place.program("docker", DOCKER).program("podman", PODMAN).program("kubectl", KUBECTL);
    assert_eq!(
        shown(&place.found().await),
        [
            "Ssh box (me@build.example): box",
            "Docker web (python:3.12-slim): docker exec -i web",
            "Docker db (postgres:16): docker exec -i db",
            "Docker job (quay.io/jobs:1 (podman)): podman exec -i job",
            "Kubernetes api-7d9c (staging): kubectl exec -i api-7d9c -n staging --",
            "Local local (): here",
        ]
    );
}

#[tokio::test]
async fn tools_that_are_not_there_or_fail_or_talk_nonsense_block_nothing() {
    let place = Place::new("Host box\n")
        .program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
        .program("podman", r"printf 'no tab here\n-rm\tx\n\n\tx\n'");
    assert_eq!(shown(&place.found().await), ["Ssh box (): box", "Local local (): here"]);
}

#[tokio::test]
async fn a_tool_that_hangs_is_ended_with_all_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let body = format!("/bin/sleep 600 & echo $! > {}; wait", pid.display());
    let place = Place::new("").program("kubectl", &body);
    assert_eq!(shown(&place.found().await), ["Local local (): here"]);
    // On a busy machine it may be ended before it has started anything.
    while !pid.exists() {
        place.found().await;
    }
    let pid = fs::read_to_string(&pid).unwrap();
    // A process that has ended has no command line, even before somebody looks at it.
    let line = Path::new("/proc").join(pid.trim()).join("cmdline");
    while fs::read(&line).is_ok_and(|line| !line.is_empty()) {
        tokio::task::yield_now().await;
    }
}
