//! What `bramble backup` prints: as words, as a table, as JSON. Everything from a board or a file is cleaned.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clients::backup::{Contents, Kept};
use crate::rack::backup::size;
use crate::rack::ssh::Destination;
use crate::rack::time::short;
use crate::ui::text::{clean, width};

pub(super) fn plain(text: &str) -> Cow<'_, str> {
    clean(text)
}

/// `saving: 120 MiB of about 480 MiB`.
pub(super) fn progress(bytes: u64, expected: u64) -> String {
    match bytes {
        0 => "the board is preparing it".to_owned(),
        bytes => format!("{} of about {}", size(bytes), size(expected.max(bytes))),
    }
}

pub(super) fn saved(kept: &Kept) -> String {
    let record = &kept.record;
    let mut text = format!(
        "saved {} ({}, {} with k3s {}) to {}\n",
        plain(&record.host),
        size(record.content_size),
        record.datastore.word(),
        plain(&record.version),
        plain(&kept.path.display().to_string())
    );
    let _ = writeln!(
        text,
        "proved: opened and read to its end, the hashes of both ends are the same, the token is in it, the datastore is {}",
        match record.integrity.as_str() {
            "ok" => "whole".to_owned(),
            other => plain(other).into_owned(),
        }
    );
    if let Some(seconds) = record.stopped_for {
        let _ = writeln!(text, "k3s was stopped for {seconds} s");
    }
    text.push_str("not in it: local-path volumes and images\n");
    text
}

pub(super) fn copied(kept: &Kept, to: &Destination, folder: &str) -> String {
    let name = kept.path.file_name().unwrap_or_default().display();
    format!(
        "copied to {}: {}/{}, with the same hash there\n",
        plain(&to.to_string()),
        plain(folder),
        plain(&name.to_string())
    )
}

pub(super) fn pruned(gone: &[Kept], is_rehearsal: bool) -> String {
    let would = if is_rehearsal {
        "would remove"
    } else {
        "removed"
    };
    match gone {
        [] => "nothing is to be removed\n".to_owned(),
        gone => lines(gone, would),
    }
}

pub(super) fn pruned_quietly(gone: &[Kept]) -> String {
    lines(gone, "removed")
}

fn lines(gone: &[Kept], what: &str) -> String {
    let line = |kept: &Kept| format!("{what} {}\n", plain(&kept.path.display().to_string()));
    gone.iter().map(line).collect()
}

const TITLES: [&str; 7] = [
    "HOST",
    "AGE",
    "SIZE",
    "DATASTORE",
    "K3S",
    "OPENED BY",
    "FILE",
];

pub(super) fn table(kept: &[Kept], now: Timestamp) -> String {
    let rows = kept.iter().map(|it| {
        let record = &it.record;
        let age = now.duration_since(record.at);
        let age = Duration::try_from(age).map_or("?".to_owned(), short);
        let opened_by = match record.recipients.as_slice() {
            [] => "passphrase".to_owned(),
            [one] => one.chars().take(12).chain("...".chars()).collect(),
            several => format!("{} keys", several.len()),
        };
        [
            plain(&record.host).into_owned(),
            age,
            size(record.size),
            record.datastore.word().to_owned(),
            plain(&record.version).into_owned(),
            opened_by,
            plain(&it.path.display().to_string()).into_owned(),
        ]
    });
    let rows: Vec<[String; 7]> = std::iter::once(TITLES.map(ToOwned::to_owned))
        .chain(rows)
        .collect();
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..TITLES.len()).map(widest).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(wide.saturating_sub(width(cell)) + 2));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

pub(super) fn as_json(kept: &[Kept]) -> String {
    let all = kept.iter().map(|it| {
        let mut value = serde_json::to_value(&it.record).unwrap_or_default();
        value["file"] = json!(it.path.display().to_string());
        value
    });
    format!("{:#}\n", Value::Array(all.collect()))
}

pub(super) fn contents(file: &Path, contents: &Contents) -> String {
    format!(
        "{} is good: {} in {} files, {} of {} with {}, hash {}\n",
        plain(&file.display().to_string()),
        size(contents.size),
        contents.files,
        contents.datastore.word(),
        plain(contents.about("hostname")),
        plain(contents.about("version")),
        contents.sum,
    )
}

pub(super) fn contents_as_json(file: &Path, contents: &Contents) -> String {
    let all = json!({
        "file": file.display().to_string(), "good": true, "size": contents.size, "files": contents.files,
        "datastore": contents.datastore, "hostName": contents.about("hostname"), "version": contents.about("version"),
        "integrity": contents.about("integrity"), "sum": contents.sum,
    });
    format!("{all:#}\n")
}
