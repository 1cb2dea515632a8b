//! Owns the mode of the terminal that this program was started in, and knows its size. Gives the mode back as it
//! was, whatever way the end comes. Where there is no Unix terminal, lines are typed as wholes and no size is known.

use remora_agent::TtySize;

#[cfg(unix)]
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// The terminal passes every key on and edits nothing, until this is dropped.
pub(super) struct Raw {
    #[cfg(unix)]
    before: Option<Termios>,
}

impl Raw {
    /// Nothing changes where standard input is no terminal.
    #[cfg(unix)]
    pub(super) fn enter() -> Self {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok();
        if let Some(mut mode) = before.clone() {
            mode.make_raw();
            // A terminal that keeps its mode can still be used, line by line.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &mode);
        }
        Self { before }
    }

    #[cfg(not(unix))]
    pub(super) fn enter() -> Self {
        Self {}
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            // It fails only when the terminal is gone.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// The size of the terminal, if there is one that has a size.
#[cfg(unix)]
pub(super) fn size() -> Option<TtySize> {
    let size = tcgetwinsize(std::io::stdin()).or_else(|_| tcgetwinsize(std::io::stdout())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TtySize { columns: size.ws_col, rows: size.ws_row })
}

#[cfg(not(unix))]
pub(super) fn size() -> Option<TtySize> {
    None
}

/// Hears what a terminal's owner is told while it is raw, besides the wishes that it ends.
pub(super) struct News {
    #[cfg(unix)]
    resized: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    quit: Option<tokio::signal::unix::Signal>,
}

/// One such piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It has another size.
    Resized,
    /// SIGQUIT: to end at once; without a handler the mode would stay.
    Quit,
}

impl News {
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { resized: signal(SignalKind::window_change()).ok(), quit: signal(SignalKind::quit()).ok() }
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// The next piece. Cancel-safe.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            () = next(&mut self.resized) => Told::Resized,
            () = next(&mut self.quit) => Told::Quit,
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Told {
        std::future::pending().await
    }
}

#[cfg(unix)]
async fn next(signal: &mut Option<tokio::signal::unix::Signal>) {
    let heard = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}
