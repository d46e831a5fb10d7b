//! The words of kubectl, case by case.

use crate::clients::kubernetes::decode::object;
use crate::rack::pod::Pod;

/// What STATUS, READY and RESTARTS say of a pod with these fields.
fn said(metadata: &str, spec: &str, status: &str) -> (String, String, u32) {
    let json = format!(
        r#"{{"metadata":{{"name":"p"{metadata}}},"spec":{{{spec}}},"status":{{{status}}}}}"#
    );
    let pod: Pod = match object(json.as_bytes()) {
        Ok(object) => object.item,
        Err(failed) => panic!("{failed:?}: {json}"),
    };
    let ready = format!("{}/{}", pod.ready, pod.containers);
    (pod.status.to_string(), ready, pod.restarts)
}

fn expected(word: &str, ready: &str, restarts: u32) -> (String, String, u32) {
    (word.to_owned(), ready.to_owned(), restarts)
}

#[test]
fn a_pod_says_what_its_containers_do() {
    let running = r#"{"ready":true,"restartCount":1,"state":{"running":{}}}"#;
    let waiting = r#"{"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}"#;
    let done = r#"{"state":{"terminated":{"reason":"Completed","exitCode":0}}}"#;
    let coded = r#"{"state":{"terminated":{"exitCode":3}}}"#;
    let signalled = r#"{"state":{"terminated":{"signal":9,"exitCode":137}}}"#;
    let none = r#"{"state":{"waiting":{}}}"#;
    for (statuses, phase, word, ready, restarts) in [
        (vec![], "Pending", "Pending", "0/2", 0),
        (vec![running, running], "Running", "Running", "2/2", 2),
        (
            vec![running, waiting],
            "Running",
            "CrashLoopBackOff",
            "1/2",
            5,
        ),
        (vec![done, done], "Succeeded", "Completed", "0/2", 0),
        (vec![running, done], "Running", "NotReady", "1/2", 1),
        (vec![running, coded], "Running", "ExitCode:3", "1/2", 1),
        (vec![running, signalled], "Running", "Signal:9", "1/2", 1),
        (vec![waiting, done], "Running", "CrashLoopBackOff", "0/2", 4),
        (vec![none], "Pending", "Pending", "0/2", 0),
    ] {
        let status = format!(
            r#""phase":"{phase}","containerStatuses":[{}]"#,
            statuses.join(",")
        );
        let said = said("", r#""containers":[{"name":"a"},{"name":"b"}]"#, &status);
        assert_eq!(said, expected(word, ready, restarts), "{status}");
    }
}

#[test]
fn init_containers_have_the_word_until_they_are_done() {
    let done = r#"{"name":"i","state":{"terminated":{"reason":"Completed","exitCode":0}}}"#;
    let failed =
        r#"{"name":"j","restartCount":2,"state":{"terminated":{"reason":"Error","exitCode":1}}}"#;
    let coded = r#"{"name":"j","state":{"terminated":{"exitCode":4}}}"#;
    let backing = r#"{"name":"j","state":{"waiting":{"reason":"CrashLoopBackOff"}}}"#;
    let starting = r#"{"name":"j","state":{"waiting":{"reason":"PodInitializing"}}}"#;
    for (statuses, word, restarts) in [
        (vec![starting], "Init:0/2", 0),
        (vec![done, starting], "Init:1/2", 0),
        (vec![done, failed], "Init:Error", 2),
        (vec![done, coded], "Init:ExitCode:4", 0),
        (vec![done, backing], "Init:CrashLoopBackOff", 0),
    ] {
        let spec = r#""containers":[{"name":"c"}],"initContainers":[{"name":"i"},{"name":"j"}]"#;
        let status = format!(
            r#""phase":"Pending","initContainerStatuses":[{}]"#,
            statuses.join(",")
        );
        assert_eq!(
            said("", spec, &status),
            expected(word, "0/1", restarts),
            "{status}"
        );
    }
}

#[test]
fn sidecars_count_as_containers() {
    let spec = r#""containers":[{"name":"c"}],
        "initContainers":[{"name":"s","restartPolicy":"Always"}]"#;
    let up = r#""phase":"Pending","initContainerStatuses":[{"name":"s","ready":true,
        "started":true,"restartCount":3,"state":{"running":{}}}]"#;
    assert_eq!(said("", spec, up), expected("Pending", "1/2", 3));
    let all = format!(r#"{up},"containerStatuses":[{{"ready":true,"state":{{"running":{{}}}}}}]"#);
    assert_eq!(said("", spec, &all), expected("Pending", "2/2", 3));
}

#[test]
fn deletion_and_reasons_of_the_pod_itself_win() {
    let deleted = r#","deletionTimestamp":"2026-11-23T07:05:36Z""#;
    let gated = r#""phase":"Pending","conditions":[
        {"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]"#;
    for (metadata, status, word) in [
        (deleted, r#""phase":"Running""#, "Terminating"),
        (deleted, r#""phase":"Succeeded""#, "Succeeded"),
        (
            deleted,
            r#""phase":"Running","reason":"NodeLost""#,
            "Unknown",
        ),
        ("", r#""phase":"Failed","reason":"Evicted""#, "Evicted"),
        ("", gated, "SchedulingGated"),
    ] {
        assert_eq!(
            said(metadata, "", status),
            expected(word, "0/0", 0),
            "{status}"
        );
    }
}
