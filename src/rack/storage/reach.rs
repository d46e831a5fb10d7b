//! Whether an NFS server answers: its port from here, and its port and exports as one board sees them.
//!
//! Invariant: an answer is news for two minutes; what could not be asked is not said to be wrong.

use std::time::Duration;

use crate::rack::Rack;
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::storage::view::{Holder, holders};

/// NFS, of every version; versions before 4 need 111 besides.
pub const PORT: u16 = 2049;
const NEWS: Duration = Duration::from_secs(120);

/// What one look has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// How long the port took to open, or why it did not.
    pub here: Result<Duration, Box<str>>,
    /// `None` when no board could be asked.
    pub board: Option<FromBoard>,
}

/// The same from a board, which is where mounts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromBoard {
    pub node: NodeName,
    /// `None` where the board has no tool to try it.
    pub is_open: Option<bool>,
    pub exports: Exports,
}

/// What `showmount -e` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exports {
    /// It is not installed on the board.
    NoTool,
    /// Servers of version 4 alone do not tell; the words are the tool's.
    Untold(Box<str>),
    /// Paths, each with whom they are for: `/srv/nfs 10.10.10.0/24`.
    Listed(Vec<Box<str>>),
}

/// A look and when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) reach: Reach,
}

/// Only what can be a host: the text comes from the cluster and goes to a board.
pub fn is_host(server: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    server.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        && server.len() <= 253
        && server.chars().all(is_letter)
}

/// Every server that volumes or provisioners name.
pub fn servers(rack: &Rack) -> Vec<Box<str>> {
    let held = holders(rack).into_keys().filter_map(|it| match it {
        Holder::NfsServer(server) => Some(server),
        Holder::Board(_) => None,
    });
    let provisioners = rack.storage.provisioners().map(|it| it.server.clone());
    let mut servers: Vec<Box<str>> = held.chain(provisioners).filter(|it| is_host(it)).collect();
    servers.sort();
    servers.dedup();
    servers
}

/// Reads the answer of `clients/board/nfs.sh`; `None` for one that is none or was cut off.
pub fn parse(node: &NodeName, text: &str) -> Option<FromBoard> {
    let mut from = FromBoard {
        node: node.clone(),
        is_open: None,
        exports: Exports::NoTool,
    };
    for line in text.lines().skip_while(|it| *it != "nfs 1").skip(1) {
        let (key, value) = line.split_once('\t').unwrap_or((line, ""));
        match key {
            "end" => return Some(from),
            "port" => from.is_open = Some(value == "open"),
            "untold" => from.exports = Exports::Untold(value.into()),
            "exports" => from.exports = Exports::Listed(Vec::new()),
            "export" => {
                if let Exports::Listed(all) = &mut from.exports {
                    all.push(
                        value
                            .split_whitespace()
                            .collect::<Vec<_>>()
                            .join(" ")
                            .into(),
                    );
                }
            }
            _ => {}
        }
    }
    None
}

impl FromBoard {
    /// Whether a path is exported: itself or a folder above it. `None` when nobody told.
    pub fn has(&self, path: &str) -> Option<bool> {
        let Exports::Listed(all) = &self.exports else {
            return None;
        };
        let within = |export: &str| {
            let export = export.trim_end_matches('/');
            let rest = path.strip_prefix(export);
            rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        Some(
            all.iter()
                .any(|it| within(it.split(' ').next().unwrap_or_default())),
        )
    }
}

/// What is wrong with the servers that were looked at.
pub(super) fn check(rack: &Rack, problems: &mut Vec<Problem>) {
    for server in servers(rack) {
        let Some(reach) = rack.storage.reach(&server, rack) else {
            continue;
        };
        problems.extend(of_server(rack, &server, reach));
    }
}

fn of_server(rack: &Rack, server: &str, reach: &Reach) -> Option<Problem> {
    let problem = |severity, what| Problem::new(severity, Subject::Storage, what);
    let from_board = reach.board.as_ref();
    if let Some(board) = from_board.filter(|it| it.is_open == Some(false)) {
        let why = match &reach.here {
            Ok(_) => {
                "it answers from here: something between it and the board is closed".to_owned()
            }
            Err(why) => format!("nor from here: {why}"),
        };
        let what = format!(
            "NFS server {server} does not answer board {} on port {PORT}",
            board.node
        );
        return Some(problem(Severity::Critical, what).why(why).next(
            "see whether it is up, its NFS service runs, and its firewall lets the boards in; what is mounted hangs until then",
        ));
    }
    // A board that reaches it knows better: mounts come from there.
    if let (Err(why), None | Some(FromBoard { is_open: None, .. })) = (&reach.here, from_board) {
        let what = format!("NFS server {server} does not answer on port {PORT} from here");
        return Some(
            problem(Severity::Warning, what)
                .why(why.to_string())
                .next("no board could be asked whether it answers there: log into one and look"),
        );
    }
    let board = from_board?;
    let mut provisioners = rack
        .storage
        .provisioners()
        .filter(|it| *it.server == *server);
    let lost = provisioners.find(|it| board.has(&it.path) == Some(false))?;
    let what = format!("NFS server {server} does not export {}", lost.path);
    let Exports::Listed(all) = &board.exports else {
        return None;
    };
    let problem = problem(Severity::Critical, what)
        .why(format!(
            "Deployment {}/{} mounts it to make volumes there",
            lost.namespace, lost.name
        ))
        .next("add it to the server's /etc/exports for the boards' addresses, then exportfs -ra");
    Some(all.iter().take(4).fold(problem, |it, export| {
        it.evidence(format!("it exports {export}"))
    }))
}

impl super::Storage {
    /// A server was looked at.
    pub fn looked(&mut self, server: Box<str>, reach: Reach, at: Duration) {
        self.reach.insert(server, Seen { at, reach });
    }

