//! Lines of logs in the person's own pager, with the terminal handed over until it ends.

use std::io;
use std::process::Stdio;

use futures::Stream;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::app::event_loop::Exit;
use crate::cli::shell::{End, Program, wait};
use crate::rack::log::pattern::sequence;
use crate::ui::ansi;

/// What is run when `$PAGER` says nothing.
const USUAL: &str = "less";

/// Runs `$PAGER` with `lines` on its standard input. The terminal must have been left.
pub(super) async fn run<S>(program: &mut Program<'_, S>, lines: &[u8]) -> io::Result<End>
where
    S: Stream<Item = Exit> + Unpin,
{
    let pager = std::env::var("PAGER").unwrap_or_default();
    let pager = if pager.trim().is_empty() {
        USUAL
    } else {
        pager.trim()
    };
    // Colours are left out: not every pager shows them, and those that do obey other sequences too.
    let text = ansi::harmless(lines, sequence, false);
    // `$PAGER` may have arguments, as `less -S` has: the shell reads it, as for every program that runs it.
    let started = Command::new("sh")
        .arg("-c")
        .arg(pager)
        .stdin(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            return Ok(End::Back(Some(format!(
                "the pager \"{pager}\" cannot be run: {error}"
            ))));
        }
    };
    let input = child.stdin.take();
    let write = async move {
        if let Some(mut input) = input {
            // A pager that is left early reads no further.
            let _ = input.write_all(text.as_bytes()).await;
        }
    };
    let (status, ()) = tokio::join!(wait(program, &mut child), write);
    Ok(match status? {
        None => End::Leave,
        Some(status) if status.code() == Some(127) => End::Back(Some(format!(
            "there is no pager \"{pager}\" here; set PAGER"
        ))),
        Some(_) => End::Back(None),
    })
}
