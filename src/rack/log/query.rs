//! `:logs QUERY`: what pods a person means, in the words of kubectl and stern.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::rack::log::feed::PodLogs;
use crate::rack::log::{LogQuery, NamePattern};
use crate::rack::pod::PodName;

/// Lines of the past that are read at first, of each container.
pub const TAIL: u64 = 1_000;
/// Containers read at the same time at most, in the viewer.
pub const MOST: usize = 100;

/// The flags, for a sentence.
const FLAGS: &str =
    "-n NAMESPACE, -A, -l LABELS, -c CONTAINER, --node NODE, --since 10m, --tail N, -p";

/// Every pod of a query that names nothing.
pub fn pods(context: &str, namespace: Option<&str>) -> PodLogs {
    PodLogs {
        context: context.to_owned(),
        query: LogQuery {
            namespace: namespace.map(str::to_owned),
            tail: Some(TAIL),
            most: MOST,
            ..LogQuery::default()
        },
        is_at_home: false,
        workload: None,
    }
}

/// One pod.
pub fn pod(context: &str, pod: &PodName) -> PodLogs {
    let mut logs = pods(context, Some(&pod.namespace));
    logs.query.pods = NamePattern::exactly(&pod.name);
    logs
}

/// The pods of `kind/name`, as kubectl calls the kind.
pub fn workload(context: &str, namespace: &str, kind: &str, name: &str) -> PodLogs {
    PodLogs {
        workload: Some((kind.to_owned(), name.to_owned())),
        ..pods(context, Some(namespace))
    }
}

/// The pods on a node, of all namespaces.
pub fn node(context: &str, node: &str) -> PodLogs {
    let mut logs = pods(context, None);
    logs.query.fields = format!("spec.nodeName={node}");
    logs
}

/// `web`, `deploy/web -n office`, `-l app=web --since 1h`. The error is one sentence.
pub fn parse(text: &str, context: &str, now: Timestamp) -> Result<PodLogs, String> {
    let mut logs = pods(context, None);
    logs.is_at_home = true;
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let mut value = || {
            let value = words.next();
            value.ok_or_else(|| format!("{word} needs a word behind it"))
        };
        match word {
            "-n" | "--namespace" => {
                logs.query.namespace = Some(value()?.to_owned());
                logs.is_at_home = false;
            }
            "-A" | "--all-namespaces" => logs.is_at_home = false,
            "-l" | "--selector" => value()?.clone_into(&mut logs.query.labels),
            "-c" | "--container" => logs.query.containers = Some(pattern(value()?)?),
            "-E" | "--exclude-container" => logs.query.without = Some(pattern(value()?)?),
            "--node" => {
                logs.query.fields = format!("spec.nodeName={}", value()?);
                logs.is_at_home &= logs.query.namespace.is_some();
            }
            "--field-selector" => value()?.clone_into(&mut logs.query.fields),
            "--since" | "-s" => {
                let ago = duration(value()?)?;
                logs.query.since = now.checked_sub(ago).ok();
                logs.query.tail = None;
            }
            "--tail" => {
                let text = value()?;
                let lines = text
                    .parse()
                    .map_err(|_| format!("\"{text}\" is no number of lines"))?;
                logs.query.tail = Some(lines);
            }
            "-p" | "--previous" => {
                logs.query.previous = true;
                logs.query.follow = false;
            }
            flag if flag.starts_with('-') => {
                return Err(format!("there is no {flag}; there are {FLAGS}"));
            }
            name => named(name, &mut logs)?,
        }
    }
    let is_anything = logs.query.pods.is_some()
        || logs.workload.is_some()
        || !logs.query.labels.is_empty()
        || !logs.query.fields.is_empty();
    if !is_anything && logs.is_at_home {
        return Err(format!(
            "which pods? :logs web, :logs deploy/web, :logs -l app=web; also {FLAGS}"
        ));
    }
    Ok(logs)
}

fn named(name: &str, logs: &mut PodLogs) -> Result<(), String> {
    if logs.query.pods.is_some() || logs.workload.is_some() {
        return Err(format!("one name at a time: what is \"{name}\"?"));
    }
    match name.split_once('/') {
        Some(("pod" | "pods" | "po", name)) => logs.query.pods = NamePattern::exactly(name),
        Some(("node" | "nodes" | "no", name)) => {
            logs.query.fields = format!("spec.nodeName={name}");
            logs.is_at_home = false;
        }
        Some((kind, name)) if !kind.is_empty() && !name.is_empty() => {
            logs.workload = Some((kind.to_owned(), name.to_owned()));
        }
        _ => logs.query.pods = Some(pattern(name)?),
    }
    Ok(())
}

fn pattern(text: &str) -> Result<NamePattern, String> {
    NamePattern::new(text).map_err(|why| format!("\"{text}\" is no regular expression: {why}"))
}

/// `30s`, `10m`, `2h`, `1d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no length of time; write 30s, 10m, 2h or 1d");
    if let Some(days) = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u64>().ok())
    {
        return Ok(Duration::from_secs(days.saturating_mul(86_400)));
    }
    let parsed: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(parsed).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PodLogs, String> {
        parse(text, "office", Timestamp::from_second(100_000).unwrap())
    }

    #[test]
    fn queries_read_as_on_the_command_line() {
        let logs = read("web -c ^app$ --tail 5").unwrap();
        assert!(logs.is_at_home && logs.query.pods.unwrap().is_match("my-web-1"));
        assert_eq!(logs.query.tail, Some(5));
        let logs = read("deploy/web -n office").unwrap();
        assert_eq!(logs.workload, Some(("deploy".to_owned(), "web".to_owned())));
        assert_eq!(
            (logs.query.namespace.as_deref(), logs.is_at_home),
            (Some("office"), false)
        );
        let logs = read("pod/a.b").unwrap();
        assert!(
            !logs.query.pods.unwrap().is_match("axb"),
            "a name is no expression"
        );
        let logs = read("-l app=web --since 1h -A").unwrap();
        assert_eq!(logs.query.labels, "app=web");
        assert_eq!(logs.query.since.unwrap().as_second(), 96_400);
        assert_eq!((logs.query.tail, logs.is_at_home), (None, false));
        let logs = read("node/rpi-01").unwrap();
        assert_eq!(
            (&*logs.query.fields, logs.is_at_home),
            ("spec.nodeName=rpi-01", false)
        );
        let logs = read("web -p").unwrap();
        assert!(logs.query.previous && !logs.query.follow);
        assert!(read("-A").is_ok(), "everything there is");
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (text, expected) in [
            ("", "which pods?"),
            ("web -n", "-n needs a word"),
            ("web db", "what is \"db\"?"),
            ("web --colour", "there is no --colour"),
            ("(", "no regular expression"),
            ("web --since soon", "no length of time"),
            ("web --tail x", "no number of lines"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_of_time_have_units() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert!(duration("-5s").is_err() && duration("5").is_err());
    }
}
