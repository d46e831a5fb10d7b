//! The table that is printed at the end: what, what it must be, what was measured, and whether it holds.

use std::time::Duration;

/// All figures measured so far.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    must_be: String,
    measured: String,
    verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    /// Told for the reader; nothing is demanded of it.
    Told,
    Skipped,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "ok",
            Verdict::Fails => "NO",
            Verdict::Told => "",
            Verdict::Skipped => "skipped",
        }
    }
}

impl Table {
    /// `value` must be below `limit`; `None` means that it did not happen in time.
    pub(crate) fn below(&mut self, what: &str, limit: f64, unit: &str, value: Option<f64>) {
        let verdict = match value {
            Some(value) if value < limit => Verdict::Holds,
            _ => Verdict::Fails,
        };
        let must_be = format!("< {} {unit}", number(limit));
        let measured = value.map_or("did not happen".to_owned(), |value| {
            format!("{} {unit}", number(value))
        });
        self.add(what, must_be, measured, verdict);
    }

    /// As [`Table::below`], in milliseconds.
    pub(crate) fn quicker(&mut self, what: &str, limit: Duration, took: Option<Duration>) {
        self.below(what, millis(limit), "ms", took.map(millis));
    }

    /// Ours must be below `factor` times theirs, measured in the same run.
    pub(crate) fn against(&mut self, what: &str, factor: f64, ours: Duration, theirs: Duration) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let verdict = if ratio < factor {
            Verdict::Holds
        } else {
            Verdict::Fails
        };
        let measured = format!(
            "{} ms, kubectl {} ms: {}",
            number(millis(ours)),
            number(millis(theirs)),
            number(ratio),
        );
        self.add(
            what,
            format!("< {} x kubectl", number(factor)),
            measured,
            verdict,
        );
    }

    pub(crate) fn told(&mut self, what: &str, measured: String) {
        self.add(what, String::new(), measured, Verdict::Told);
    }

    pub(crate) fn skipped(&mut self, what: &str, why: &str) {
        self.add(what, String::new(), why.to_owned(), Verdict::Skipped);
    }

    fn add(&mut self, what: &str, must_be: String, measured: String, verdict: Verdict) {
        eprintln!("    {what}: {measured}  {}", verdict.word());
        self.rows.push(Row {
            what: what.to_owned(),
            must_be,
            measured,
            verdict,
        });
    }

    /// True when nothing is wrong.
    pub(crate) fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Fails)
    }

    pub(crate) fn print(&self) {
        let titles = ["what", "must be", "measured", "ok"];
        let lines: Vec<[&str; 4]> = std::iter::once(titles)
            .chain(self.rows.iter().map(|row| {
                [
                    row.what.as_str(),
                    row.must_be.as_str(),
                    row.measured.as_str(),
                    row.verdict.word(),
                ]
            }))
            .collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: [usize; 4] = std::array::from_fn(width);
        for (index, line) in lines.iter().enumerate() {
            println!("| {} |", cells(line, &widths).join(" | "));
            if index == 0 {
                println!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"));
            }
        }
    }
}

fn cells(line: &[&str; 4], widths: &[usize; 4]) -> Vec<String> {
    let padded = line
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"));
    padded.collect()
}

/// As many digits as are worth reading.
fn number(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The smallest value that `share` of all do not exceed; the median is 0.5.
pub(crate) fn quantile(values: &[Duration], share: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "at most some hundred values, and a share between 0 and 1"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}
