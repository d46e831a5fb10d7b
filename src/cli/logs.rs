//! `bramble logs`: logs of pods on standard output, with the flags of kubectl and stern.
//!
//! Lines are raw bytes unless standard output is a terminal: there nothing but text and colours comes out.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;

use crate::cli::{Failure, cockpit};
use crate::clients::kubernetes::{self, Target};
use crate::rack::log::pattern::{Filter, Pattern, sequence};
use crate::rack::log::query::duration;
use crate::rack::log::{
    ContainerRef, LogLine, LogNews, LogQuery, NamePattern, SourceId, SourceState,
};
use crate::ui::ansi;
use crate::ui::text::clean;

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that kubectl or stern has"
)]
pub(super) struct LogArguments {
    /// Pods whose name matches this regular expression, or KIND/NAME such as deploy/web.
    #[arg(value_name = "QUERY")]
    query: Option<String>,
    /// The namespace; the context's own without it.
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only pods with these labels.
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Only pods with these fields.
    #[arg(long, value_name = "FIELDS")]
    field_selector: Option<String>,
    /// Only pods on this node.
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Only containers whose name matches; also init containers.
    #[arg(short, long, value_name = "REGEX")]
    container: Option<String>,
    /// Not the containers whose name matches.
    #[arg(short = 'E', long, value_name = "REGEX")]
    exclude_container: Option<String>,
    /// Only lines that match; may be given more than once.
    #[arg(short, long, value_name = "REGEX")]
    include: Vec<String>,
    /// Not the lines that match; may be given more than once.
    #[arg(short, long, value_name = "REGEX")]
    exclude: Vec<String>,
    /// Marks what matches, on a terminal; may be given more than once.
    #[arg(short = 'H', long, value_name = "REGEX")]
    highlight: Vec<String>,
    /// Only lines newer than this: 30s, 5m, 2h, 1d.
    #[arg(long, value_name = "DURATION", conflicts_with = "since_time")]
    since: Option<String>,
    /// Only lines after this time: 2026-11-24T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    since_time: Option<Timestamp>,
    /// The last lines of each container only.
    #[arg(long, value_name = "LINES")]
    tail: Option<u64>,
    /// What the container wrote before it was restarted.
    #[arg(short, long)]
    previous: bool,
    /// The time before each line.
    #[arg(short, long)]
    timestamps: bool,
    /// End with what there is now.
    #[arg(long)]
    no_follow: bool,
    /// default: with pod and container when there are several; raw: the line alone; json: an object for each line.
    #[arg(short, long, value_enum, default_value = "default")]
    output: Form,
    /// Containers read at the same time at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    max_log_requests: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Default,
    Raw,
    Json,
}

pub(super) fn run(target: &Target, arguments: &LogArguments) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(arguments)?;
    let query = query(arguments)?;
    let runtime = cockpit::runtime().map_err(Failure::cluster)?;
    runtime.block_on(async {
        let query = placed(query, arguments, target).await?;
        printer.search = Search::of(arguments, &query);
        let connection = connect(target).await?;
        let (news, mut receiver) = mpsc::channel(64);
        let reading = kubernetes::read_logs(connection, query, news);
        let printing = async {
            while let Some(news) = receiver.recv().await {
                printer.take(news, receiver.is_empty())?;
            }
            Ok(())
        };
        let (ended, ()) = tokio::join!(printing, reading);
        ended?;
        printer.end()
    })
}

async fn connect(target: &Target) -> Result<kubernetes::Connection, Failure> {
    let connection = kubernetes::connect(target).await;
    connection.map_err(|error| cluster(&error))
}

fn cluster(error: &kubernetes::Error) -> Failure {
    let sentence = anyhow!(error.problem().sentence());
    match error {
        kubernetes::Error::Kubeconfig(_) => Failure::usage(sentence),
        _ => Failure::cluster(sentence),
    }
}

fn wrong(what: &str, text: &str, why: impl std::fmt::Display) -> Failure {
    Failure::usage(anyhow!("{what} \"{text}\" cannot be used: {why}"))
}

fn names(what: &str, text: Option<&String>) -> Result<Option<NamePattern>, Failure> {
    text.map(|text| NamePattern::new(text).map_err(|why| wrong(what, text, why)))
        .transpose()
}

