//! The rules GitLab keeps for jobs, on jobs written here.

use super::waiting::{Runners, why};
use super::*;

fn job(id: u64, name: &str, stage: &str, status: &str) -> Job {
    Job {
        id: JobId(id),
        name: name.to_owned(),
        stage: stage.to_owned(),
        status: Status::from_word(status),
        allow_failure: false,
        failure_reason: None,
        branch: "main".to_owned(),
        created: None,
        started: None,
        finished: None,
        erased: None,
        duration: None,
        queued: None,
        archived: false,
        tags: Vec::new(),
        runner: None,
        url: String::new(),
        kind: JobKind::Job,
    }
}

fn runner(description: &str, status: &str, paused: bool) -> Runner {
    Runner {
        id: 1,
        description: description.to_owned(),
        paused,
        status: status.to_owned(),
    }
}

#[test]
fn every_state_has_its_word_its_group_and_its_offers() {
    for (word, group, offers) in [
        ("created", Group::Alive, "c"),
        ("waiting_for_resource", Group::Alive, "c"),
        ("preparing", Group::Alive, "c"),
        ("waiting_for_callback", Group::Alive, "c"),
        ("pending", Group::Alive, "c"),
        ("running", Group::Alive, "c"),
        ("success", Group::Done, "r"),
        ("failed", Group::Done, "r"),
        ("canceling", Group::Alive, "r"),
        ("canceled", Group::Done, "r"),
        ("skipped", Group::Done, ""),
        ("manual", Group::Waits, "p"),
        ("scheduled", Group::Waits, "cp"),
        ("frozen", Group::Unknown, "c"),
    ] {
        let job = job(1, "a", "b", word);
        assert_eq!(job.status.word(), word);
        assert_eq!(job.status.group(), group, "{word}");
        let offers_now: String = [
            (job.can_cancel(), "c"),
            (job.can_retry(), "r"),
            (job.can_play(), "p"),
        ]
        .iter()
        .filter_map(|(can, letter)| can.then_some(*letter))
        .collect();
        assert_eq!(offers_now, offers, "{word}");
    }
}

#[test]
fn the_highest_number_of_a_name_is_the_attempt_that_counts() {
    let jobs = [
        job(9, "unit", "test", "running"),
        job(3, "unit", "test", "failed"),
        job(1, "build", "build", "success"),
        job(7, "unit", "test", "failed"),
        job(4, "lint", "test", "success"),
    ];
    let stages = stages(&jobs);
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["build", "test"]);
    let unit = &stages[1].jobs[0];
    assert_eq!(unit.latest.id, JobId(9));
    let earlier: Vec<u64> = unit.earlier.iter().map(|job| job.id.0).collect();
    assert_eq!(earlier, [7, 3]);
}

#[test]
fn a_job_that_waits_says_for_what() {
    let waiting = |status: &str, runners: &Runners| {
        let mut job = job(1, "a", "b", status);
        job.tags = vec!["arm64".into(), "gpu".into()];
        job.queued = Some(Duration::from_secs(300));
        why(&job, runners, Now::ZERO).join("; ")
    };
    for (status, runners, expected) in [
        (
            "created",
            Runners::NotAsked,
            "it waits for jobs of earlier stages",
        ),
        ("waiting_for_resource", Runners::NotAsked, "resource group"),
        (
            "pending",
            Runners::Fitting(Vec::new()),
            "it waits for a runner for 5m; no runner of this project is among those with the tags [arm64, gpu]",
        ),
        (
            "pending",
            Runners::Refused("403 Forbidden".into()),
            "is not known: 403 Forbidden",
        ),
        (
            "pending",
            Runners::Stuck(true),
            "GitLab says that it is stuck: no runner with the tags",
        ),
        ("pending", Runners::Stuck(false), "not stuck: a runner"),
        (
            "pending",
            Runners::Fitting(vec![
                runner("pi-1", "online", true),
                runner("pi-2", "stale", false),
            ]),
            "runner pi-1 fits but is paused; runner pi-2 fits but has not been heard of for a week; no runner that fits is ready",
        ),
        (
            "pending",
            Runners::Fitting(vec![runner("pi-1", "online", false)]),
            "pi-1 would take it: busy",
        ),
        ("running", Runners::NotAsked, ""),
    ] {
        let words = waiting(status, &runners);
        assert!(words.contains(expected), "{status}: {words}");
        assert_eq!(words.is_empty(), expected.is_empty(), "{status}: {words}");
    }
}

#[test]
fn a_failure_before_the_script_is_told_in_words() {
    let mut job = job(1, "a", "b", "failed");
    for (reason, expected) in [
        ("no_matching_runner", "it never started"),
        ("trace_size_exceeded", "the limit of the server"),
        ("some_new_reason", "GitLab's reason: some new reason"),
        ("script_failure", ""),
    ] {
        job.failure_reason = Some(reason.to_owned());
        let words = why(&job, &Runners::NotAsked, Now::ZERO).join("; ");
        assert!(words.contains(expected), "{reason}: {words}");
    }
}

#[test]
fn a_job_without_a_log_says_why() {
    let mut job = job(1, "a", "b", "canceled");
    assert_eq!(job.why_no_log(), "it never started: it is canceled");
    job.status = Status::Pending;
    assert_eq!(job.why_no_log(), "it has not started: it is pending");
    job.erased = Some(Timestamp::UNIX_EPOCH);
    assert!(job.why_no_log().starts_with("its log was erased at 1970"));
    job.kind = JobKind::Bridge(None);
    assert!(job.why_no_log().starts_with("a bridge"));
}

#[test]
fn durations_are_read_as_on_a_clock() {
    for (seconds, expected) in [(5, "0:05"), (65, "1:05"), (3_723, "1:02:03")] {
        assert_eq!(clock(Duration::from_secs(seconds)), expected);
    }
}
