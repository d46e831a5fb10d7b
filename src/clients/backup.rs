//! Backups of a k3s server over SSH: streamed off its card, encrypted on the way to the disk, opened again and proved.
//!
//! ```text
//! board:   copy of the datastore, token, keys, config ─► tar ─► SHA-256 ─┐ ssh
//! here:    SHA-256 ─► age ─► hidden file ─► decrypted, hashed, looked into ─► its name, and a record beside it
//! ```
//!
//! A restore goes the other way: unpacked beside the server's directory, hashed there, and only then put in its place by one
//! script that a lost connection does not end. The scripts are in this folder, for any POSIX shell.
//!
//! Invariants: a file under its own name is whole and has been opened; no plain text of it touches a disk here; the token is
//! in it; nothing on a board is deleted, only moved aside.

mod archive;
mod copy;
mod seal;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::clients::ssh::{Command, Error, Output, Ssh, quoted};
use crate::rack::backup::restore::{self, Choice, Plan};
use crate::rack::backup::{Method, Record, Survey, file_name};
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::ssh::Destination;

pub use archive::Contents;
pub use copy::{FOLDER as COPIES, copy};
pub use seal::{Key, Lock};
pub use store::{Kept, kept, list, prune, prune_of, record_of};

/// A card writes ten megabytes a second when it is slow.
const LONGEST: Duration = Duration::from_secs(6 * 3_600);
/// Stopping, moving and starting, and waiting for an API that is ready.
const SWITCH: Duration = Duration::from_secs(900);
/// Pieces on their way between the line and the disk.
const PIECES: usize = 32;

/// Bytes of content so far, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress(AtomicU64);

impl Progress {
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What is to be saved, and where to.
#[derive(Debug)]
pub struct Order<'a> {
    pub to: &'a Destination,
    pub survey: &'a Survey,
    pub method: Method,
    pub folder: &'a Path,
    pub lock: Lock,
    pub at: Timestamp,
}

/// What the board says of itself. `data_dir` in place of the one its configuration names.
pub async fn survey(
    ssh: &Ssh,
    to: &Destination,
    data_dir: Option<&str>,
) -> Result<Survey, Box<Problem>> {
    let script =
        include_str!("backup/survey.sh").replace("@DATA@", &quoted(data_dir.unwrap_or_default()));
    let output = ssh.run(to, &Command::script(script).as_root()).await;
    let output = output.map_err(|error| refused(&error))?;
    if !output.is_success() {
        let problem = problem(format!("{to} does not say what it is"));
        return Err(problem.why(output.complaint()).into());
    }
    Ok(Survey::parse(&output.text()))
}

/// Saves a server. What comes back is on the disk and has been proved.
pub async fn save(
    ssh: &Ssh,
    order: Order<'_>,
    progress: std::sync::Arc<Progress>,
) -> Result<Kept, Box<Problem>> {
    let name = file_name(&order.to.to_string(), order.at);
    let draft = store::Draft::new(order.folder, &name)?;
    let script = include_str!("backup/save.sh")
        .replace("@DATA@", &quoted(&order.survey.data_dir))
        .replace("@METHOD@", order.method.word());
    let command = Command::script("").as_root().deadline(LONGEST);
    let (script_in, input) = mpsc::channel(1);
    // There is room for one.
    let _ = script_in.try_send(Bytes::from(script));
    drop(script_in);
    let (out, pieces) = mpsc::channel(PIECES);
    let file = draft.file()?;
    let (sealing, key) = seal::Sealing::new(order.lock)?;
    let recipients = sealing.recipients.clone();
    let writing = spawn_blocking(move || sealing.write(file, pieces, &progress));
    let ran = ssh.pipe(order.to, &command, input, &out).await;
    drop(out);
    let written = writing.await.map_err(|_| unforeseen())?;
    let output = ran.map_err(|error| not_saved(order.to, &refused(&error)))?;
    // Nobody took the output: why, the writer says.
    let sealed = written.map_err(|problem| not_saved(order.to, &problem))?;
    let output = output.ok_or_else(unforeseen)?;
    let sum = said(&output, "bramble-sum");
    if !output.is_success() || sum.is_none() {
        let why = said(&output, "bramble-failed").unwrap_or_else(|| output.complaint());
        return Err(not_saved(
            order.to,
            &problem("the board could not do it".to_owned()).why(why),
        ));
    }
    if sum.as_deref() != Some(&sealed.content_sum) {
        let what = "what arrived is not what was sent: the hashes of both ends differ".to_owned();
        return Err(not_saved(order.to, &problem(what).next("try again")));
    }
    let path = draft.hidden().to_owned();
    let opening = spawn_blocking(move || {
        let opened = archive::open(&path, &key, |_| true)?;
        Ok::<_, Box<Problem>>((opened, store::sum_of(&path)?))
    });
    let (contents, (size, file_sum)) = opening
        .await
        .map_err(|_| unforeseen())?
        .map_err(|problem| not_saved(order.to, &problem))?;
    contents
        .prove(&sealed.content_sum)
        .map_err(|problem| not_saved(order.to, &problem))?;
    let record = Record {
        host: order.to.to_string(),
        host_name: contents.about("hostname").to_owned(),
        at: order.at,
        version: order.survey.version.clone().unwrap_or_default(),
        datastore: contents.datastore,
        data_dir: order.survey.data_dir.clone(),
        integrity: contents.about("integrity").to_owned(),
        stopped_for: contents.about("gap").parse().ok(),
        content_size: sealed.content_size,
        content_sum: sealed.content_sum,
        size,
        sum: file_sum,
        recipients,
    };
    draft.keep(record)
}

