//! A second place for a backup: another host, over SSH.
//!
//! What is sent is the sealed file: the other host can keep it and not read it. Invariant: it has its name there only when
//! its hash there is the one on record; what was cut off on the way leaves nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::{Kept, LONGEST, PIECES, Progress, problem, unforeseen};
use crate::clients::ssh::{Command, Ssh, quoted};
use crate::rack::problem::Problem;
use crate::rack::ssh::Destination;

/// Where copies are kept unless told otherwise, below the home directory there.
pub const FOLDER: &str = "bramble-backups";
const PIECE: usize = 1 << 18;

/// Sends a backup to `folder` of another host. One that is there already and the same is as good as sent.
pub async fn copy(
    ssh: &Ssh,
    kept: &Kept,
    (to, folder): (&Destination, &str),
    progress: Arc<Progress>,
) -> Result<(), Box<Problem>> {
    let not_copied = |why: String| {
        let what = format!("{} is not copied to {to}", kept.path.display());
        Box::new(
            problem(what)
                .why(why)
                .next("nothing is left of it there; the backup here is whole: try again"),
        )
    };
    let script = script(kept, folder).ok_or_else(unforeseen)?;
    let command = Command::program(script).deadline(LONGEST);
    let (pieces, input) = mpsc::channel(PIECES);
    let (out, mut heard) = mpsc::channel::<Bytes>(PIECES);
    let path = kept.path.clone();
    let reading = spawn_blocking(move || read(&path, &pieces, &progress));
    let collecting = async {
        let mut text = Vec::new();
        while let Some(bytes) = heard.recv().await {
            text.extend_from_slice(&bytes);
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let piping = async {
        let ran = ssh.pipe(to, &command, input, &out).await;
        drop(out);
        ran
    };
    let (ran, text) = tokio::join!(piping, collecting);
    // A failure of reading shows there as a stream that is cut off; its own words say more.
    let read = reading.await.map_err(|_| unforeseen())?;
    read.map_err(|error| not_copied(format!("it cannot be read: {error}")))?;
    let output = ran.map_err(|error| not_copied(error.to_string()))?;
    let output = output.ok_or_else(unforeseen)?;
    let mut lines = text.lines();
    let sum = lines.find_map(|line| line.strip_prefix("bramble-kept "));
    if output.is_success() && sum == Some(&*kept.record.sum) {
        return Ok(());
    }
    Err(not_copied(output.complaint()))
}

/// `keep.sh` with its words filled in. The record holds no secret.
pub(super) fn script(kept: &Kept, folder: &str) -> Option<String> {
    let name = kept.path.file_name()?.to_str()?;
    let record = serde_json::to_string(&kept.record).ok()?;
    let script = include_str!("keep.sh")
        .replace("@FOLDER@", &quoted(folder))
        .replace("@NAME@", &quoted(name))
        .replace("@SUM@", &quoted(&kept.record.sum));
    // Last, for its text may hold anything.
    Some(script.replace("@RECORD@", &quoted(&record)))
}

fn read(path: &Path, pieces: &mpsc::Sender<Bytes>, progress: &Progress) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = file.read(&mut buffer)?;
        let Some(piece) = buffer.get(..count).filter(|it| !it.is_empty()) else {
            return Ok(());
        };
        progress.add(count);
        // Nobody takes it any more: why, the other side says.
        if pieces.blocking_send(Bytes::copy_from_slice(piece)).is_err() {
            return Ok(());
        }
    }
}
