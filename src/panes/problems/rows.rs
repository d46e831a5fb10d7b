//! Problems as rows: those that say the same of many objects are one row.

use std::collections::{BTreeMap, BTreeSet};

use crate::rack::problem::{Problem, Severity, Subject};

/// From so many on, problems that say the same stand in one row.
const MANY: usize = 5;

/// A problem is the same one as long as it is about the same object and says the same thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowId {
    One(Subject, String),
    Group(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row<'a> {
    One(&'a Problem),
    /// The first of so many, and what they have in common.
    Group {
        first: &'a Problem,
        count: usize,
        names: Vec<String>,
        key: String,
    },
}

impl<'a> Row<'a> {
    /// The problem itself, or the first of its group.
    pub(super) fn problem(&self) -> &'a Problem {
        match self {
            Row::One(problem) => problem,
            Row::Group { first, .. } => first,
        }
    }

    fn id(&self) -> RowId {
        match self {
            Row::One(problem) => RowId::One(problem.about.clone(), problem.what.clone()),
            Row::Group { key, .. } => RowId::Group(key.clone()),
        }
    }
}

pub(super) fn ids(rows: &[Row<'_>]) -> Vec<RowId> {
    rows.iter().map(Row::id).collect()
}

/// The rows in the order of the problems; a group stands where its first member would.
pub(super) fn grouped<'a>(
    problems: impl Iterator<Item = &'a Problem>,
    unfolded: &BTreeSet<String>,
) -> Vec<Row<'a>> {
    let keyed: Vec<(Option<String>, &Problem)> =
        problems.map(|problem| (key(problem), problem)).collect();
    let mut groups: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for (key, problem) in &keyed {
        if let Some(key) = key.as_deref().filter(|key| !unfolded.contains(*key)) {
            groups.entry(key).or_default().push(problem);
        }
    }
    groups.retain(|_, members| members.len() >= MANY);
    let mut rows = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (key, problem) in &keyed {
        let group = key.as_deref().and_then(|key| groups.get_key_value(key));
        match group {
            None => rows.push(Row::One(problem)),
            Some((key, members)) if told.insert(key) => rows.push(Row::Group {
                first: problem,
                count: members.len(),
                names: members.iter().filter_map(|it| it.about.name()).collect(),
                key: (*key).to_owned(),
            }),
            Some(_) => {}
        }
    }
    rows
}

/// What a problem says of its object, whatever that is called; `None` when it is about no object.
fn key(problem: &Problem) -> Option<String> {
    let name = problem.about.name()?;
    let severity = match problem.severity {
        Severity::Critical => 'c',
        Severity::Warning => 'w',
        Severity::Note => 'n',
    };
    Some(format!("{severity} {}", problem.what.replace(&name, "*")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::node::NodeName;

    fn problems(count: usize) -> Vec<Problem> {
        let late = |number: usize| {
            let name = NodeName::new(&format!("rpi-{number:02}"));
            let what = format!("node {name} is late");
            Problem::new(Severity::Warning, Subject::Node(name), what)
        };
        let mut all: Vec<Problem> = (0..count).map(late).collect();
        let link = Problem::new(Severity::Critical, Subject::Link, "no answer");
        all.insert(0, link);
        all
    }

    #[test]
    fn a_few_stand_alone_and_many_are_one_row() {
        let few = problems(4);
        assert_eq!(grouped(few.iter(), &BTreeSet::new()).len(), 5);
        let many = problems(300);
        let rows = grouped(many.iter(), &BTreeSet::new());
        assert_eq!(rows.len(), 2);
        assert!(matches!(&rows[1], Row::Group { count: 300, .. }));
    }

    #[test]
    fn an_opened_group_shows_every_member_again() {
        let many = problems(6);
        let rows = grouped(many.iter(), &BTreeSet::new());
        let Row::Group { key, names, .. } = &rows[1] else {
            panic!("{rows:?}");
        };
        assert_eq!(names[0], "rpi-00");
        let unfolded = BTreeSet::from([key.clone()]);
        assert_eq!(grouped(many.iter(), &unfolded).len(), 7);
    }
}