    /// What the last look at a server has seen, while it is news.
    pub fn reach(&self, server: &str, rack: &Rack) -> Option<&Reach> {
        let seen = self.reach.get(server)?;
        (rack.now.since(seen.at) < NEWS).then_some(&seen.reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::facts::{Change, Fact};
    use crate::rack::storage::testing::{provisioner, rack};

    const ANSWER: &str = "greeting\nnfs 1\nport\topen\nexports\nexport\t/srv/nfs   10.0.0.0/24\nexport\t/backup *\nend\n";

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let node = NodeName::new("rpi-01");
        let from = parse(&node, ANSWER).unwrap();
        assert_eq!(from.is_open, Some(true));
        for (path, expected) in [
            ("/srv/nfs", true),
            ("/srv/nfs/office", true),
            ("/srv/nfs2", false),
            ("/srv", false),
        ] {
            assert_eq!(from.has(path), Some(expected), "{path}");
        }
        assert_eq!(parse(&node, &ANSWER.replace("end\n", "")), None);
        assert_eq!(parse(&node, "garbage"), None);
        let silent = parse(&node, "nfs 1\nuntold\tRPC: not registered\nend").unwrap();
        assert_eq!((silent.is_open, silent.has("/srv/nfs")), (None, None));
    }

    #[test]
    fn only_what_can_be_a_host_is_asked_for() {
        for (server, expected) in [
            ("10.0.0.5", true),
            ("nas.lan", true),
            ("fd00::5", true),
            ("-oProxy", false),
            ("a b", false),
            ("$(x)", false),
            ("", false),
        ] {
            assert_eq!(is_host(server), expected, "{server}");
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_a_problem_until_it_does() {
        let mut rack = rack();
        let one = provisioner("x", "image", 1);
        rack.apply(Fact::Provisioners(Change::Listed(vec![Some(one)])));
        let node = NodeName::new("rpi-01");
        let board = |text: &str| parse(&node, text);
        let ok = Ok(Duration::from_millis(1));
        let refused: Result<Duration, Box<str>> = Err("refused".into());
        let closed = "nfs 1\nport\tclosed\nend";
        let other = "nfs 1\nport\topen\nexports\nexport\t/other *\nend";
        for (here, from, expected) in [
            (&ok, None, None),
            (
                &refused,
                None,
                Some("does not answer on port 2049 from here"),
            ),
            (&refused, board("nfs 1\nport\topen\nend"), None),
            (&ok, board(closed), Some("does not answer board rpi-01")),
            (&ok, board(other), Some("does not export /srv")),
            (&ok, board(ANSWER), Some("does not export /srv")),
        ] {
            let reach = Reach {
                here: here.clone(),
                board: from,
            };
            let at = rack.now.mono;
            rack.storage.looked("10.0.0.5".into(), reach.clone(), at);
            let mut problems = Vec::new();
            check(&rack, &mut problems);
            let what = problems.first().map(|it| it.what.clone());
            let is_right = match (&what, expected) {
                (Some(what), Some(words)) => what.contains(words),
                (None, None) => true,
                _ => false,
            };
            assert!(is_right, "{reach:?}: {what:?}");
        }
        rack.now.mono += NEWS;
        let mut problems = Vec::new();
        check(&rack, &mut problems);
        assert!(problems.is_empty(), "old news");
    }
}
