//! Stories of the state about the mirror: who is told what was stored, a pause, stale sessions, other rules.

use std::time::Duration;

use remora_agent::LostReason;
use remora_debug::SessionEvent;
use remora_mirror::{HeldFiles, Notice};
use remora_model::RelPath;
use tokio::sync::oneshot;

use super::{Bed, bed};
use crate::event::{Event, MirrorRequest};
use crate::fault::Kind;
use crate::folders::FolderName;
use crate::host::tests::link_here;
use crate::jobs::Job;
use crate::question::Word;
use crate::status::Phase;
use crate::surface::{Said, SessionId};

#[tokio::test]
async fn two_requests_at_a_time_are_both_told_what_was_mirrored() {
    let mut bed = bed();
    bed.up().await;
    let stored = || {
        Event::MirrorSaid(
            FolderName::default(),
            Notice::Mirrored { files: 2, bytes: 3, elapsed: Duration::ZERO, paths: vec![], sources: vec![] },
        )
    };
    let (first, mut first_answer) = oneshot::channel();
    let (second, mut second_answer) = oneshot::channel();
    for reply in [oneshot::channel().0, oneshot::channel().0] {
        bed.state.on(Event::MirrorAsked(MirrorRequest::default(), reply));
    }
    bed.state.on(stored());
    bed.state.on(Event::MirrorEnded(Ok(()), first));
    bed.state.on(Event::MirrorEnded(Ok(()), second));
    assert_eq!(first_answer.try_recv().unwrap().unwrap().files, 2);
    assert_eq!(second_answer.try_recv().unwrap().unwrap().files, 2);
    let said = |bed: &mut Bed| {
        let said = std::iter::from_fn(|| bed.said.try_recv().ok());
        said.filter(|said| matches!(said, Said::Mirrored(_))).count()
    };
    assert_eq!(said(&mut bed), 0);
    bed.state.on(stored());
    assert_eq!(said(&mut bed), 1, "nobody waits any more");
    bed.state.on(Event::MirrorAsked(MirrorRequest::default(), oneshot::channel().0));
    bed.state.on(stored());
    let unheard = oneshot::channel().0;
    bed.state.on(Event::MirrorEnded(Ok(()), unheard));
    assert_eq!(said(&mut bed), 1, "who has cancelled is told too");
}

#[tokio::test]
async fn a_pause_is_kept_over_reconnects_and_new_mirrors() {
    let mut bed = bed();
    let generation = bed.up().await;
    bed.state.on(Event::PauseAsked(oneshot::channel().0));
    assert_eq!(bed.state.status().phase, Phase::Paused);
    let (reply, mut answer) = oneshot::channel();
    assert!(bed.state.on(Event::MirrorAsked(MirrorRequest::default(), reply)).is_empty());
    assert_eq!(answer.try_recv().unwrap().unwrap_err().kind, Kind::MirrorPaused);
    bed.state.on(Event::LinkLost(generation, LostReason::Closed));
    assert_eq!(bed.state.status().phase, Phase::Reconnecting);
    bed.up().await;
    let mut settings = bed.state.settings.clone().unwrap();
    settings.mirror.policy.exclude = vec!["*.csv".into()];
    bed.state.on(Event::Configured(Ok(settings)));
    let status = bed.state.status();
    assert_eq!((status.phase, status.paused), (Phase::Paused, true));
    bed.state.on(Event::ResumeAsked(oneshot::channel().0));
    assert_ne!(bed.state.status().phase, Phase::Paused);
}

