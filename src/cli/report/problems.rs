//! `bramble problems`: what is wrong, worst first, and with `--watch` what comes and what is over.

use serde_json::{Value, json};

use crate::cli::report::{stamp, stamped};
use crate::cli::{Output, Report};
use crate::rack::Rack;
use crate::rack::problem::{Problem, Subject};
use crate::ui::text::clean;

/// What has been said.
pub(super) struct List {
    report: Report,
    known: Vec<Problem>,
}

impl List {
    pub(super) fn new(report: Report) -> List {
        List {
            report,
            known: Vec::new(),
        }
    }

    /// Everything that is wrong now.
    pub(super) fn first(&mut self, rack: &Rack) -> Vec<String> {
        self.known.clone_from(&rack.problems);
        match self.report.output {
            Output::Table if self.known.is_empty() => vec![self.line(rack, "", "nothing is wrong")],
            Output::Table => (self.known.iter())
                .map(|problem| self.line(rack, problem.severity.word(), &problem.sentence()))
                .collect(),
            Output::Json => {
                let all = self.known.iter().map(json_of).collect();
                vec![format!("{:#}", Value::Array(all))]
            }
        }
    }

    /// What is wrong since, and what is wrong no longer.
    pub(super) fn news(&mut self, rack: &Rack) -> Vec<String> {
        let before = std::mem::replace(&mut self.known, rack.problems.clone());
        let is_in = |problem: &Problem, list: &[Problem]| {
            (list.iter()).any(|it| (&it.about, &it.what) == (&problem.about, &problem.what))
        };
        let come = (rack.problems.iter()).filter(|it| !is_in(it, &before));
        let gone = (before.iter()).filter(|it| !is_in(it, &rack.problems));
        let come = come.map(|problem| match self.report.output {
            Output::Table => self.line(rack, problem.severity.word(), &problem.sentence()),
            Output::Json => stamped(json_of(problem), rack.now).to_string(),
        });
        let gone = gone.map(|problem| match self.report.output {
            Output::Table => self.line(rack, "resolved", &problem.what),
            Output::Json => {
                let mut object = json_of(problem);
                object["resolved"] = json!(true);
                stamped(object, rack.now).to_string()
            }
        });
        come.chain(gone).collect()
    }

    fn line(&self, rack: &Rack, word: &str, text: &str) -> String {
        let text = clean(text);
        let line = if word.is_empty() {
            text.into_owned()
        } else {
            format!("{word:9} {text}")
        };
        if self.report.watch {
            format!("{}  {line}", stamp(rack.now))
        } else {
            line
        }
    }
}

pub(crate) fn json_of(problem: &Problem) -> Value {
    let kind = match &problem.about {
        Subject::Node(_) => "node",
        Subject::Service(_) => "service",
        Subject::Pod(_) => "pod",
        Subject::Workload(_) => "workload",
        Subject::Board(_) => "board",
        Subject::MetalLb => "metallb",
        Subject::Gitlab => "gitlab",
        Subject::Claim(_) => "claim",
        Subject::Volume(_) => "volume",
        Subject::StorageClass(_) => "storageclass",
        Subject::Storage => "storage",
        Subject::Link => "link",
        Subject::Kubeconfig => "kubeconfig",
        Subject::Settings => "settings",
        Subject::Program => "program",
    };
    json!({
        "severity": problem.severity.word(),
        "about": { "kind": kind, "name": problem.about.name() },
        "what": problem.what,
        "why": problem.why,
        "evidence": problem.evidence,
        "next": problem.next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::problem::Severity;
    use crate::rack::time::Now;

    fn rack(problems: &[&str]) -> Rack {
        let mut rack = Rack::new(Now::ZERO);
        let problem = |what: &&str| Problem::new(Severity::Warning, Subject::Link, *what);
        rack.problems = problems.iter().map(problem).collect();
        rack
    }

    fn list(output: Output) -> List {
        List::new(Report {
            output,
            watch: true,
        })
    }

    #[test]
    fn a_watch_says_what_comes_and_what_is_over() {
        let mut list = list(Output::Table);
        assert!(
            list.first(&rack(&[]))
                .concat()
                .ends_with("nothing is wrong")
        );
        let lines = list.news(&rack(&["one", "two"]));
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with("warning   one"), "{lines:?}");
        assert_eq!(list.news(&rack(&["one", "two"])), Vec::<String>::new());
        let lines = list.news(&rack(&["two"]));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("resolved  one"), "{lines:?}");
    }

    #[test]
    fn in_json_every_line_of_a_watch_has_its_time() {
        let mut list = list(Output::Json);
        list.first(&rack(&["one"]));
        let lines = list.news(&rack(&[]));
        let object: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(object["resolved"], true);
        assert!(object["time"].is_string());
    }
}
