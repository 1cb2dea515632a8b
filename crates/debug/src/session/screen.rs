//! Owns the way from a program's terminal to whoever shows it. Never shows anything.

use remora_agent::{Exit, ProcessHandle};
use tokio::sync::mpsc;

use super::console::Console;
use crate::relay::News;

/// How many pieces may be under way to the one who shows them: few, so that Ctrl-C soon has the last word.
const UNDER_WAY: usize = 2;

/// The terminal that a program runs on.
pub struct Terminal {
    /// What it shows.
    pub screen: Screen,
    /// To give it another size.
    pub handle: ProcessHandle,
}

/// What a program shows on its terminal. While nothing is taken of it, the program waits; dropping it throws away what
/// is still to come.
pub struct Screen(mpsc::Receiver<News>);

/// What happens on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenEvent {
    /// These bytes are shown.
    Shown(Vec<u8>),
    /// The program ended. The last event.
    Exited(Exit),
    /// The link was lost. The last event.
    Lost,
}

impl Screen {
    /// The next thing that happens. Cancel-safe.
    pub async fn next(&mut self) -> ScreenEvent {
        loop {
            match self.0.recv().await {
                Some(News::Output(_, data)) => return ScreenEvent::Shown(data),
                Some(News::Exited(exit)) => return ScreenEvent::Exited(exit),
                Some(News::Omitted(_) | News::Held(_) | News::Restart) => {}
                Some(News::Lost(_) | News::Adrift(..)) | None => return ScreenEvent::Lost,
            }
        }
    }
}

/// A terminal, and the console that has its news.
pub(super) fn made(handle: ProcessHandle) -> (Console, Terminal) {
    let (sender, news) = mpsc::channel(UNDER_WAY);
    let mut console = Console::new(false);
    console.seat(sender);
    (console, Terminal { screen: Screen(news), handle })
}
