//! The log of a job in the three ways runners write it: plain, stamped as up to 18.x, stamped as 19.x.

use jiff::{SignedDuration, Timestamp};

/// How a runner writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// An entry ends right after a carriage return.
    StampedOld,
    /// An entry ends after the erase code behind a marker.
    StampedNew,
}

/// One line of a job: seconds after its start, who wrote it, and what.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) after: i64,
    /// `00O`, `01O`, `01E`.
    pub(super) stream: &'static str,
    pub(super) text: String,
}

const ERASE: &str = "\r\x1b[0K";

/// The log as it stands `now`.
pub(super) fn written(said: &[Said], started: Timestamp, now: Timestamp, form: Form) -> String {
    let mut log = String::new();
    for (index, line) in said.iter().enumerate() {
        let after = SignedDuration::from_secs(line.after);
        let micros = i64::try_from(index).unwrap_or(0);
        let at = started + after + SignedDuration::from_micros(micros);
        if at > now {
            break;
        }
        let header = |sign: char| format!("{} {}{sign}", at.strftime("%FT%T.%6fZ"), line.stream);
        let cut = line.text.rfind(ERASE).map(|at| match form {
            Form::StampedOld => at + 1,
            _ => at + ERASE.len(),
        });
        match (form, cut) {
            (Form::Plain, _) => log.push_str(&line.text),
            (_, None) => {
                log.push_str(&header(' '));
                log.push_str(&line.text);
            }
            (_, Some(cut)) => {
                let (marker, rest) = line.text.split_at(cut);
                log.push_str(&header(' '));
                log.push_str(marker);
                log.push('\n');
                log.push_str(&header('+'));
                log.push_str(rest);
            }
        }
        log.push('\n');
    }
    log
}

/// The lines of a section: its title, what is said in it, its end.
pub(super) fn section(
    (name, title): (&str, &str),
    (from, to): (i64, i64),
    started: Timestamp,
    inside: Vec<Said>,
) -> Vec<Said> {
    let stamp = |after: i64| started.as_second() + after;
    let runner = |after, text| Said {
        after,
        stream: "00O",
        text,
    };
    let begin = format!(
        "section_start:{}:{name}{ERASE}\x1b[36;1m{title}\x1b[0;m",
        stamp(from)
    );
    let end = format!("section_end:{}:{name}{ERASE}", stamp(to));
    let mut lines = vec![runner(from, begin)];
    lines.extend(inside);
    lines.push(runner(to, end));
    lines
}