#[tokio::test]
async fn a_session_is_stale_as_long_as_its_program_says_so_and_not_by_a_save_of_what_it_has_not_loaded() {
    let mut bed = bed();
    let generation = bed.up().await;
    let (reply, _answer) = oneshot::channel();
    bed.state.on(Event::BarrierPassed(generation, Ok(super::arrived(&bed)), Box::new(bed.program()), reply));
    let sources = vec![RelPath::new("unloaded.py").unwrap()];
    bed.state.on(Event::MirrorSaid(
        FolderName::default(),
        Notice::Mirrored { files: 1, bytes: 1, elapsed: Duration::ZERO, paths: vec![], sources },
    ));
    assert_eq!(bed.state.status().phase, Phase::Debugging);
    let root = bed.state.workspace.root.as_path().to_owned();
    let stale = |names: &[&str]| {
        let files = names.iter().map(|name| root.join(name)).chain([std::env::temp_dir().join("no one's.py")]);
        Event::SessionSaid(SessionId(1), SessionEvent::Stale(files.collect()))
    };
    bed.state.on(stale(&["a.py", "pkg/b.py"]));
    let status = bed.state.status();
    let session = &status.sessions[0];
    assert_eq!((status.phase, session.name.as_str()), (Phase::Stale, "app.py"));
    assert_eq!((session.stale.as_slice(), session.stale_files), (&["a.py".to_owned(), "pkg/b.py".to_owned()][..], 2));
    bed.state.on(stale(&[]));
    assert_eq!(bed.state.status().phase, Phase::Debugging, "the text is again what was loaded");
    bed.state.on(Event::StopAsked(SessionId(1), oneshot::channel().0));
    assert_eq!(bed.state.status().sessions, []);
}

#[tokio::test]
async fn other_rules_of_what_is_left_out_count_at_once() {
    let mut bed = bed();
    bed.up().await;
    let mut settings = bed.state.settings.clone().unwrap();
    settings.mirror.policy.exclude = vec!["[z-a]".into()];
    bed.state.on(Event::Configured(Ok(settings.clone())));
    assert!(bed.state.mirrors.is_none() && bed.state.message.is_some(), "a pattern that can't be understood is said");
    settings.mirror.policy.exclude = vec!["*.csv".into()];
    bed.state.on(Event::Configured(Ok(settings)));
    let (reply, mut answer) = oneshot::channel();
    let jobs = bed.state.on(Event::MirrorAsked(MirrorRequest::default(), reply));
    assert!(matches!(jobs.as_slice(), [Job::MirrorAll { rescan: false, .. }]), "a new mirror compares by itself");
    assert!(answer.try_recv().is_err());
}

#[tokio::test]
async fn settings_that_spoil_the_mirror_while_a_request_waits_are_its_answer() {
    let mut bed = bed();
    let (reply, mut answer) = oneshot::channel();
    bed.state.on(Event::MirrorAsked(MirrorRequest { target: Some("a".into()), ..MirrorRequest::default() }, reply));
    let mut settings = bed.state.settings.clone().unwrap();
    settings.mirror.policy.exclude = vec!["[z-a]".into()];
    bed.state.on(Event::Configured(Ok(settings)));
    let generation = bed.state.link.generation();
    bed.state.on(Event::Linked(generation, Ok(link_here().await)));
    let fault = answer.try_recv().unwrap().unwrap_err();
    assert_ne!(fault.kind, Kind::Internal, "{fault:?}");
}

#[tokio::test]
async fn the_answer_about_many_removals_counts_for_what_was_asked_about() {
    let mut bed = bed();
    bed.up().await;
    let paths = vec![RelPath::new("a.py").unwrap()];
    let jobs = bed.state.on(Event::MirrorSaid(FolderName::default(), Notice::ManyRemovals { count: 63, paths }));
    assert!(matches!(jobs.as_slice(), [Job::AwaitWord { count: 63, .. }]));
    let offer = std::iter::from_fn(|| bed.said.try_recv().ok()).find_map(|said| match said {
        Said::Offer(offer, _) => Some(offer),
        _ => None,
    });
    let offer = offer.unwrap();
    assert_eq!(
        (offer.said.as_str(), offer.question),
        (
            "63 files are gone here, more than are removed unasked, and are still on the remote: a.py and 62 more.",
            "Remove them there, too?"
        )
    );
    assert_eq!(offer.meaning("Remove 63 Files There"), Some(Word::Held(HeldFiles::Remove)));
    assert_eq!(offer.meaning("Keep Them"), Some(Word::Held(HeldFiles::Keep)));
    assert_eq!(offer.meaning("Yes"), None);
}
