//! A table printed line by line: all of it once, then what changed, in columns that keep their place.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::cli::report::{stamp, stamped};
use crate::cli::{Output, Report};
use crate::rack::time::Now;
use crate::ui::text::clean;

/// One object: by what it is known, and what is printed of it in either form.
pub(in crate::cli) struct Line {
    pub(in crate::cli) key: String,
    /// One for each title; already clean.
    pub(in crate::cli) cells: Vec<String>,
    pub(in crate::cli) json: Value,
}

/// What has been printed of a table.
pub(in crate::cli) struct Sheet {
    titles: &'static [&'static str],
    /// Cells at the beginning of a line whose change alone is no news.
    restless: usize,
    report: Report,
    widths: Vec<usize>,
    known: BTreeMap<String, Vec<String>>,
}

impl Sheet {
    pub(in crate::cli) fn new(
        titles: &'static [&'static str],
        restless: usize,
        report: Report,
    ) -> Sheet {
        Sheet {
            titles,
            restless,
            report,
            widths: titles.iter().map(|title| title.len()).collect(),
            known: BTreeMap::new(),
        }
    }

    /// The whole table.
    pub(in crate::cli) fn first(&mut self, lines: Vec<Line>, now: Now) -> Vec<String> {
        for line in &lines {
            self.measure(&line.cells);
        }
        let printed = match self.report.output {
            Output::Table => {
                let title = self.aligned(self.titles.iter().copied());
                let title = if self.report.watch {
                    format!("TIME      {title}")
                } else {
                    title
                };
                let rows = lines.iter().map(|line| self.row(&line.cells, now));
                std::iter::once(title).chain(rows).collect()
            }
            Output::Json => {
                let all = lines.iter().map(|line| line.json.clone()).collect();
                vec![format!("{:#}", Value::Array(all))]
            }
        };
        self.known = lines
            .into_iter()
            .map(|line| (line.key, line.cells))
            .collect();
        printed
    }

    /// What is other than it was, and what is gone.
    pub(in crate::cli) fn news(&mut self, lines: Vec<Line>, now: Now) -> Vec<String> {
        let mut printed = Vec::new();
        let mut before = std::mem::take(&mut self.known);
        for line in lines {
            let was = before.remove(&line.key);
            let skip = self.restless;
            let is_new =
                was.is_none_or(|was| was.iter().skip(skip).ne(line.cells.iter().skip(skip)));
            if is_new {
                self.measure(&line.cells);
                printed.push(match self.report.output {
                    Output::Table => self.row(&line.cells, now),
                    Output::Json => stamped(line.json, now).to_string(),
                });
            }
            self.known.insert(line.key, line.cells);
        }
        printed.extend(before.into_keys().map(|key| match self.report.output {
            Output::Table => format!("{}  {} is gone", stamp(now), clean(&key)),
            Output::Json => stamped(json!({ "name": key, "gone": true }), now).to_string(),
        }));
        printed
    }

    fn measure(&mut self, cells: &[String]) {
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.width());
        }
    }

    fn row(&self, cells: &[String], now: Now) -> String {
        let line = self.aligned(cells.iter().map(String::as_str));
        if self.report.watch {
            format!("{}  {line}", stamp(now))
        } else {
            line
        }
    }

    fn aligned<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (cell, width) in cells.zip(&self.widths) {
            let pad = width.saturating_sub(cell.width()) + 2;
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad));
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[(&str, &str, &str)]) -> Vec<Line> {
        let line = |(age, name, state): &(&str, &str, &str)| Line {
            key: (*name).to_owned(),
            cells: [*age, *name, *state].map(str::to_owned).into(),
            json: json!({ "name": name }),
        };
        rows.iter().map(line).collect()
    }

    fn sheet(output: Output, watch: bool) -> Sheet {
        Sheet::new(&["AGE", "NAME", "STATE"], 1, Report { output, watch })
    }

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let mut sheet = sheet(Output::Table, false);
        let printed = sheet.first(
            lines(&[("1s", "rpi-01", "Ready"), ("2s", "日本", "NotReady")]),
            Now::ZERO,
        );
        assert_eq!(
            printed,
            [
                "AGE  NAME    STATE",
                "1s   rpi-01  Ready",
                "2s   日本    NotReady"
            ]
        );
    }

    #[test]
    fn a_watch_prints_what_changed_and_what_went() {
        let mut sheet = sheet(Output::Table, true);
        sheet.first(
            lines(&[("1s", "a", "Ready"), ("1s", "b", "Ready")]),
            Now::ZERO,
        );
        let older = lines(&[("9s", "a", "Ready"), ("9s", "b", "Ready")]);
        assert_eq!(sheet.news(older, Now::ZERO), Vec::<String>::new());
        let printed = sheet.news(lines(&[("9s", "a", "NotReady")]), Now::ZERO);
        assert_eq!(printed.len(), 2);
        assert!(printed[0].ends_with("9s   a     NotReady"), "{printed:?}");
        assert!(printed[1].ends_with("b is gone"), "{printed:?}");
    }

    #[test]
    fn json_is_one_array_and_then_a_line_for_each_change() {
        let mut sheet = sheet(Output::Json, true);
        let all = sheet
            .first(lines(&[("1s", "a", "Ready")]), Now::ZERO)
            .concat();
        assert!(serde_json::from_str::<Value>(&all).unwrap().is_array());
        let gone = sheet.news(Vec::new(), Now::ZERO).concat();
        let gone: Value = serde_json::from_str(&gone).unwrap();
        assert_eq!((&gone["name"], &gone["gone"]), (&json!("a"), &json!(true)));
    }
}
