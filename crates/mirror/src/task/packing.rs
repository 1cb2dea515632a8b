//! Owns which changes go together in one request: what was seen together, as far as it is known and fits. Pure; never
//! sends and never looks.

use remora_agent::ChangeKind;
use remora_model::RelPath;

use crate::event::{Event, Job, Op};

/// Bulk work goes in packs of at most this much, so that a save need not wait for long behind one that has begun.
const BULK: Bounds = Bounds { changes: 512, bytes: 1 << 20 };

/// What was seen together (a checkout, a formatter's work) goes in one pack up to this size, so that whoever starts
/// over there sees all of it or nothing.
const TOGETHER: Bounds = Bounds { changes: 8192, bytes: 16 << 20 };

struct Bounds {
    changes: usize,
    bytes: usize,
}

/// What waits for the rest of its pack.
#[derive(Default)]
struct Waiting {
    ops: Vec<(RelPath, Op)>,
    bytes: usize,
    /// Looks under way that may still add to it.
    looks: usize,
}

impl Waiting {
    fn add(&mut self, path: RelPath, op: Op, bounds: &Bounds) -> Option<Vec<(RelPath, Op)>> {
        self.bytes += match &op.kind {
            ChangeKind::Write { bytes, .. } => bytes.len(),
            _ => 0,
        };
        self.ops.push((path, op));
        (self.ops.len() >= bounds.changes || self.bytes >= bounds.bytes).then(|| self.take())
    }

    fn take(&mut self) -> Vec<(RelPath, Op)> {
        self.bytes = 0;
        std::mem::take(&mut self.ops)
    }
}

/// What waits to be sent together.
#[derive(Default)]
pub(super) struct Packing {
    urgent: Waiting,
    bulk: Waiting,
}

impl Packing {
    /// A look is begun, whose result may belong to the next pack.
    pub(super) fn begun(&mut self, job: &Job) {
        if let Job::Look(specs) = job {
            self.lane(specs.iter().any(|spec| spec.urgent)).looks += 1;
        }
    }

    /// It has come back.
    pub(super) fn happened(&mut self, event: &Event) {
        if let Event::Looked { urgent, .. } = event {
            let lane = self.lane(*urgent);
            lane.looks = lane.looks.saturating_sub(1);
        }
    }

    /// Puts a change to those that go together; comes back with them when that are enough.
    pub(super) fn add(&mut self, path: RelPath, op: Op, urgent: bool) -> Option<Vec<(RelPath, Op)>> {
        if urgent { self.urgent.add(path, op, &TOGETHER) } else { self.bulk.add(path, op, &BULK) }
    }

    /// What has nothing more to wait for.
    pub(super) fn complete(&mut self) -> impl Iterator<Item = Vec<(RelPath, Op)>> + use<> {
        let complete = |waiting: &mut Waiting| {
            if waiting.looks == 0 && !waiting.ops.is_empty() { Some(waiting.take()) } else { None }
        };
        [complete(&mut self.urgent), complete(&mut self.bulk)].into_iter().flatten()
    }

    fn lane(&mut self, urgent: bool) -> &mut Waiting {
        if urgent { &mut self.urgent } else { &mut self.bulk }
    }
}
