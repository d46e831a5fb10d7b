//! One command on one session: its input sent, its output always read, its end noticed.
//!
//! Invariant: whoever stops polling closes the channel by that; the wrappers of `command` see to it that the board
//! notices.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Error;
use super::command::{Exit, Output};
use super::connection::{Connection, Right};
use super::feed::{Feed, Stream};

/// A grandchild may keep the streams open after the command itself has ended.
const AFTER_EXIT: Duration = Duration::from_secs(2);
/// Input is sent in pieces of this size.
const PIECE: usize = 32 * 1024;

/// A started command.
pub(super) struct Running {
    at: String,
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    is_closed: bool,
    _right: Right,
}

/// What a command said.
pub(super) enum Heard {
    Data(Stream, Bytes),
    Exit(Exit),
    Eof,
    /// The server does not run commands.
    Refused,
}

impl Running {
    pub(super) async fn start(connection: &Connection, line: &str) -> Result<Self, Error> {
        let session = connection.session().await?;
        let (read, write) = session.channel.split();
        let running = Self {
            at: connection.at(),
            read,
            write,
            is_closed: false,
            _right: session.right,
        };
        // A login shell may be anything; what follows is for sh.
        let line = format!("exec sh -c {}", super::command::quoted(line));
        running
            .write
            .exec(true, line)
            .await
            .map_err(|error| connection.lost_by(&error))?;
        Ok(running)
    }