/// What needs no cluster to be understood.
fn query(arguments: &LogArguments) -> Result<LogQuery, Failure> {
    let since = match (&arguments.since, arguments.since_time) {
        (Some(text), _) => {
            let ago = duration(text);
            let ago = ago.map_err(|why| Failure::usage(anyhow!("--since: {why}")))?;
            Timestamp::now().checked_sub(ago).ok()
        }
        (None, time) => time,
    };
    let node = arguments
        .node
        .as_ref()
        .map(|node| format!("spec.nodeName={node}"));
    let fields: Vec<String> = arguments
        .field_selector
        .iter()
        .cloned()
        .chain(node)
        .collect();
    let name = arguments.query.as_ref().filter(|text| !text.contains('/'));
    Ok(LogQuery {
        namespace: None,
        labels: arguments.selector.clone().unwrap_or_default(),
        fields: fields.join(","),
        pods: names("the query", name)?,
        containers: names("--container", arguments.container.as_ref())?,
        without: names("--exclude-container", arguments.exclude_container.as_ref())?,
        since,
        tail: arguments.tail,
        previous: arguments.previous,
        follow: !arguments.no_follow && !arguments.previous,
        most: arguments.max_log_requests,
    })
}

/// The query with its namespace, and with the labels of the workload it names.
async fn placed(
    mut query: LogQuery,
    arguments: &LogArguments,
    target: &Target,
) -> Result<LogQuery, Failure> {
    let namespace = match &arguments.namespace {
        Some(namespace) => namespace.clone(),
        None => kubernetes::namespace(target)
            .await
            .map_err(|error| cluster(&error))?,
    };
    if let Some((kind, name)) = arguments.query.as_deref().and_then(|it| it.split_once('/')) {
        if arguments.all_namespaces {
            let why = "a workload is in one namespace; leave -A out";
            return Err(wrong("the query", &format!("{kind}/{name}"), why));
        }
        if matches!(kind, "pod" | "pods" | "po") {
            query.pods = NamePattern::exactly(name);
        } else if kubernetes::has_pods(kind) {
            let connection = connect(target).await?;
            let labels = kubernetes::pod_labels(&connection, &namespace, kind, name).await;
            let both = [labels.map_err(|error| cluster(&error))?, query.labels];
            let both: Vec<String> = both.into_iter().filter(|it| !it.is_empty()).collect();
            query.labels = both.join(",");
        } else {
            let why = "use pod, deploy, sts, ds, rs, job or svc before the slash";
            return Err(wrong("the query", &format!("{kind}/{name}"), why));
        }
    }
    query.namespace = (!arguments.all_namespaces).then_some(namespace);
    Ok(query)
}

/// What was looked for, for the sentence that nothing was found.
#[derive(Debug, Default)]
struct Search {
    query: Option<String>,
    namespace: Option<String>,
    /// One workload or pod by its name: it is in one namespace.
    is_one: bool,
    follows: bool,
}

impl Search {
    fn of(arguments: &LogArguments, query: &LogQuery) -> Search {
        let text = arguments.query.as_deref();
        Search {
            query: arguments.query.clone(),
            namespace: query.namespace.clone(),
            is_one: text.is_some_and(|text| text.contains('/')),
            follows: query.follow,
        }
    }

    /// `is_nowhere`: the namespace does not exist.
    fn nothing(&self, is_nowhere: bool) -> String {
        let namespace = self.namespace.as_deref();
        let mut text = if let (true, Some(namespace)) = (is_nowhere, namespace) {
            format!("there is no namespace \"{namespace}\"")
        } else {
            let query = self.query.as_ref();
            let query = query.map(|query| format!(" for \"{query}\""));
            let place = namespace.map_or(" in any namespace".to_owned(), |namespace| {
                format!(" in the namespace \"{namespace}\"")
            });
            format!("no pod was found{}{place}", query.unwrap_or_default())
        };
        if self.follows {
            text.push_str(" yet; waiting for one, ctrl-c ends it");
        }
        match namespace {
            Some(_) if self.is_one => text.push_str("; -n NAMESPACE looks in another"),
            Some(_) => text.push_str("; -A looks in all namespaces"),
            None => {}
        }
        text
    }
}

/// Writes lines; what concerns the reading itself goes to standard error.
struct Printer {
    out: BufWriter<io::Stdout>,
    form: Form,
    has_times: bool,
    filter: Filter,
    highlight: Vec<Pattern>,
    is_terminal: bool,
    sources: BTreeMap<SourceId, ContainerRef>,
    search: Search,
    is_nowhere: bool,
    /// Sources that could not be read, and why the pods could not be found.
    failures: Vec<String>,
}

