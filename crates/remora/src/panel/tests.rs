//! The table of what an editor shows.

use super::*;
use crate::status::FailedFile;

fn quiet() -> Status {
    Status { target: Some("box".into()), phase: Phase::InSync, ..Status::default() }
}

#[test]
fn the_button_says_target_and_state() {
    let diverged = || Status { phase: Phase::Trouble, diverged: vec!["a.py".into()], ..quiet() };
    for (status, icon, text, warning) in [
        (quiet(), "check", "box: in sync", false),
        (Status::default(), "debug-disconnect", "Remora: not connected", false),
        (Status { phase: Phase::Uploading, pending: 3, ..quiet() }, "sync~spin", "box: uploading · 3 pending", false),
        (Status { phase: Phase::Reconnecting, ..quiet() }, "sync~spin", "box: connection lost, reconnecting", true),
        (diverged(), "warning", "box: 1 diverged", true),
        (Status { phase: Phase::Debugging, ..diverged() }, "debug-alt", "box: debugging · 1 diverged", true),
        (Status { phase: Phase::Trouble, ..quiet() }, "warning", "box: needs a look", true),
    ] {
        let panel = Panel::of(&status);
        assert_eq!((panel.icon, panel.text.as_str(), panel.warning), (icon, text, warning));
    }
}

#[test]
fn the_tooltip_names_what_needs_a_look_five_names_at_most_and_no_name_is_markdown() {
    let failed = |name: &str| FailedFile { path: format!("{name}.py"), reason: format!("Can't store {name}.py.") };
    let status = Status {
        remote_root: Some("/srv/app".into()),
        phase: Phase::Trouble,
        diverged: vec!["[x](y)\n.py".into()],
        failed: ["a", "b", "c", "d", "e", "f", "g"].map(failed).into(),
        message: Some("The disk is full.".into()),
        ..quiet()
    };
    let tooltip = Panel::of(&status).tooltip;
    assert_eq!(
        tooltip.split("\n\n").collect::<Vec<_>>(),
        [
            "**box** → /srv/app",
            "1 diverged · 7 not stored",
            "Changed over there by somebody else, and left alone: \\[x\\]\\(y\\)\u{fffd}.py",
            "Can't store a.py.",
            "Can't store b.py.",
            "Can't store c.py.",
            "Can't store d.py.",
            "Can't store e.py.",
            "2 more are not stored",
            "The disk is full.",
        ]
    );
}

#[test]
fn what_is_held_is_counted_and_both_ways_out_are_offered_first() {
    let panel = Panel::of(&Status { phase: Phase::Trouble, held: 63, ..quiet() });
    assert_eq!((panel.text.as_str(), panel.warning), ("box: 63 gone here, kept there", true));
    let offered: Vec<(&str, &str)> =
        panel.actions[..2].iter().map(|action| (action.command, action.label.as_str())).collect();
    assert_eq!(
        offered,
        [("remora.removeHeld", "$(trash) Remove 63 Files There"), ("remora.keepHeld", "$(shield) Keep Them There")]
    );
    assert!(
        panel.tooltip.ends_with(
            "63 files are gone here, more than are removed unasked, and are still there: remove or keep them"
        )
    );
}

#[test]
fn a_bulk_upload_counts_files_and_bytes() {
    let progress = UploadProgress { files_done: 3, files_total: 40, bytes_done: 1_250_000, bytes_total: 20_000_000 };
    let panel = Panel::of(&Status { phase: Phase::Uploading, progress: Some(progress), ..quiet() });
    assert_eq!(panel.doing, "3 of 40 files, 1.3 of 20.0 MB");
}

#[test]
fn a_state_is_no_work() {
    for (phase, doing) in [(Phase::Connecting, "connecting"), (Phase::InSync, ""), (Phase::Debugging, "")] {
        assert_eq!(Panel::of(&Status { phase, ..quiet() }).doing, doing);
    }
}

#[test]
fn only_what_makes_sense_is_offered() {
    let offered = |status: &Status| Panel::of(status).actions.iter().map(|action| action.command).collect::<Vec<_>>();
    assert_eq!(offered(&Status::default()), ["remora.addTarget", "remora.showLog"]);
    let paused = offered(&Status { phase: Phase::Paused, paused: true, ..quiet() });
    assert!(paused.contains(&"remora.resume") && !paused.contains(&"remora.mirror"), "{paused:?}");
    let session = SessionStatus {
        session: 1,
        name: "app.py".into(),
        attached: false,
        stale: ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}.py")).into(),
        stale_files: 1203,
    };
    let debugging = Status { phase: Phase::Stale, sessions: vec![session], ..quiet() };
    assert_eq!(offered(&debugging)[..3], ["remora.restart", "remora.stop", "remora.attach"]);
    let tooltip = Panel::of(&debugging).tooltip;
    let said = "app.py waits for a debugger and runs another text of a.py, b.py, c.py, d.py, e.py, and 1198 more";
    assert!(tooltip.ends_with(said), "{tooltip}");
    let busy = Status { phase: Phase::Debugging, paused: true, ..quiet() };
    assert!(offered(&busy).contains(&"remora.resume"), "also while a program is debugged");
    assert!(Panel::of(&busy).text.ends_with("debugging · paused"), "{}", Panel::of(&busy).text);
}
