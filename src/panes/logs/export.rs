//! Lines that leave the viewer: to the clipboard, to a file, to a pager, to a page of their own.

use std::fmt::Write as _;

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::logs::LogsPane;
use crate::panes::logs::line;
use crate::rack::Rack;
use crate::rack::log::logbook::Logbook;
use crate::rack::log::ring::Line;

const FILE: &str = "file";
const WHICH: &str = "which";
const COLOURS: &str = "colours";
/// More than this many bytes terminals refuse to take into a clipboard.
const CLIPBOARD: usize = 70_000;

/// Which lines are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Shown,
    All,
    Marked,
}

/// The marked lines, else the one under the cursor, to the clipboard.
pub(super) fn copy(pane: &LogsPane, cx: &mut Cx<'_>) {
    let ring = &cx.rack.logbook.ring;
    let cursor = if pane.follows {
        pane.sieve.last(ring)
    } else {
        Some(pane.cursor)
    };
    let numbers: Vec<u64> = if pane.marks.is_empty() {
        cursor.into_iter().collect()
    } else {
        pane.marks.iter().copied().collect()
    };
    let lines: Vec<String> = (numbers.iter())
        .filter_map(|number| ring.get(*number))
        .map(|line| line::text(&line, false))
        .collect();
    let text = lines.join("\n");
    let msg = match lines.len() {
        0 => Msg::info("there is no line to copy"),
        _ if text.len() > CLIPBOARD => {
            Msg::warn("that is too much for a clipboard: S saves it to a file")
        }
        1 => Msg::info("copied one line"),
        count => Msg::info(format!("copied {count} lines")),
    };
    if !lines.is_empty() && text.len() <= CLIPBOARD {
        cx.effects.push(Effect::Copy(text));
    }
    cx.msgs.push(msg);
}

/// What to save, and where.
pub(super) fn form(pane: &LogsPane, rack: &Rack) -> Msg {
    let stamp = rack.now.wall.to_zoned(pane.zone.clone());
    let name = format!("bramble-logs-{}.log", stamp.strftime("%Y%m%d-%H%M%S"));
    let mut options = vec![
        "the lines that are shown".to_owned(),
        "every line that is kept".to_owned(),
    ];
    if !pane.marks.is_empty() {
        options.push("the marked lines".to_owned());
    }
    let which = Input::Choice { options, chosen: 0 };
    Msg::Fill(Form {
        id: FormId::LogSave,
        title: "Save logs".to_owned(),
        lines: vec!["A new file that only you can read; nothing is written over.".to_owned()],
        fields: vec![
            FormField::text(FILE, "file", name)
                .help("from where bramble was started, or ~/ for home"),
            FormField::new(WHICH, "lines", which).help("left and right choose"),
            FormField::new(COLOURS, "colours", Input::Toggle(false))
                .help("keep the colours of programs"),
        ],
        otherwise: Vec::new(),
    })
}

pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    let file = answers.text(FILE);
    let why = match file {
        "" => "name a file",
        file if file.ends_with('/') => "that is a folder; name a file in it",
        _ => return None,
    };
    Some((FILE, why.to_owned()))
}

pub(super) fn filled_in(pane: &LogsPane, answers: &Answers, cx: &mut Cx<'_>) {
    let which = match answers.choice(WHICH) {
        1 => Which::All,
        2 => Which::Marked,
        _ => Which::Shown,
    };
    let lines = bytes(pane, &cx.rack.logbook, which);
    cx.effects.push(Effect::SaveLogs {
        file: answers.text(FILE).to_owned(),
        lines,
        with_colours: answers.is_on(COLOURS),
    });
}

/// Everything that is shown, in the person's own pager.
pub(super) fn page(pane: &LogsPane, cx: &mut Cx<'_>) {
    let lines = bytes(pane, &cx.rack.logbook, Which::Shown);
    if lines.is_empty() {
        return cx.msgs.push(Msg::info("there is nothing to page through"));
    }
    cx.effects.push(Effect::Page(lines));
}

/// Lines as they came, each with its time and its source where there are several.
fn bytes(pane: &LogsPane, book: &Logbook, which: Which) -> Vec<u8> {
    let ring = &book.ring;
    let mut bytes = Vec::new();
    let mut lead = String::new();
    let mut put = |line: Line<'_>| {
        lead.clear();
        if let Some(time) = line.time {
            let _ = write!(lead, "{time} ");
        }
        if book.sources().len() > 1
            && let Some(source) = book.source(line.source)
        {
            let _ = write!(lead, "{} ", source.short());
        }
        bytes.extend_from_slice(lead.as_bytes());
        bytes.extend_from_slice(line.text);
        if line.cut > 0 {
            bytes.extend_from_slice(format!(" [{} more bytes in this line]", line.cut).as_bytes());
        }
        bytes.push(b'\n');
    };
    match which {
        Which::All => ring.from(0).for_each(&mut put),
        Which::Marked => (pane.marks.iter())
            .filter_map(|number| ring.get(*number))
            .for_each(&mut put),
        Which::Shown => {
            let mut next = pane.sieve.first(ring);
            while let Some(line) = next.and_then(|number| ring.get(number)) {
                next = pane.sieve.at_or_after(line.number + 1, ring);
                put(line);
            }
        }
    }
    bytes
}

/// A page with all of one line: who wrote it and when, its fields one by one, and the line as it came.
pub(super) fn whole_line(pane: &LogsPane, line: &Line<'_>, book: &Logbook) -> Msg {
    let mut text = String::new();
    if let Some(source) = book.source(line.source) {
        let _ = writeln!(text, "from   {}", source.name);
    }
    if let Some(time) = line.time {
        let _ = writeln!(
            text,
            "time   {} ({time})",
            time.to_zoned(pane.zone.clone()).strftime("%F %T%.3f")
        );
    }
    let raw = line::text(line, false);
    let sentence = line::text(line, true);
    if sentence != raw {
        let value: Option<serde_json::Value> = serde_json::from_slice(line.text).ok();
        let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
        let _ = writeln!(text, "\n{}", pretty.unwrap_or(sentence));
    }
    let _ = writeln!(text, "\n{raw}");
    if line.cut > 0 {
        let _ = writeln!(text, "\n{} more bytes of this line were not kept", line.cut);
    }
    Msg::ShowPage {
        title: "One line".to_owned(),
        text,
    }
}
