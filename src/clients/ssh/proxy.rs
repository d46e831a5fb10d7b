//! A way to a host that is a command's input and output (`ProxyCommand`).

use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Error;
use crate::clients::process;
use crate::rack::ssh::resolved::Resolved;

/// A `ProxyCommand`, run by the shell as OpenSSH runs it; it ends with the connection.
pub(super) struct Proxy {
    input: ChildStdin,
    output: ChildStdout,
    _child: Child,
}

/// Starts the command.
pub(super) fn proxy(resolved: &Resolved, command: &str) -> Result<Proxy, Error> {
    let failed = |why: String| Error::Unreachable {
        at: resolved.destination.to_string(),
        place: format!("the ProxyCommand of {}", resolved.destination),
        why,
    };
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = process::start(&mut shell).map_err(|error| failed(error.to_string()))?;
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => Ok(Proxy {
            input,
            output,
            _child: child,
        }),
        _ => Err(failed("it has no input or output".to_owned())),
    }
}

impl AsyncRead for Proxy {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().output).poll_read(cx, buf)
    }
}

impl AsyncWrite for Proxy {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().input).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_shutdown(cx)
    }
}
