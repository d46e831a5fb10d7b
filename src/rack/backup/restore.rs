//! What a restore will do, step by step, decided before anything is done.
//!
//! Invariant: nothing that is there is deleted; it is moved aside under a name that says when.

use jiff::Timestamp;

use crate::rack::backup::{Datastore, Record, Survey, problem, size};
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::secret::Secret;
use crate::rack::ssh::Destination;

/// A backup that is to be put onto a board, as a person says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The context in which the board was chosen.
    pub context: String,
    pub node: NodeName,
    pub to: Destination,
    pub file: String,
    pub opens: Opens,
}

/// What opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opens {
    Passphrase(Secret),
    /// The file with a key of age.
    Identity(String),
}

/// What a person decides beyond the backup and the board.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice {
    /// Another version of k3s than the one that was saved.
    pub any_version: bool,
}

/// A restore as it will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Sentences, in the order of the steps.
    pub steps: Vec<String>,
    /// What is to be done on other machines, or by hand, afterwards.
    pub afterwards: Vec<String>,
    /// What speaks against it, without forbidding it.
    pub notes: Vec<Problem>,
    /// Ends the names of what is moved aside.
    pub aside: String,
}

impl Plan {
    /// Whether the same would be done, now as then: the names of what is moved aside say the time.
    pub fn is_as(&self, other: &Plan) -> bool {
        let steps = |plan: &Plan| -> Vec<String> {
            let without = |step: &String| step.replace(&plan.aside, "");
            plan.steps.iter().map(without).collect()
        };
        steps(self) == steps(other)
    }
}

/// The steps onto this board, or why it cannot be.
pub fn plan(
    record: &Record,
    board: &Survey,
    choice: Choice,
    now: Timestamp,
) -> Result<Plan, Box<Problem>> {
    check(record, board, choice)?;
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let aside = format!(".before-{stamp}");
    let server = format!("{}/server", board.data_dir);
    let mut steps = vec![format!(
        "send the backup ({}) to {}, unpack it there beside {server}, and compare the hashes of both ends",
        size(record.content_size),
        board.host_name
    )];
    if board.is_running {
        steps.push("stop k3s; pods run on".to_owned());
    }
    if board.is_server {
        steps.push(format!("move {server} aside as {server}{aside}"));
    }
    steps.push(format!(
        "put token, certificates, credentials and manifests in their place in {server}"
    ));
    steps.push(
        "put /etc/rancher and the service's unit in their place; what was there is moved aside likewise; \
         cmdline.txt and config.txt of the firmware only where there are none"
            .to_owned(),
    );
    if record.datastore == Datastore::Etcd {
        steps.push(
            "k3s server --cluster-reset from the snapshot, with the saved token: etcd has one member then".to_owned(),
        );
    }
    steps.push("start k3s and wait until its API says it is ready".to_owned());
    Ok(Plan {
        steps,
        afterwards: afterwards(record, board, &server, &aside),
        notes: notes(record, board),
        aside,
    })
}

fn check(record: &Record, board: &Survey, choice: Choice) -> Result<(), Box<Problem>> {
    let host = &board.host_name;
    let refuse = |why: String, next: String| -> Result<(), Box<Problem>> {
        Err(problem(format!("the backup is not restored onto {host}"))
            .why(why)
            .next(next)
            .into())
    };
    let saved = &record.version;
    match &board.version {
        None => {
            return refuse(
                "k3s is not installed there".to_owned(),
                format!(
                    "install it without starting it, then again: curl -sfL https://get.k3s.io | \
                     INSTALL_K3S_VERSION={saved} INSTALL_K3S_SKIP_START=true sh -"
                ),
            );
        }
        Some(there) if there != saved && !choice.any_version => {
            return refuse(
                format!("it has k3s {there}, and the backup is of {saved}"),
                format!("install {saved} there, or allow it with --any-version"),
            );
        }
        Some(_) => {}
    }
    if !board.has_service {
        return refuse(
            "k3s is no service there that could be stopped and started".to_owned(),
            "install k3s with its install script".to_owned(),
        );
    }
    let needed = record.content_size + record.content_size / 10 + (32 << 20);
    if board.free < needed {
        return refuse(
            format!(
                "it takes {}, and {} are free",
                size(needed),
                size(board.free)
            ),
            "make room there first: what is there is moved aside, not deleted".to_owned(),
        );
    }
    Ok(())
}