/// Opens a backup wholly and says what is in it. Blocking.
pub fn open(file: &Path, key: &Key) -> Result<Contents, Box<Problem>> {
    let contents = archive::open(file, key, |_| true)?;
    if let Some(record) = record_of(file) {
        let (size, sum) = store::sum_of(file)?;
        if (size, &sum) != (record.size, &record.sum) {
            let what = format!("{} is not the file that was written", file.display());
            return Err(problem(what)
                .why("its size or hash is another than the record beside it says")
                .into());
        }
        contents.prove(&record.content_sum)?;
    } else {
        contents.prove(&contents.sum)?;
    }
    Ok(contents)
}

/// Opens a backup, looks at a board, and says every step of a restore, or why it cannot be. Nothing is changed.
pub async fn rehearse(
    ssh: &Ssh,
    to: &Destination,
    (file, key): (&Path, &Key),
    choice: Choice,
) -> Result<(Contents, Plan), Box<Problem>> {
    let (path, key) = (file.to_owned(), key.clone());
    let opening = spawn_blocking(move || open(&path, &key));
    let contents = opening.await.map_err(|_| unforeseen())??;
    let record = record_or(file, &contents);
    let board = survey(ssh, to, Some(&record.data_dir)).await?;
    let plan = restore::plan(&record, &board, choice, Timestamp::now())?;
    Ok((contents, plan))
}

/// What is on record, or what the backup itself says where the record is lost.
pub fn record_or(file: &Path, contents: &Contents) -> Record {
    record_of(file).unwrap_or_else(|| Record {
        host: contents.about("hostname").to_owned(),
        host_name: contents.about("hostname").to_owned(),
        at: Timestamp::UNIX_EPOCH,
        version: Survey::parse(&format!("version={}", contents.about("version")))
            .version
            .unwrap_or_default(),
        datastore: contents.datastore,
        data_dir: contents.about("data").to_owned(),
        integrity: contents.about("integrity").to_owned(),
        stopped_for: None,
        content_size: contents.size,
        content_sum: contents.sum.clone(),
        size: 0,
        sum: String::new(),
        recipients: Vec::new(),
    })
}

/// Sends a backup to a board, unpacks it there and puts it in its place. What comes back are the steps it says it did.
pub async fn restore(
    ssh: &Ssh,
    to: &Destination,
    (file, key, contents): (&Path, Key, &Contents),
    plan: &Plan,
    progress: std::sync::Arc<Progress>,
) -> Result<Vec<String>, Box<Problem>> {
    let data = contents.about("data").to_owned();
    let staged = send(ssh, to, (file, key, contents), progress).await?;
    let script = include_str!("backup/switch.sh")
        .replace("@TMP@", &quoted(&staged))
        .replace("@DATA@", &quoted(&data))
        .replace("@ASIDE@", &quoted(&plan.aside))
        .replace("@DATASTORE@", contents.datastore.word());
    let command = Command::script(script).as_root().deadline(SWITCH);
    let output = ssh
        .run(to, &command)
        .await
        .map_err(|error| unheard(to, &data, &error))?;
    let text = output.text();
    let steps = text
        .lines()
        .filter_map(|line| line.strip_prefix("bramble-step "));
    let steps: Vec<String> = steps.map(str::to_owned).collect();
    if output.is_success() {
        return Ok(steps);
    }
    let why = said(&output, "bramble-failed").unwrap_or_else(|| output.complaint());
    let is_in_place = why.starts_with("everything is in its place");
    let what = if is_in_place {
        format!("{to} is restored, but does not run")
    } else {
        format!("{to} is not restored: everything is as it was before")
    };
    Err(problem(what).why(why).into())
}

