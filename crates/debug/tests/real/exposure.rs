//! Debuggers that are not behind the relay: each is attached to by the configuration that its start gave.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use remora_agent::Exit;
use remora_debug::dap::Client;
use remora_debug::wheels::choose;
use remora_debug::{DebugError, Exposed, NoDial, Place, Request, SessionEvent};
use remora_model::Debugger;
use remora_testkit::editor::adapter;
use remora_testkit::python::{find, newest, usual};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::bed::{Bed, Run};
use crate::reach::stranger_gets;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A place on this machine that nobody listened on a moment ago.
fn free_place() -> Place {
    let port = TcpListener::bind((HERE, 0)).unwrap().local_addr().unwrap().port();
    Place { host: HERE.to_string(), port }
}

fn address(place: &Value) -> SocketAddr {
    let ip: IpAddr = place["host"].as_str().unwrap().parse().unwrap();
    SocketAddr::new(ip, place["port"].as_u64().unwrap().try_into().unwrap())
}

/// From the breakpoint in `helper.py` to the end of the program; nothing may be left.
async fn to_the_end(bed: &Bed, mut run: Run, mut client: Client) {
    let helper = bed.here("helper.py");
    let configuration = run.session.configuration().clone();
    let set = client.attach(&configuration, &[(&helper, &[5])]).await.unwrap();
    assert!(set.iter().all(|breakpoint| breakpoint.verified), "{set:?}");
    let stopped = client.stopped().await;
    let (thread, _) = stopped.unwrap_or_else(|error| panic!("{error}: {configuration}"));
    let stack = client.stack(thread).await.unwrap();
    assert_eq!((stack[0].path.as_str(), stack[0].line), (helper.as_str(), 5));
    client.set_breakpoints(&helper, &[]).await.unwrap();
    client.go_on(thread).await.unwrap();
    drop(client);
    assert_eq!(run.events.recv().await.map(is_connected), Some(true), "the session heard that a client is there");
    let (output, last) = run.end().await;
    assert!(output.contains("total 12"), "{output}");
    assert_eq!(last, SessionEvent::Exited(Exit::Code(3)));
    assert_eq!(bed.census(), Vec::<String>::new());
}

fn is_connected(event: SessionEvent) -> bool {
    event == SessionEvent::ClientConnected
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debugger_that_listens_by_itself_is_attached_to_without_the_relay() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let bed = Bed::new().await;
        let mut request = bed.request(&usual(), "main.py");
        request.debugger = debugger;
        let at = free_place();
        request.exposed = Exposed::Direct { at: at.clone(), from: [192, 0, 2, 7].into() };
        let run = bed.start(request).await.unwrap();
        let connect = address(&run.session.configuration()["connect"]);
        assert_eq!(connect.to_string(), at.to_string());
        let nothing = stranger_gets(&bed.tmp(), &[connect]).is_none_or(|said| said == "FileNotFoundError\nclosed\n");
        assert!(nothing, "{debugger:?}: another account gets nothing, and there is no socket besides the port");
        let client = Client::connect(connect).await.unwrap();
        to_the_end(&bed, run, client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debugger_that_listens_by_itself_takes_one_machine_and_its_own_user() {
    let bed = Bed::new().await;
    let script = "import os, sys; sys.path[:0] = sys.argv[1:]\n\
        from debugpy._remora.listeners import ExposedListener\n\
        here = ExposedListener(0, '192.0.2.7')\n\
        table = [('192.0.2.7', None), ('192.0.2.8', None), ('127.0.0.1', os.getuid()), ('192.0.2.7', os.getuid() + 1)]\n\
        print([here._is_own((ip, 1), uid) for ip, uid in table])";
    let run = Command::new(usual()).args(["-c", script]).arg(tree(&bed).await).output().await.unwrap();
    let said = String::from_utf8(run.stdout).unwrap() + &String::from_utf8(run.stderr).unwrap();
    assert_eq!(said.trim(), "[True, False, True, False]");
}

/// How `version` is started for a client that listens here.
fn dialling(bed: &Bed, version: &str, program: &str) -> Request {
    let mut request = bed.request(&find(version), program);
    request.exposed = Exposed::Reverse { at: free_place(), listen: HERE };
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_dials_the_client_that_listens_for_it() {
    for version in ["3.7", "3.8", "3.13"] {
        let bed = Bed::new().await;
        let request = dialling(&bed, version, "main.py");
        let Exposed::Reverse { at, .. } = request.exposed.clone() else { unreachable!() };
        let run = bed.start(request).await.unwrap();
        assert_eq!(address(&run.session.configuration()["listen"]).to_string(), at.to_string(), "{version}");
        let (client, _adapter) = editor(&bed).await;
        to_the_end(&bed, run, client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_of_a_program_that_dials_come_to_the_same_client() {
    let bed = Bed::new().await;
    let mut request = dialling(&bed, "3.11", "kids.py");
    request.args = vec!["spawn".into()];
    let mut run = bed.start(request).await.unwrap();
    let (mut parent, _adapter) = editor(&bed).await;
    parent.attach(&run.session.configuration().clone(), &[]).await.unwrap();
    let announced = parent.child().await.unwrap();
    let mut child = Client::connect(address(&announced["connect"])).await.unwrap();
    child.attach(&announced, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
    let (thread, _) = child.stopped().await.unwrap();
    child.set_breakpoints(&bed.here("helper.py"), &[]).await.unwrap();
    child.go_on(thread).await.unwrap();
    let (output, last) = run.end().await;
    assert!(output.contains("child ended 3"), "{output}");
    assert_eq!(last, SessionEvent::Exited(Exit::Code(0)));
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_finds_no_way_to_its_client_says_so() {
    let bed = Bed::new().await;
    let mut request = bed.request(&newest(), "main.py");
    let at = Place { host: "no-such-host.invalid".into(), port: 5678 };
    request.exposed = Exposed::Reverse { at: at.clone(), listen: HERE };
    match bed.start(request).await.map(drop) {
        Err(DebugError::Unreachable { at: dialled, reason }) => {
            assert!(dialled == at && !reason.is_empty(), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_debugged_that_way_dials_nobody() {
    let bed = Bed::new().await;
    for (version, debugger, in_code, why) in [
        ("3.11", Debugger::Ptvsd, false, NoDial::Ptvsd),
        ("3.11", Debugger::Auto, true, NoDial::InCode),
        ("3.6", Debugger::Auto, false, NoDial::OldDebugpy),
    ] {
        let mut request = bed.request(&find(version), "main.py");
        request.exposed = Exposed::Reverse { at: free_place(), listen: HERE };
        (request.debugger, request.in_code) = (debugger, in_code);
        match bed.start(request).await.map(drop) {
            Err(DebugError::CannotDial(said)) => assert_eq!(said, why),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}

/// Where the newest debugger stands.
async fn tree(bed: &Bed) -> PathBuf {
    let push = choose((3, 13, 0), Debugger::Debugpy).unwrap();
    let there = match bed.link.cached(&push.cache_name()).await.unwrap() {
        Some(there) => there,
        None => bed.link.cache(&push.cache_name(), push.sha256, push.archive).await.unwrap(),
    };
    PathBuf::from(there.to_string())
}

/// What an editor starts here for a configuration with `listen`.
async fn editor(bed: &Bed) -> (Client, Child) {
    let (reader, writer, adapter) = adapter(&tree(bed).await);
    (Client::on(reader, writer), adapter)
}