fn notes(record: &Record, board: &Survey) -> Vec<Problem> {
    let mut notes = Vec::new();
    let note = |what: String| Problem::new(Severity::Warning, Subject::Program, what);
    if record.host_name != board.host_name {
        notes.push(
            note(format!(
                "the backup is of {}, and this is {}",
                record.host_name, board.host_name
            ))
            .why("the node would join under another name, and its certificate may not name it")
            .next("give the board the old name first, unless that is what you want"),
        );
    }
    if record.version != board.version.clone().unwrap_or_default() {
        notes.push(
            note(format!("k3s is another version than {}", record.version))
                .why("an older one cannot read what a newer one wrote"),
        );
    }
    notes
}

fn afterwards(record: &Record, board: &Survey, server: &str, aside: &str) -> Vec<String> {
    let mut all = Vec::new();
    if record.datastore == Datastore::Etcd {
        all.push(format!(
            "on every other server: systemctl stop k3s; rm -rf {server}/db; systemctl start k3s"
        ));
    }
    all.push("nodes of boards that no longer exist: kubectl delete node NAME".to_owned());
    if record.host_name != board.host_name {
        all.push(format!(
            "the old server's node, when it is gone: kubectl delete node {}",
            record.host_name
        ));
    }
    if board.is_server {
        all.push(format!(
            "when all is well: rm -rf {server}{aside}; to go back: systemctl stop k3s; mv {server} {server}.restored; \
             mv {server}{aside} {server}; systemctl start k3s"
        ));
    }
    all.push("local-path volumes and images were not in the backup".to_owned());
    all
}

#[cfg(test)]
mod tests {
    use super::super::policy;
    use super::*;

    fn board() -> Survey {
        Survey {
            data_dir: super::super::DATA_DIR.to_owned(),
            host_name: "a".to_owned(),
            version: Some("v1.33.4+k3s1".to_owned()),
            is_running: true,
            has_service: true,
            is_server: true,
            free: 10 << 30,
            ..Survey::default()
        }
    }

    fn record(datastore: Datastore) -> Record {
        Record {
            datastore,
            content_size: 500 << 20,
            ..policy::tests::record("a", 1)
        }
    }

    fn planned(record: &Record, board: &Survey) -> Result<Plan, Box<Problem>> {
        plan(record, board, Choice::default(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_plan_is_the_same_a_minute_later_but_not_when_the_board_has_changed() {
        let record = record(Datastore::Sqlite);
        let rehearsed = planned(&record, &board()).unwrap();
        let later = Timestamp::from_second(60).unwrap();
        let at = |board: &Survey| plan(&record, board, Choice::default(), later).unwrap();
        assert_ne!(
            at(&board()).steps,
            rehearsed.steps,
            "the time is in the names"
        );
        assert!(at(&board()).is_as(&rehearsed));
        let stopped = Survey {
            is_running: false,
            ..board()
        };
        assert!(!at(&stopped).is_as(&rehearsed));
    }

    #[test]
    fn every_step_is_said_and_nothing_is_deleted() {
        let plan = planned(&record(Datastore::Sqlite), &board()).unwrap();
        let text = plan.steps.join("\n");
        for part in [
            "500 MiB",
            "stop k3s",
            ".before-19700101T000000Z",
            "start k3s",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            !text.contains("delete") && !text.contains("cluster-reset"),
            "{text}"
        );
        assert_eq!(plan.notes, []);
        let blank = Survey {
            is_running: false,
            is_server: false,
            ..board()
        };
        let text = planned(&record(Datastore::Sqlite), &blank)
            .unwrap()
            .steps
            .join("\n");
        assert!(
            !text.contains("stop k3s") && !text.contains("move /var"),
            "{text}"
        );
    }

    #[test]
    fn etcd_is_reset_and_the_other_servers_are_named() {
        let plan = planned(&record(Datastore::Etcd), &board()).unwrap();
        assert!(plan.steps.join("\n").contains("--cluster-reset"));
        assert!(plan.afterwards.join("\n").contains("on every other server"));
    }

    #[test]
    fn what_would_not_work_is_refused_with_what_to_do() {
        let record = record(Datastore::Sqlite);
        for (board, next) in [
            (
                Survey {
                    version: None,
                    ..board()
                },
                "INSTALL_K3S_VERSION=v1.33.4+k3s1",
            ),
            (
                Survey {
                    version: Some("v1.30.0+k3s1".into()),
                    ..board()
                },
                "--any-version",
            ),
            (
                Survey {
                    has_service: false,
                    ..board()
                },
                "install script",
            ),
            (
                Survey {
                    free: 500 << 20,
                    ..board()
                },
                "make room",
            ),
        ] {
            let problem = planned(&record, &board).unwrap_err();
            assert!(problem.next.contains(next), "{problem:?}");
        }
        let other = Survey {
            host_name: "b".into(),
            ..board()
        };
        let plan = planned(&record, &other).unwrap();
        assert_eq!(plan.notes.len(), 1);
        assert!(plan.afterwards.join("\n").contains("delete node a"));
    }
}