/// What can be said when switch.sh did not come to tell its end.
fn unheard(to: &Destination, data: &str, error: &Error) -> Box<Problem> {
    let happens = match error {
        // See the trap for SIGTERM in it; a board without `timeout` is not told.
        Error::Deadline { .. } => {
            "the board is told to stop and puts everything back as it was, unless all was in its place by then"
        }
        _ => "it goes on there by itself",
    };
    let problem = problem(format!("it is not known whether {to} is restored"))
        .why(format!("{error} while everything was put in its place"))
        .next(format!(
            "{happens}: look whether k3s runs and {data}/server is the restored one"
        ));
    Box::new(problem)
}

/// Where it was unpacked on the board.
async fn send(
    ssh: &Ssh,
    to: &Destination,
    (file, key, contents): (&Path, Key, &Contents),
    progress: std::sync::Arc<Progress>,
) -> Result<String, Box<Problem>> {
    let line = include_str!("backup/receive.sh")
        .replace("@DATA@", &quoted(contents.about("data")))
        .replace("@SUM@", &contents.sum);
    let command = Command::program(line).as_root().deadline(LONGEST);
    let (pieces, input) = mpsc::channel(PIECES);
    let (out, mut heard) = mpsc::channel::<Bytes>(PIECES);
    let path = file.to_owned();
    let reading = spawn_blocking(move || {
        archive::open(&path, &key, |bytes| {
            progress.add(bytes.len());
            pieces.blocking_send(Bytes::copy_from_slice(bytes)).is_ok()
        })
    });
    let collecting = async {
        let mut text = Vec::new();
        while let Some(bytes) = heard.recv().await {
            text.extend_from_slice(&bytes);
        }
        text
    };
    let piping = async {
        let ran = ssh.pipe(to, &command, input, &out).await;
        drop(out);
        ran
    };
    let (ran, text) = tokio::join!(piping, collecting);
    // A failure of reading shows on the board as a stream that is cut off; the board's own words count first.
    let read = reading.await.map_err(|_| unforeseen())?;
    let unchanged = |why: String| {
        let problem = problem(format!("nothing was restored: {to} is as it was before"));
        Box::new(problem.why(why).next("try again"))
    };
    let output = ran.map_err(|error| unchanged(error.to_string()))?;
    let output = output.ok_or_else(unforeseen)?;
    if !output.is_success() {
        return Err(unchanged(output.complaint()));
    }
    read?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let staged = text
        .lines()
        .find_map(|line| line.strip_prefix("bramble-staged "));
    staged
        .map(str::to_owned)
        .ok_or_else(|| unchanged("the board did not say where it unpacked it".to_owned()))
}

/// What stands after a word at the beginning of a line of stderr.
fn said(output: &Output, word: &str) -> Option<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut lines = stderr.lines().rev();
    let line = lines.find_map(|line| line.strip_prefix(word));
    line.map(|rest| rest.trim().to_owned())
}

fn not_saved(to: &Destination, cause: &Problem) -> Box<Problem> {
    let mut problem = problem(format!("{to} is not backed up"));
    problem.why = match cause.why.as_str() {
        "" => cause.what.clone(),
        why => format!("{}: {why}", cause.what),
    };
    problem.next.clone_from(&cause.next);
    problem.evidence.clone_from(&cause.evidence);
    Box::new(problem)
}

fn refused(error: &Error) -> Box<Problem> {
    Box::new(error.problem(Subject::Program))
}

fn problem(what: String) -> Problem {
    Problem::new(Severity::Critical, Subject::Program, what)
}

fn unforeseen() -> Box<Problem> {
    let problem = problem("something unforeseen happened".to_owned());
    Box::new(problem.why("this is a mistake in bramble; the log says more"))
}

/// Where backups are kept unless told otherwise, below the directory for state.
pub fn folder_in(state: &Path) -> PathBuf {
    state.join("backups")
}
