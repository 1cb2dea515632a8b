//! Owns the news of a program on their way to the client that debugs it, and what is kept while there is none.
//! Never waits by itself, and never words anything.

use std::collections::VecDeque;

use tokio::sync::mpsc::{self, error::TrySendError};

use crate::relay::News;

/// How much output is kept for a client that is still to come: a few screens full.
const KEPT: usize = 256 * 1024;

/// News for one client at a time.
pub(super) struct Console {
    client: Option<mpsc::Sender<News>>,
    /// What the client has no room for, or what waits for one.
    waiting: VecDeque<News>,
    /// Bytes of output in it.
    kept: usize,
    /// Bytes of output that were too many to keep.
    omitted: usize,
    /// Whether nobody reads the news of this session, so that nothing is kept.
    unread: bool,
}

impl Console {
    /// With `unread` it keeps nothing for a client that is to come: its clients have the output from elsewhere.
    pub(super) fn new(unread: bool) -> Self {
        Self { client: None, waiting: VecDeque::new(), kept: 0, omitted: 0, unread }
    }

    /// Gives all that waits, and from now on everything, to this client.
    pub(super) fn seat(&mut self, client: mpsc::Sender<News>) {
        self.client = Some(client);
        if self.omitted > 0 {
            self.waiting.push_front(News::Omitted(std::mem::take(&mut self.omitted)));
        }
        self.flush();
    }

    /// Tells the client, now or when it has room or comes.
    pub(super) fn tell(&mut self, news: News) {
        if self.client.is_none() && self.unread && matches!(news, News::Output(..)) {
            return;
        }
        self.kept += size(&news);
        self.waiting.push_back(news);
        self.flush();
    }

    /// Whether more may be told without waiting for the client.
    pub(super) fn has_room(&self) -> bool {
        self.client.is_none() || self.waiting.is_empty()
    }

    /// Waits until the client has taken something, or has gone. Cancel-safe.
    pub(super) async fn made_room(&mut self) {
        if let Some(client) = &self.client {
            // An error means that it has gone, which flush() finds out, too.
            drop(client.reserve().await);
        }
        self.flush();
    }

    /// Tells the client the rest, however long it takes; returns early if it goes.
    pub(super) async fn finish(mut self) {
        while !self.has_room() {
            self.made_room().await;
        }
    }

    fn flush(&mut self) {
        while let Some(client) = &self.client {
            let Some(news) = self.waiting.pop_front() else { return };
            let bytes = size(&news);
            match client.try_send(news) {
                Ok(()) => self.kept -= bytes,
                Err(TrySendError::Full(news)) => {
                    self.waiting.push_front(news);
                    return;
                }
                Err(TrySendError::Closed(news)) => {
                    self.waiting.push_front(news);
                    self.client = None;
                }
            }
        }
        self.keep_the_end();
    }

    /// While there is no client, the oldest output goes first.
    fn keep_the_end(&mut self) {
        while self.client.is_none() && self.kept > KEPT {
            let Some(oldest) = self.waiting.iter().position(|news| size(news) > 0) else { return };
            let bytes = self.waiting.remove(oldest).map_or(0, |news| size(&news));
            self.kept -= bytes;
            self.omitted += bytes;
        }
    }
}

fn size(news: &News) -> usize {
    if let News::Output(_, data) = news { data.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use remora_agent::Exit;

    use super::*;
    use crate::session::OutputStream;

    fn output(byte: u8, count: usize) -> News {
        News::Output(OutputStream::Stdout, vec![byte; count])
    }

    #[test]
    fn what_comes_before_the_client_is_kept_in_order_and_the_end_comes_last() {
        let mut console = Console::new(false);
        console.tell(output(b'a', 1));
        console.tell(output(b'b', 2));
        console.tell(News::Exited(Exit::Code(0)));
        let (client, mut news) = mpsc::channel(8);
        console.seat(client);
        assert_eq!(news.try_recv(), Ok(output(b'a', 1)));
        assert_eq!(news.try_recv(), Ok(output(b'b', 2)));
        assert_eq!(news.try_recv(), Ok(News::Exited(Exit::Code(0))));
    }

    #[test]
    fn too_much_output_before_the_client_loses_its_beginning_and_says_so() {
        let mut console = Console::new(false);
        for byte in 0..10 {
            console.tell(output(byte, KEPT / 4));
        }
        let (client, mut news) = mpsc::channel(8);
        console.seat(client);
        assert_eq!(news.try_recv(), Ok(News::Omitted(KEPT / 4 * 6)));
        assert_eq!(news.try_recv(), Ok(output(6, KEPT / 4)));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_leaves_no_room_and_one_that_has_gone_leaves_it_to_the_next() {
        let mut console = Console::new(false);
        let (client, mut news) = mpsc::channel(1);
        console.seat(client);
        console.tell(output(b'a', 1));
        assert!(console.has_room());
        console.tell(output(b'b', 1));
        assert!(!console.has_room());
        assert_eq!(news.recv().await, Some(output(b'a', 1)));
        console.made_room().await;
        assert!(console.has_room());
        drop(news);
        console.tell(output(b'c', 1));
        assert!(console.has_room());
        let (client, mut news) = mpsc::channel(8);
        console.seat(client);
        assert_eq!(news.try_recv(), Ok(output(b'c', 1)), "b was under way");
    }
}
