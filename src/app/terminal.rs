//! Entering and leaving the terminal: raw mode, the alternate screen, bracketed paste, and back, whatever happens.
//!
//! Invariant: every way out (quit, signal, suspend, panic) goes through [`leave`], and leaving twice is harmless.

use std::env;
use std::io::{self, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;

use crate::app::backend::ThriftyBackend;

/// The screen of the running program.
pub type Screen = Terminal<ThriftyBackend<Stdout>>;

/// Whether the terminal is ours at the moment; a panic hook has nothing else to go by.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// True when both ends are a terminal: without one there is no cockpit.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Takes the terminal. The caller gives it back with [`leave`].
pub fn enter() -> io::Result<Screen> {
    // Our themes decide about NO_COLOR; crossterm's own handling erases bold and reverse with the colours.
    crossterm::style::force_color_output(true);
    // crossterm believes in the mode it set last; after a stop from outside the shell has set another.
    disable_raw_mode()?;
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    // Cleared, because a new `Terminal` believes that the screen is blank.
    let entered = execute!(
        io::stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        EnableBracketedPaste,
        cursor::Hide
    );
    if let Err(error) = entered {
        leave();
        return Err(error);
    }
    Terminal::new(ThriftyBackend::new(io::stdout()))
}

/// Gives the terminal back as it was found. Errors are of no use here: the terminal may be gone.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

/// For tests of what a panic leaves behind: a debug build with `BRAMBLE_CRASH=1` panics after its first frame, one with
/// `BRAMBLE_CRASH=task` in the background task that reads YAML. A release build does not listen.
pub(crate) fn crash_if_asked(word: &str) {
    if cfg!(debug_assertions) {
        let is_asked = env::var_os("BRAMBLE_CRASH").is_some_and(|value| value == word);
        assert!(!is_asked, "BRAMBLE_CRASH={word}");
    }
}

/// On a panic of the thread that draws, restores the terminal before the message is printed. A panic of a background
/// task is logged only: it becomes a message on the screen, and the screen must stay whole.
pub fn install_panic_hook() {
    let drawing = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        tracing::error!("panic: {info}");
        if thread::current().id() == drawing {
            leave();
            before(info);
        }
    }));
}
