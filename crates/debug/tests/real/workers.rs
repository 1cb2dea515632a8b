//! Servers whose children come in ways of their own: uvicorn spawns one through multiprocessing, gunicorn forks several. A
//! breakpoint is hit in whichever serves, again after a save, and a stop ends all.

use std::path::Path;

use remora_debug::dap::Client;
use remora_debug::{Program, Request};
use remora_testkit::python::{find, packages};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bed::{Bed, PATIENCE, Run};
use crate::servers::{SHOP, until, visit, write};

/// Runs itself as `python -m uvicorn shop:app --reload` does, but for one thing: who comes before the child serves waits, and
/// is not refused.
const FASTAPI: &str = "\
from fastapi import FastAPI

app = FastAPI()


@app.get('/')
def home():
    sign = 'open'
    return sign


if __name__ == '__main__':
    import uvicorn
    from uvicorn.supervisors import ChangeReload
    config = uvicorn.Config('shop:app', port=0, reload=True)
    sock = config.bind_socket()
    sock.listen()
    ChangeReload(config, target=uvicorn.Server(config).run, sockets=[sock]).run()
";

/// A server of these packages from the registry, run as a module.
fn request(bed: &Bed, wanted: &[&str], module: &str, args: &[&str]) -> Request {
    let python = find("3.13");
    let folder = packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, wanted);
    let mut request = bed.request(&python, "");
    request.program = Program::Module(module.into());
    request.args = args.iter().map(ToString::to_string).collect();
    request.env.insert("PYTHONPATH".into(), folder.display().to_string());
    request
}

/// Attaches to every child, as an editor does, and gives those that stop.
fn attend(bed: &Bed, run: &Run, mut parent: Client) -> mpsc::UnboundedReceiver<(Client, i64)> {
    let (stops, stopped) = mpsc::unbounded_channel();
    let (address, file) = (run.address(), bed.here("shop.py"));
    tokio::spawn(async move {
        while let Ok(announced) = parent.child().await {
            let (stops, file) = (stops.clone(), file.clone());
            tokio::spawn(async move {
                let mut child = Client::connect(address).await.unwrap();
                child.attach(&announced, &[(&file, &[9])]).await.unwrap();
                // One that ends was none that serves.
                if let Ok((thread, _)) = child.stopped().await {
                    let _ = stops.send((child, thread));
                }
            });
        }
    });
    stopped
}

/// Visits the server, which stops in one of its children, and has it go on.
async fn visited(stopped: &mut mpsc::UnboundedReceiver<(Client, i64)>, port: u16) -> (String, String) {
    let visitor = visit(port);
    let (mut child, thread) = timeout(PATIENCE, stopped.recv()).await.expect("a stop in time").unwrap();
    let stack = child.stack(thread).await.unwrap();
    assert_eq!(stack[0].line, 9);
    let sign = child.evaluate(stack[0].id, "sign").await.unwrap();
    child.go_on(thread).await.unwrap();
    tokio::spawn(async move { child.terminated().await });
    (sign, timeout(PATIENCE, visitor).await.unwrap().unwrap())
}

fn port_in(said: &str) -> u16 {
    let (_, after) = said.rsplit_once("http://127.0.0.1:").unwrap();
    after.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asgi_server_that_reloads_is_debugged_in_each_of_its_lives() {
    let bed = Bed::new().await;
    write(&bed, FASTAPI);
    let mut asked = request(&bed, &["fastapi==0.115.6", "uvicorn==0.34.0"], "", &[]);
    asked.program = Program::File("shop.py".into());
    let mut run = bed.start(asked).await.unwrap();
    let mut parent = run.client().await;
    parent.attach(run.session.configuration(), &[]).await.unwrap();
    let mut stopped = attend(&bed, &run, parent);
    let port = port_in(&until(&mut run, "Uvicorn running on http://127.0.0.1:").await);
    for (expected, next) in [("open", "closed"), ("closed", "gone")] {
        until(&mut run, "Application startup complete").await;
        let (sign, answer) = visited(&mut stopped, port).await;
        let served = answer.ends_with(&format!("\r\n\r\n\"{expected}\""));
        assert!(sign == format!("'{expected}'") && served, "{sign} {answer}");
        write(&bed, &FASTAPI.replace("'open'", &format!("'{next}'")));
    }
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_forked_workers_is_debugged_in_each_of_them() {
    let bed = Bed::new().await;
    write(&bed, SHOP);
    // Without a timeout: gunicorn takes a worker that stands at a breakpoint for one that hangs.
    let args = ["shop:app", "--workers", "2", "--timeout", "0", "--bind", "127.0.0.1:0"];
    let asked = request(&bed, &["flask==3.0.3", "gunicorn==23.0.0"], "gunicorn", &args);
    let mut run = bed.start(asked).await.unwrap();
    let mut parent = run.client().await;
    parent.attach(run.session.configuration(), &[]).await.unwrap();
    let mut stopped = attend(&bed, &run, parent);
    let port = port_in(&until(&mut run, "Listening at: http://127.0.0.1:").await);
    // While one worker stands, the next visitor gets to the other.
    let mut standing = Vec::new();
    for _ in 0..2 {
        let visitor = visit(port);
        let stop = timeout(PATIENCE, stopped.recv()).await.expect("a stop in time").unwrap();
        standing.push((visitor, stop));
    }
    for (visitor, (mut child, thread)) in standing {
        child.go_on(thread).await.unwrap();
        tokio::spawn(async move { child.terminated().await });
        let answer = timeout(PATIENCE, visitor).await.unwrap().unwrap();
        assert!(answer.ends_with("\r\n\r\nopen"), "{answer}");
    }
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}