impl Printer {
    fn new(arguments: &LogArguments) -> Result<Printer, Failure> {
        let patterns = |what: &str, texts: &[String]| -> Result<Vec<Pattern>, Failure> {
            let pattern = |text: &String| {
                Pattern::new(&format!("/{text}/")).map_err(|why| wrong(what, text, why))
            };
            texts.iter().map(pattern).collect()
        };
        Ok(Printer {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            form: arguments.output,
            has_times: arguments.timestamps,
            filter: Filter {
                include: patterns("--include", &arguments.include)?,
                exclude: patterns("--exclude", &arguments.exclude)?,
            },
            highlight: patterns("--highlight", &arguments.highlight)?,
            is_terminal: io::stdout().is_terminal(),
            sources: BTreeMap::new(),
            search: Search::default(),
            is_nowhere: false,
            failures: Vec::new(),
        })
    }

    /// `is_last`: nothing more waits to be printed right now.
    fn take(&mut self, news: LogNews, is_last: bool) -> Result<(), Failure> {
        match news {
            LogNews::Source(id, container) => _ = self.sources.insert(id, container),
            LogNews::State(id, state) => self.state(id, state),
            LogNews::Lines(lines) => {
                for line in lines.iter().filter(|line| self.filter.keeps(&line.text)) {
                    let written = write_line(
                        &mut self.out,
                        line,
                        &Look {
                            form: self.form,
                            has_times: self.has_times,
                            source: self.sources.get(&line.source),
                            is_alone: self.sources.len() < 2,
                            is_terminal: self.is_terminal,
                            highlight: &self.highlight,
                        },
                    );
                    check(written)?;
                }
            }
            LogNews::Pods(problem) => {
                say(&problem.sentence());
                self.failures.push(problem.sentence());
            }
            LogNews::Nothing { is_nowhere } => {
                self.is_nowhere = is_nowhere;
                // Without following it is the sentence at the end.
                if self.search.follows {
                    say(&self.search.nothing(is_nowhere));
                }
            }
            LogNews::LeftOut(container) => say(&format!(
                "{} is left out: too many containers match; raise --max-log-requests",
                named(&container)
            )),
        }
        if is_last {
            check(self.out.flush())?;
        }
        Ok(())
    }

    fn state(&mut self, id: SourceId, state: SourceState) {
        let name = self.sources.get(&id).map(named).unwrap_or_default();
        match state {
            SourceState::Waiting(why) => say(&format!("{name} waits: {why}")),
            SourceState::Reading => {}
            SourceState::Ended(why) if why == "read to its end" => {}
            SourceState::Ended(why) => say(&format!("{name} has ended: {why}")),
            SourceState::Failing(problem) => {
                say(&problem.sentence());
                self.failures.push(problem.sentence());
            }
        }
    }

    fn end(mut self) -> Result<ExitCode, Failure> {
        check(self.out.flush())?;
        if self.sources.is_empty() && self.failures.is_empty() {
            let nothing = self.search.nothing(self.is_nowhere);
            return Err(Failure::cluster(anyhow!(nothing)));
        }
        Ok(ExitCode::from(if self.failures.is_empty() { 0 } else { 3 }))
    }
}

fn named(container: &ContainerRef) -> String {
    let ContainerRef {
        namespace,
        pod,
        container,
    } = container;
    format!("{namespace}/{pod} ({container})")
}

/// On standard error: standard output is for the lines.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "bramble: {}", clean(text));
}

/// A reader that went away (`| head`) ends the print quietly.
fn check(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| {
            Failure::terminal(anyhow!(error).context("cannot write to standard output"))
        }),
    }
}

/// How a line is printed.
struct Look<'a> {
    form: Form,
    has_times: bool,
    source: Option<&'a ContainerRef>,
    is_alone: bool,
    is_terminal: bool,
    highlight: &'a [Pattern],
}

fn write_line(out: &mut impl Write, line: &LogLine, look: &Look<'_>) -> io::Result<()> {
    if look.form == Form::Json {
        let object = json!({
            "time": line.time.map(|time| time.to_string()),
            "namespace": look.source.map(|it| &*it.namespace),
            "pod": look.source.map(|it| &*it.pod),
            "container": look.source.map(|it| &*it.container),
            "message": String::from_utf8_lossy(&line.text),
        });
        return writeln!(out, "{object}");
    }
    if let Some(source) = look
        .source
        .filter(|_| look.form == Form::Default && !look.is_alone)
    {
        write!(out, "{} {} ", source.pod, source.container)?;
    }
    if let Some(time) = line.time.filter(|_| look.has_times) {
        write!(out, "{time} ")?;
    }
    if look.is_terminal {
        write_safely(out, &line.text, look.highlight)?;
    } else {
        out.write_all(&line.text)?;
    }
    if line.cut > 0 {
        write!(out, " [{} more bytes in this line]", line.cut)?;
    }
    out.write_all(b"\n")
}

