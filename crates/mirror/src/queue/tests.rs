//! The queue by itself: who is next, who waits for whom.

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn urgent(batch: BatchId) -> Item {
    Item { batches: vec![batch], urgent: true, ..Item::default() }
}

fn names(queue: &mut Queue) -> Vec<String> {
    std::iter::from_fn(|| queue.next()).map(|(path, _)| path.to_string()).collect()
}

#[test]
fn a_save_overtakes_bulk_work_and_its_limits() {
    let mut queue = Queue::default();
    for n in 0..BULK_PATHS + 5 {
        queue.push(path(&format!("bulk{n}")), Item::default());
    }
    assert_eq!(names(&mut queue).len(), BULK_PATHS);
    queue.push(path("saved"), urgent(1));
    queue.push(path(&format!("bulk{}", BULK_PATHS + 1)), urgent(2));
    assert_eq!(names(&mut queue), ["saved".to_owned(), format!("bulk{}", BULK_PATHS + 1)]);
    queue.landed(&path("bulk0"));
    assert_eq!(names(&mut queue), [format!("bulk{BULK_PATHS}")]);
}

#[test]
fn a_path_is_under_way_once_and_again_when_it_was_touched_meanwhile() {
    let mut queue = Queue::default();
    assert!(queue.push(path("a"), urgent(1)));
    assert!(!queue.push(path("a"), urgent(2)));
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.next().unwrap().1.batches, [2, 1]);
    queue.push(path("a"), urgent(3));
    queue.push(path("a"), urgent(4));
    assert_eq!(queue.next(), None);
    assert_eq!(queue.landed(&path("a")).unwrap().again.unwrap().batches, [3, 4]);
}

#[test]
fn a_resting_path_wakes_when_due_or_when_touched() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let soon = now + Duration::from_millis(50);
    queue.rest(path("a"), urgent(1), soon);
    queue.rest(path("b"), urgent(1), soon);
    queue.wake(now);
    assert_eq!(names(&mut queue), Vec::<String>::new());
    queue.push(path("b"), urgent(2));
    assert_eq!(names(&mut queue), ["b"]);
    assert_eq!(queue.next_alarm(), Some(soon));
    queue.wake(soon);
    assert_eq!(names(&mut queue), ["a"]);
}

#[test]
fn a_directory_stands_behind_what_is_below_and_a_file_behind_what_is_above() {
    let mut queue = Queue::default();
    queue.push(path("d/a"), urgent(1));
    queue.push(path("d-a"), urgent(1));
    queue.park(path("d"), urgent(1), Behind::Below);
    assert!(queue.busy_below(&path("d")));
    queue.next();
    queue.landed(&path("d/a"));
    queue.done(&path("d/a"));
    assert_eq!(names(&mut queue), ["d-a", "d"]);
    queue.park(path("d/x/y"), urgent(1), Behind::Above(path("d")));
    queue.landed(&path("d"));
    queue.done(&path("d"));
    let (freed, item) = queue.next().unwrap();
    assert!(item.waited);
    assert_eq!(freed, path("d/x/y"));
}
