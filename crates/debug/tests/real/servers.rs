//! A server that starts itself again when a file was saved: breakpoints are hit in each life, and a stop ends all.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use remora_debug::dap::Client;
use remora_debug::{Program, Request, SessionEvent};
use remora_model::Debugger;
use remora_testkit::python::{find, packages};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::bed::{Bed, PATIENCE, Run};

pub(crate) const SHOP: &str = "\
from flask import Flask

app = Flask(__name__)


@app.route('/')
def home():
    sign = 'open'
    return sign
";

/// The same shop under Django, whose reloader finds out by itself how it was called.
const DJANGO: &str = "\
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY='x')
def home(request):
    sign = 'open'
    return HttpResponse(sign)
urlpatterns = [path('', home)]
if __name__ == '__main__':
    execute_from_command_line(sys.argv)
";

/// The shop's text, here and there.
pub(crate) fn write(bed: &Bed, text: &str) {
    for path in [bed.there().join("shop.py"), bed.here("shop.py").into()] {
        std::fs::write(path, text).unwrap();
    }
}

fn request(bed: &Bed, version: &str) -> Request {
    write(bed, SHOP);
    let python = find(version);
    let folder = packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, &["flask==3.0.3"]);
    let mut request = bed.request(&python, "");
    request.program = Program::Module("flask".into());
    request.args = ["--app", "shop", "run", "--debug", "--port", "0"].map(String::from).into();
    request.env.insert("PYTHONPATH".into(), folder.display().to_string());
    request
}

/// The port that the server says it serves on.
async fn served(run: &mut Run) -> u16 {
    let said = until(run, "Running on http://127.0.0.1:").await;
    let (_, port) = said.rsplit_once(':').unwrap();
    port.trim().parse().unwrap()
}

/// The output to the end of the line with `wanted` in it.
pub(crate) async fn until(run: &mut Run, wanted: &str) -> String {
    let mut output = String::new();
    loop {
        match timeout(PATIENCE, run.events.recv()).await.expect("an event in time") {
            Some(SessionEvent::Output { data, .. }) => output += &String::from_utf8_lossy(&data),
            Some(SessionEvent::Exited(exit)) => panic!("{exit:?}: {output}"),
            Some(_) => {}
            None => panic!("{output}"),
        }
        let end = output.find(wanted).and_then(|at| Some(at + output[at..].find('\n')?));
        if let Some(end) = end {
            return output[..end].to_owned();
        }
    }
}

pub(crate) fn visit(port: u16) -> JoinHandle<String> {
    spawn_blocking(move || {
        let mut line = TcpStream::connect(("127.0.0.1", port)).unwrap();
        line.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        answer
    })
}

/// Attaches to the next life of the server, has it stop, and gives what stands on its sign and what the visitor saw.
async fn life(bed: &Bed, run: &mut Run, parent: &mut Client, port: Option<u16>) -> (u16, String, String) {
    let announced = parent.child().await.unwrap();
    let mut child = Client::connect(run.address()).await.unwrap();
    let file = bed.here("shop.py");
    child.attach(&announced, &[(&file, &[9])]).await.unwrap();
    let port = match port {
        Some(port) => port,
        None => served(run).await,
    };
    let visitor = visit(port);
    let (thread, _) = child.stopped().await.unwrap();
    let stack = child.stack(thread).await.unwrap();
    assert_eq!((stack[0].path.as_str(), stack[0].line), (file.as_str(), 9));
    let sign = child.evaluate(stack[0].id, "sign").await.unwrap();
    child.go_on(thread).await.unwrap();
    // It stays attached; the server's next life ends it.
    tokio::spawn(async move { child.terminated().await });
    (port, sign, timeout(PATIENCE, visitor).await.unwrap().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breakpoint_is_hit_in_a_server_and_again_after_it_was_saved_and_a_stop_leaves_nothing() {
    // Until 3.9 servers find out by themselves how they were called; from 3.10 on Python says it.
    for version in ["3.8", "3.13"] {
        let bed = Bed::new().await;
        let mut run = bed.start(request(&bed, version)).await.unwrap();
        let mut parent = run.client().await;
        parent.attach(run.session.configuration(), &[]).await.unwrap();
        let (port, sign, answer) = life(&bed, &mut run, &mut parent, None).await;
        assert_eq!((sign.as_str(), answer.ends_with("\r\n\r\nopen")), ("'open'", true), "{version}: {answer}");

        write(&bed, &SHOP.replace("'open'", "'closed'"));
        let (_, sign, answer) = life(&bed, &mut run, &mut parent, Some(port)).await;
        assert_eq!((sign.as_str(), answer.ends_with("\r\n\r\nclosed")), ("'closed'", true), "{version}: {answer}");
        run.session.stop().await;
        assert_eq!(bed.census(), Vec::<String>::new(), "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_django_server_is_debugged_in_each_of_its_lives_too() {
    let bed = Bed::new().await;
    // Django names the port that it was given, so it has to be given a free one.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut asked = request(&bed, "3.13");
    let python = find("3.13");
    let folder = packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, &["django==5.1.4"]);
    asked.env.insert("PYTHONPATH".into(), folder.display().to_string());
    asked.program = Program::File("shop.py".into());
    asked.args = ["runserver".into(), port.to_string()].into();
    write(&bed, DJANGO);
    let mut run = bed.start(asked).await.unwrap();
    let mut parent = run.client().await;
    parent.attach(run.session.configuration(), &[]).await.unwrap();
    for (expected, next) in [("open", "closed"), ("closed", "gone")] {
        let announced = parent.child().await.unwrap();
        let mut child = Client::connect(run.address()).await.unwrap();
        let file = bed.here("shop.py");
        child.attach(&announced, &[(&file, &[9])]).await.unwrap();
        until(&mut run, "Quit the server").await;
        let visitor = visit(port);
        let (thread, _) = child.stopped().await.unwrap();
        let stack = child.stack(thread).await.unwrap();
        assert_eq!((stack[0].path.as_str(), stack[0].line), (file.as_str(), 9));
        child.go_on(thread).await.unwrap();
        let answer = timeout(PATIENCE, visitor).await.unwrap().unwrap();
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
        tokio::spawn(async move { child.terminated().await });
        write(&bed, &DJANGO.replace("'open'", &format!("'{next}'")));
    }
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_children_are_not_debugged_serves_all_the_same() {
    for (version, debugger) in [("3.13", Debugger::Auto), ("3.11", Debugger::Ptvsd)] {
        let bed = Bed::new().await;
        let asked = Request { debugger, sub_process: false, ..request(&bed, version) };
        let mut run = bed.start(asked).await.unwrap();
        let mut client = run.client().await;
        client.attach(run.session.configuration(), &[]).await.unwrap();
        let port = served(&mut run).await;
        let answer = timeout(PATIENCE, visit(port)).await.unwrap().unwrap();
        assert!(answer.ends_with("\r\n\r\nopen"), "{version}: {answer}");
        run.session.stop().await;
        assert_eq!(bed.census(), Vec::<String>::new(), "{version}");
    }
}