/// Only text; what matches is shown in reverse.
fn write_safely(out: &mut impl Write, text: &[u8], highlight: &[Pattern]) -> io::Result<()> {
    let spans = ansi::spans(text, sequence);
    let text: String = spans.into_iter().map(|span| span.text).collect();
    let mut places: Vec<(usize, usize)> = highlight
        .iter()
        .flat_map(|pattern| pattern.places(&text))
        .collect();
    places.sort_unstable();
    let mut at = 0;
    for (start, end) in places {
        if start >= at
            && let (Some(before), Some(found)) = (text.get(at..start), text.get(start..end))
        {
            write!(out, "{before}\x1b[7m{found}\x1b[27m")?;
            at = end;
        }
    }
    out.write_all(text.get(at..).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed<'a>(line: &LogLine, change: impl FnOnce(&mut Look<'a>)) -> String {
        let source: &'a ContainerRef = Box::leak(Box::new(ContainerRef {
            namespace: "office".into(),
            pod: "web-1".into(),
            container: "app".into(),
        }));
        let mut look = Look {
            form: Form::Default,
            has_times: false,
            source: Some(source),
            is_alone: true,
            is_terminal: false,
            highlight: &[],
        };
        change(&mut look);
        let mut out = Vec::new();
        write_line(&mut out, line, &look).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    fn line(text: &[u8]) -> LogLine {
        LogLine {
            source: SourceId(0),
            time: Timestamp::from_second(1_700_000_000).ok(),
            text: text.into(),
            cut: 0,
        }
    }

    #[test]
    fn nothing_found_says_where_it_was_looked_for_and_what_helps() {
        let search = |query: &str, namespace: Option<&str>, follows: bool| Search {
            query: Some(query.to_owned()),
            namespace: namespace.map(str::to_owned),
            is_one: query.contains('/'),
            follows,
        };
        assert_eq!(
            search("zzz", Some("default"), true).nothing(false),
            "no pod was found for \"zzz\" in the namespace \"default\" yet; waiting for one, ctrl-c ends it; \
             -A looks in all namespaces"
        );
        assert_eq!(
            search("pod/x", Some("web"), false).nothing(false),
            "no pod was found for \"pod/x\" in the namespace \"web\"; -n NAMESPACE looks in another"
        );
        assert_eq!(
            search("zzz", None, false).nothing(false),
            "no pod was found for \"zzz\" in any namespace"
        );
        assert_eq!(
            search("zzz", Some("nope"), true).nothing(true),
            "there is no namespace \"nope\" yet; waiting for one, ctrl-c ends it; -A looks in all namespaces"
        );
    }

    #[test]
    fn a_line_is_printed_as_it_is_asked_for() {
        let plain = line(b"hello");
        assert_eq!(printed(&plain, |_| {}), "hello\n");
        assert_eq!(
            printed(&plain, |look| look.is_alone = false),
            "web-1 app hello\n"
        );
        assert_eq!(
            printed(&plain, |look| {
                look.is_alone = false;
                look.form = Form::Raw;
            }),
            "hello\n"
        );
        assert_eq!(
            printed(&plain, |look| look.has_times = true),
            "2023-11-14T22:13:20Z hello\n"
        );
        let json = printed(&plain, |look| look.form = Form::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&json["pod"], &json["message"]),
            (&json!("web-1"), &json!("hello"))
        );
    }

    #[test]
    fn a_pipe_gets_every_byte_and_a_terminal_only_text() {
        let pattern = [Pattern::new("/b+/").unwrap()];
        let hostile = line(b"a\x1b[31mb\x1b]0;title\x07\xff");
        let bytes = printed(&hostile, |_| {});
        assert!(bytes.starts_with("a\x1b[31mb\x1b]0;title"), "{bytes:?}");
        let shown = printed(&hostile, |look| look.is_terminal = true);
        assert!(!shown.trim_end().chars().any(char::is_control), "{shown:?}");
        let shown = printed(&line(b"abba"), |look| {
            look.is_terminal = true;
            look.highlight = &pattern;
        });
        assert_eq!(shown, "a\x1b[7mbb\x1b[27ma\n");
    }

    #[test]
    fn a_cut_line_says_how_much_is_missing() {
        let cut = LogLine {
            cut: 12,
            ..line(b"x")
        };
        assert_eq!(printed(&cut, |_| {}), "x [12 more bytes in this line]\n");
    }
}