    /// The next thing the command says; `None` at its end.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        loop {
            return Some(match self.read.wait().await? {
                ChannelMsg::Data { data } => Heard::Data(Stream::Out, data),
                ChannelMsg::ExtendedData { data, .. } => Heard::Data(Stream::Err, data),
                ChannelMsg::ExitStatus { exit_status } => Heard::Exit(Exit::Code(exit_status)),
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    Heard::Exit(Exit::Signal(signal(&signal_name)))
                }
                ChannelMsg::Eof => Heard::Eof,
                ChannelMsg::Failure => Heard::Refused,
                ChannelMsg::Close => return None,
                _ => continue,
            });
        }
    }

    /// Sends input and its end, while everything the command says meanwhile goes to `hear`.
    pub(super) async fn feed_and_collect(
        &mut self,
        input: &[u8],
        limit: usize,
        deadline: Instant,
        after: Duration,
    ) -> Result<Output, Error> {
        let at = self.at.clone();
        let write = &self.write;
        let sending = async move {
            for piece in input.chunks(PIECE) {
                if write.data_bytes(piece.to_vec()).await.is_err() {
                    return;
                }
            }
            let _ = write.eof().await;
        };
        let ended = timeout_at(deadline, both(&mut self.read, sending, limit, &at)).await;
        self.close();
        ended.map_err(|_| Error::Deadline { at, after })?
    }

    /// Sends a file as the command reads it, a piece at a time, and its end; `sent` hears how many bytes are on their
    /// way. A file that cannot be read to its end is not ended, so that the board does not take a part for the whole.
    pub(super) async fn pour_and_collect(
        &mut self,
        file: &mut tokio::fs::File,
        sent: &(dyn Fn(u64) + Sync),
        deadline: Instant,
        after: Duration,
    ) -> Result<Output, Error> {
        let at = self.at.clone();
        let write = &self.write;
        let sending = async move {
            let mut total = 0;
            let mut piece = vec![0; PIECE];
            loop {
                match file.read(&mut piece).await {
                    Ok(0) => break,
                    Ok(length) => {
                        if write.data_bytes(piece[..length].to_vec()).await.is_err() {
                            return;
                        }
                        total += length as u64;
                        sent(total);
                    }
                    Err(_) => {
                        let _ = write.close().await;
                        return;
                    }
                }
            }
            let _ = write.eof().await;
        };
        let ended = timeout_at(deadline, both(&mut self.read, sending, 64 * 1024, &at)).await;
        self.close();
        ended.map_err(|_| Error::Deadline { at, after })?
    }

    /// Sends pieces of input as they come, and their end; hands on what the command prints as it comes. Neither side
    /// runs ahead of the other. `None`: nobody wants the output any more.
    pub(super) async fn pipe(
        &mut self,
        mut input: mpsc::Receiver<Bytes>,
        out: &mpsc::Sender<Bytes>,
        limit: usize,
    ) -> Result<Option<Output>, Error> {
        let (at, write) = (self.at.clone(), &self.write);
        let sending = async {
            while let Some(bytes) = input.recv().await {
                for piece in bytes.chunks(PIECE) {
                    if write.data_bytes(piece.to_vec()).await.is_err() {
                        return;
                    }
                }
            }
            let _ = write.eof().await;
        };
        let receiving = hand_on(&mut self.read, out, limit, &at);
        let both = async {
            let mut receiving = std::pin::pin!(receiving);
            tokio::select! { biased;
                ended = &mut receiving => ended,
                () = sending => receiving.await,
            }
        };
        let ended = both.await;
        self.close();
        ended
    }

    /// Hands lines on until the command ends or nobody wants them any more.
    pub(super) async fn follow(&mut self, feed: &mut Feed) -> Result<Option<Exit>, Error> {
        let mut exit = None;
        loop {
            let heard = tokio::select! {
                heard = self.next() => heard,
                () = feed.unwanted() => {
                    self.close();
                    return Ok(exit);
                }
            };
            match heard {
                Some(Heard::Data(stream, data)) => feed.push(stream, &data),
                Some(Heard::Exit(how)) => exit = Some(how),
                Some(Heard::Eof) => {}
                Some(Heard::Refused) => {
                    return Err(Error::Refused {
                        at: self.at.clone(),
                    });
                }
                None => {
                    self.is_closed = true;
                    return Ok(exit);
                }
            }
        }
    }

    pub(super) async fn send(&self, bytes: Vec<u8>) -> Result<(), Error> {
        self.write.data_bytes(bytes).await.map_err(|_| Error::Lost {
            at: self.at.clone(),
            why: "the other side closed it".to_owned(),
        })
    }

    /// Sends the end of input.
    pub(super) async fn end_input(&self) {
        let _ = self.write.eof().await;
    }

    /// Asks for the end, at once or not at all.
    fn close(&mut self) {
        if !self.is_closed {
            self.is_closed = true;
            let _ = self.write.close().now_or_never();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sends while everything that is said is read: input nobody reads must not keep us from noticing the end.
async fn both(
    read: &mut ChannelReadHalf,
    sending: impl Future<Output = ()>,
    limit: usize,
    at: &str,
) -> Result<Output, Error> {
    let mut output = Output {
        exit: Exit::Code(0),
        stdout: Vec::new(),
        stderr: Vec::new(),
        cut: 0,
    };
    let exit = {
        let mut collecting = std::pin::pin!(collect(read, &mut output, limit, at));
        tokio::select! { biased;
            ended = &mut collecting => ended,
            () = sending => collecting.await,
        }
    };
    output.exit = exit?;
    Ok(output)
}

async fn collect(
    read: &mut ChannelReadHalf,
    output: &mut Output,
    limit: usize,
    at: &str,
) -> Result<Exit, Error> {
    let mut exit = None;
    let mut give_up = None;
    loop {
        let next = read.wait();
        let message = match give_up {
            Some(when) => match timeout_at(when, next).await {
                Ok(message) => message,
                Err(_) => break,
            },
            None => next.await,
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                keep(&mut output.stdout, &mut output.cut, &data, limit);
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                keep(&mut output.stderr, &mut output.cut, &data, limit);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                exit = Some(Exit::Code(exit_status));
                give_up = Some(Instant::now() + AFTER_EXIT);
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                exit = Some(Exit::Signal(signal(&signal_name)));
                give_up = Some(Instant::now() + AFTER_EXIT);
            }
            Some(ChannelMsg::Failure) => return Err(Error::Refused { at: at.to_owned() }),
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    exit.ok_or_else(|| Error::Lost {
        at: at.to_owned(),
        why: "the connection ended before the command did".to_owned(),
    })
}

async fn hand_on(
    read: &mut ChannelReadHalf,
    out: &mpsc::Sender<Bytes>,
    limit: usize,
    at: &str,
) -> Result<Option<Output>, Error> {
    let mut exit = None;
    let mut output = Output {
        exit: Exit::Code(0),
        stdout: Vec::new(),
        stderr: Vec::new(),
        cut: 0,
    };
    loop {
        let message = match exit {
            // What is still on its way when the command has ended comes without a pause.
            Some(_) => match tokio::time::timeout(AFTER_EXIT, read.wait()).await {
                Ok(message) => message,
                Err(_) => break,
            },
            None => read.wait().await,
        };
        match message {
            Some(ChannelMsg::Data { data }) => {
                if out.send(data).await.is_err() {
                    return Ok(None);
                }
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                keep(&mut output.stderr, &mut output.cut, &data, limit);
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => exit = Some(Exit::Code(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                exit = Some(Exit::Signal(signal(&signal_name)));
            }
            Some(ChannelMsg::Failure) => return Err(Error::Refused { at: at.to_owned() }),
            Some(ChannelMsg::Close) | None => break,
            Some(_) => {}
        }
    }
    output.exit = exit.ok_or_else(|| Error::Lost {
        at: at.to_owned(),
        why: "the connection ended before the command did".to_owned(),
    })?;
    Ok(Some(output))
}

fn keep(buffer: &mut Vec<u8>, cut: &mut u64, data: &[u8], limit: usize) {
    let room = limit.saturating_sub(buffer.len()).min(data.len());
    buffer.extend_from_slice(&data[..room]);
    *cut += (data.len() - room) as u64;
}

fn signal(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.clone(),
        known => format!("{known:?}"),
    }
}
