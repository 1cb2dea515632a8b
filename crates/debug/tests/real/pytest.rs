//! Tests under pytest, which rewrites their `assert`s before they run: breakpoints are hit, and their lines raise no alarm.

use std::path::Path;

use remora_agent::Exit;
use remora_debug::{DebugError, Program, Request, SessionEvent};
use remora_testkit::python::{find, packages, usual};
use serde_json::Value;

use crate::bed::Bed;

const TESTS: &str = "\
class TestCart:
    def test_sum(self):
        total = sum([1, 2])
        assert total == 3


def test_other():
    assert False, 'nobody asked for it'
";

/// The oldest pytest that is still met, and newer ones.
const CHOSEN: [(&str, &str); 3] = [("2.7", "pytest==4.6.11"), ("3.8", "pytest==8.3.5"), ("3.13", "pytest==8.3.5")];

fn request(bed: &Bed, version: &str, wanted: &str) -> Request {
    let python = find(version);
    let mut request = bed.request(&python, "");
    request.program = Program::Module("pytest".into());
    let folder = packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, &[wanted]);
    request.env.insert("PYTHONPATH".into(), folder.display().to_string());
    request.env.insert("PYTHONDONTWRITEBYTECODE".into(), String::new());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_stops_at_its_breakpoint_with_no_alarm_the_second_time_too() {
    for (version, wanted) in CHOSEN {
        let bed = Bed::new().await;
        let (here, there) = (bed.here("test_cart.py"), bed.there().join("test_cart.py"));
        for path in [Path::new(&here), &there] {
            std::fs::write(path, TESTS).unwrap();
        }
        // The second time from what pytest has compiled.
        for _ in 0..2 {
            let mut request = request(&bed, version, wanted);
            request.args = vec![format!("{}::TestCart::test_sum", there.display())];
            let mut run = bed.start(request).await.unwrap();
            let mut client = run.client().await;
            client.attach(run.session.configuration(), &[(&here, &[4])]).await.unwrap();
            let (thread, _) = client.stopped().await.unwrap();
            let set = client.set_breakpoints(&here, &[4]).await.unwrap();
            assert!(set[0].verified, "{version}");
            let body = client.request("stackTrace", serde_json::json!({"threadId": thread})).await.unwrap();
            let frame = &body["stackFrames"][0];
            assert_eq!((&frame["source"]["path"], &frame["line"]), (&here.as_str().into(), &4.into()), "{version}");
            assert_eq!(
                (&frame["presentationHint"], &frame["source"]["origin"]),
                (&Value::Null, &Value::Null),
                "{frame}"
            );
            let frame = frame["id"].as_i64().unwrap();
            assert_eq!(client.evaluate(frame, "total").await.unwrap(), "3", "{version}");
            client.go_on(thread).await.unwrap();
            client.terminated().await.unwrap();
            assert_eq!(client.told(), Vec::<String>::new(), "{version}");
            drop(client);
            let (output, last) = run.end().await;
            assert!(output.contains("1 passed"), "{version}: {output}");
            assert_eq!(last, SessionEvent::Exited(Exit::Code(0)), "{version}");
        }
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_whose_text_is_another_there_is_marked() {
    let bed = Bed::new().await;
    let (here, there) = (bed.here("test_cart.py"), bed.there().join("test_cart.py"));
    std::fs::write(&here, TESTS.replace("total == 3", "total == 4")).unwrap();
    std::fs::write(&there, TESTS).unwrap();
    let mut request = request(&bed, "3.13", "pytest==8.3.5");
    request.args = vec![format!("{}::TestCart", there.display())];
    let run = bed.start(request).await.unwrap();
    let mut client = run.client().await;
    client.attach(run.session.configuration(), &[(&here, &[4])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    let body = client.request("stackTrace", serde_json::json!({"threadId": thread})).await.unwrap();
    assert_eq!(body["stackFrames"][0]["source"]["origin"], "Reason(Behind)", "{body}");
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_the_interpreter_does_not_find_is_told_before_anything_is_started() {
    let bed = Bed::new().await;
    std::fs::create_dir_all(bed.there().join("lib/apart")).unwrap();
    std::fs::write(bed.there().join("lib/apart/__main__.py"), "").unwrap();
    for python in [usual(), find("2.7")] {
        for (module, path, is_there) in [
            ("no_such_module", "", false),
            ("no_such.main", "", false),
            ("apart", "", false),
            // A folder without `__init__.py` is no package in Python 2.
            ("apart", "lib", python != find("2.7")),
            ("main", "", true),
            ("json.tool", "", true),
        ] {
            let mut request = bed.request(&python, "");
            request.program = Program::Module(module.into());
            request.env.insert("PYTHONPATH".into(), path.into());
            match bed.start(request).await {
                Ok(run) => {
                    assert!(is_there, "{module}");
                    run.session.stop().await;
                }
                Err(DebugError::ModuleMissing { module: named, .. }) => {
                    assert!(!is_there && named == module, "{named}")
                }
                Err(error) => panic!("{module}: {error}"),
            }
        }
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}
