//! Child processes: debugged through the same port under debugpy, left alone under ptvsd.

use remora_agent::Exit;
use remora_debug::SessionEvent;
use remora_debug::dap::Client;
use remora_model::Debugger;

use remora_testkit::python::{find, newest, usual};

use crate::bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn a_child_of_either_kind_attaches_through_the_same_port() {
    for (kind, file, line, name, value) in [("fork", "kids.py", 10, "n", "6"), ("spawn", "helper.py", 5, "x", "0")] {
        let bed = Bed::new().await;
        let mut request = bed.request(&usual(), "kids.py");
        request.args = vec![kind.into()];
        let mut run = bed.start(request).await.unwrap();
        let configuration = run.session.configuration().clone();
        let mut parent = run.client().await;
        parent.attach(&configuration, &[]).await.unwrap();

        let announced = parent.child().await.unwrap();
        assert_eq!(announced["connect"]["port"], run.address().port(), "{kind}");
        let mut child = Client::connect(run.address()).await.unwrap();
        let file = bed.here(file);
        child.attach(&announced, &[(&file, &[line])]).await.unwrap();
        let (thread, _) = child.stopped().await.unwrap();
        let stack = child.stack(thread).await.unwrap();
        assert_eq!((stack[0].path.as_str(), stack[0].line), (file.as_str(), line), "{kind}");
        let variables = child.variables(stack[0].id).await.unwrap();
        assert!(variables.iter().any(|shown| shown.name == name && shown.value == value), "{kind}: {variables:?}");
        child.set_breakpoints(&file, &[]).await.unwrap();
        child.go_on(thread).await.unwrap();
        child.terminated().await.unwrap();
        drop(child);
        parent.terminated().await.unwrap();
        drop(parent);
        let (output, last) = run.end().await;
        assert!(output.contains("child ended"), "{output}");
        assert_eq!(last, SessionEvent::Exited(Exit::Code(0)));
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_announced_without_connect_names_the_local_port() {
    let bed = Bed::new().await;
    let mut request = bed.request(&newest(), "kids.py");
    request.args = vec!["spawn".into()];
    let run = bed.start(request).await.unwrap();
    let mut configuration = run.session.configuration().clone();
    configuration.as_object_mut().unwrap().remove("connect");
    let mut parent = run.client().await;
    parent.attach(&configuration, &[]).await.unwrap();
    let announced = parent.child().await.unwrap();
    assert_eq!(announced["connect"]["port"], run.address().port());
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn children_run_freely_when_they_are_not_asked_for() {
    let bed = Bed::new().await;
    let mut request = bed.request(&usual(), "kids.py");
    request.args = vec!["spawn".into()];
    request.sub_process = false;
    let mut run = bed.start(request).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let (output, last) = run.end().await;
    assert!(output.contains("child ended"), "{output}");
    assert_eq!(last, SessionEvent::Exited(Exit::Code(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forked_child_that_is_not_asked_for_does_not_stop_at_its_parents_breakpoints() {
    for version in ["2.7", "3.11", "3.13"] {
        let bed = Bed::new().await;
        let mut request = bed.request(&find(version), "kids.py");
        request.args = vec!["fork".into()];
        request.sub_process = false;
        let mut run = bed.start(request).await.unwrap();
        let configuration = run.session.configuration().clone();
        let mut client = run.client().await;
        client.attach(&configuration, &[(&bed.here("kids.py"), &[10])]).await.unwrap();
        client.terminated().await.unwrap_or_else(|error| panic!("{version}: {error}"));
        drop(client);
        let (output, last) = run.end().await;
        assert!(output.contains("child ended 0"), "{version}: {output}");
        assert_eq!(last, SessionEvent::Exited(Exit::Code(0)));
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_of_ptvsd_run_freely_even_if_the_client_asks_for_them() {
    for kind in ["fork", "spawn"] {
        let bed = Bed::new().await;
        let mut request = bed.request(&usual(), "kids.py");
        request.args = vec![kind.into()];
        request.debugger = Debugger::Ptvsd;
        let mut run = bed.start(request).await.unwrap();
        let mut configuration = run.session.configuration().clone();
        configuration["debugOptions"] = serde_json::json!(["Multiprocess"]);
        let mut client = run.client().await;
        client.attach(&configuration, &[(&bed.here("kids.py"), &[10]), (&bed.here("helper.py"), &[5])]).await.unwrap();
        client.terminated().await.unwrap();
        drop(client);
        let (output, last) = run.end().await;
        assert!(output.contains("child ended"), "{kind}: {output}");
        assert_eq!(last, SessionEvent::Exited(Exit::Code(0)), "{kind}");
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}
