//! `bramble trace`: the log of a CI job on standard output, to its end when it is followed.
//!
//! Section markers and time stamps of the runner are taken out; on a terminal colours stay and nothing else that could
//! do something there.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use tokio::time::sleep;

use crate::cli::pipelines::{chosen, failure, projects};
use crate::cli::{Failure, cockpit, gitlab};
use crate::clients::gitlab::{Fault, Gitlab, Log, Settings, connect};
use crate::rack::pipeline::waiting::{Runners, why};
use crate::rack::pipeline::{Job, JobId, ProjectId, Status};
use crate::rack::time::Now;
use crate::rack::trace::Trace;
use crate::ui::ansi;
use crate::ui::text::clean;

/// A runner reports once a minute; a page of GitLab that is open makes it every three seconds.
const POLL: Duration = Duration::from_secs(5);
const POLL_QUIET: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    /// The number of the job, or the address of its page.
    #[arg(value_name = "JOB")]
    job: String,
    /// The project of the job, by path or number; without it those of config.toml are tried.
    #[arg(short, long, value_name = "PROJECT")]
    project: Option<String>,
    /// Which GitLab of config.toml; all of them are tried without it.
    #[arg(long, value_name = "NAME")]
    gitlab: Option<String>,
    /// Go on until the job has ended.
    #[arg(short, long)]
    follow: bool,
    /// The time before each line, when the runner wrote it.
    #[arg(short, long)]
    timestamps: bool,
}

pub(super) fn run(arguments: &TraceArguments) -> Result<ExitCode, Failure> {
    let (id, of_url) = job_of(&arguments.job)?;
    let mut settings = chosen(gitlab::of_user()?, arguments.gitlab.as_deref())?;
    let mut project = arguments.project.clone();
    if let Some(of_url) = of_url {
        settings.retain(|it| of_url.starts_with(it.url.trim_end_matches('/')));
        let path = settings
            .first()
            .and_then(|it| of_url.strip_prefix(it.url.trim_end_matches('/')));
        let path = path.map(|path| path.trim_matches('/').to_owned());
        let unknown = || Failure::usage(anyhow!("config.toml names no GitLab of {of_url}"));
        project = Some(path.ok_or_else(unknown)?);
    }
    let runtime = cockpit::runtime().map_err(Failure::cluster)?;
    runtime.block_on(async {
        let (gitlab, project, job) = find(&settings, project, id).await?;
        print(&gitlab, project, job, arguments).await
    })
}

/// The number of a job, and the address of its project when the address of a page was given.
fn job_of(text: &str) -> Result<(JobId, Option<String>), Failure> {
    let wrong = || {
        let what = "is no job: give its number, or the address of its page (…/-/jobs/123)";
        Failure::usage(anyhow!("\"{text}\" {what}"))
    };
    let (project, number) = match text.split_once("/-/jobs/") {
        Some((project, rest)) => {
            let number = rest.split(['/', '?', '#']).next().unwrap_or_default();
            (Some(project.to_owned()), number)
        }
        None => (None, text.trim_start_matches('#')),
    };
    let id = number.parse().map_err(|_| wrong())?;
    Ok((JobId(id), project))
}

async fn find(
    settings: &[Settings],
    project: Option<String>,
    id: JobId,
) -> Result<(Gitlab, ProjectId, Job), Failure> {
    let wanted: Option<Vec<String>> = project.map(|name| vec![name]);
    let mut tried = Vec::new();
    for settings in settings {
        let gitlab = connect(settings).await.map_err(|error| failure(&error))?;
        let names = wanted.as_ref().unwrap_or(&settings.projects);
        for project in projects(&gitlab, names).await? {
            match gitlab.job(project.id, id).await {
                Ok(job) => return Ok((gitlab, project.id, job)),
                Err(error) if matches!(error.fault, Fault::NotFound(_)) => {
                    tried.push(project.path);
                }
                Err(error) => return Err(failure(&error)),
            }
        }
    }
    let tried = tried.join(", ");
    Err(Failure::cluster(anyhow!(
        "there is no job #{id} in {tried}; name its project with --project (a bridge has no log)"
    )))
}

async fn print(
    gitlab: &Gitlab,
    project: ProjectId,
    mut job: Job,
    arguments: &TraceArguments,
) -> Result<ExitCode, Failure> {
    let mut printer = Printer::new(arguments.timestamps);
    let mut trace = Trace::new();
    let (mut tag, mut quiet, mut said) = (None, 0_u32, String::new());
    loop {
        // The state is older than the log that is read after it: what is read after the end is all.
        let is_over = job.status.is_done();
        match gitlab.trace(project, job.id, tag.as_deref()).await {
            Ok(Log::Whole(body, new)) => {
                tag = new;
                quiet = 0;
                trace.take(&body, is_over);
            }
            Ok(Log::Unchanged | Log::None) => quiet += 1,
            Err(error) if arguments.follow && !is_over => {
                say(&error.problem().sentence());
                wait_for(&error.fault).await;
            }
            Err(error) => return Err(failure(&error)),
        }
        printer.print(&trace, is_over || !arguments.follow)?;
        if is_over || !arguments.follow {
            break;
        }
        if job.status != Status::Running {
            let waits = why(&job, &Runners::NotAsked, now()).join("; ");
            if !waits.is_empty() && waits != said {
                say(&format!("{} is {}: {waits}", job.named(), job.status));
                said = waits;
            }
        }
        sleep(if quiet >= 2 { POLL_QUIET } else { POLL }).await;
        match gitlab.job(project, job.id).await {
            Ok(now) => job = now,
            Err(error) => {
                say(&error.problem().sentence());
                wait_for(&error.fault).await;
            }
        }
    }
    Ok(end(&job, &trace))
}

async fn wait_for(fault: &Fault) {
    if let Fault::Busy(wait) = fault {
        sleep(*wait).await;
    }
}

fn now() -> Now {
    Now {
        wall: jiff::Timestamp::now(),
        ..Now::ZERO
    }
}

/// What is left to say, and the exit code: 1 for a job that has failed or was canceled.
fn end(job: &Job, trace: &Trace) -> ExitCode {
    if trace.rows().is_empty() {
        say(&format!("{} has no log: {}", job.named(), job.why_no_log()));
    }
    if job.status == Status::Failed
        && let Some((_, known)) = trace.finding().known
    {
        say(&format!("{}; {}", known.what, known.next));
    }
    for line in why(job, &Runners::NotAsked, now()) {
        say(&line);
    }
    match job.status {
        Status::Failed if !job.allow_failure => ExitCode::from(1),
        Status::Canceled => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}

/// On standard error: standard output is for the lines.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "bramble: {}", clean(text));
}

/// Writes the rows that will not change any more, each once.
struct Printer {
    out: BufWriter<io::Stdout>,
    is_terminal: bool,
    has_times: bool,
    printed: usize,
}

impl Printer {
    fn new(has_times: bool) -> Printer {
        Printer {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            is_terminal: io::stdout().is_terminal(),
            has_times,
            printed: 0,
        }
    }

    fn print(&mut self, trace: &Trace, is_last: bool) -> Result<(), Failure> {
        let end = if is_last {
            trace.rows().len()
        } else {
            trace.settled()
        };
        let rows = trace.rows().get(self.printed..end).unwrap_or_default();
        for row in rows {
            if let Some(time) = trace.time(row).filter(|_| self.has_times) {
                check(write!(self.out, "{time:.3} "))?;
            }
            check(write_text(&mut self.out, trace.text(row), self.is_terminal))?;
        }
        self.printed = self.printed.max(end);
        check(self.out.flush())
    }
}

/// The text of a row. A row holds no escape sequence but colours; what else could do something is made visible.
fn write_text(out: &mut impl Write, text: &[u8], is_terminal: bool) -> io::Result<()> {
    let mut has_colour = false;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == 0x1b) {
        let (before, escape) = rest.split_at(at);
        put(out, before, is_terminal)?;
        let length = escape.iter().position(|byte| *byte == b'm');
        let (colour, after) = escape.split_at(length.map_or(1, |at| at + 1));
        if is_terminal && ansi::is_colour(colour) {
            out.write_all(colour)?;
            has_colour = true;
        }
        rest = after;
    }
    put(out, rest, is_terminal)?;
    out.write_all(if has_colour { b"\x1b[0m\n" } else { b"\n" })
}

fn put(out: &mut impl Write, text: &[u8], is_terminal: bool) -> io::Result<()> {
    if is_terminal {
        out.write_all(clean(&String::from_utf8_lossy(text)).as_bytes())
    } else {
        out.write_all(text)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_by_number_or_by_its_page() {
        let read = |text: &str| job_of(text).ok().map(|(id, url)| (id.0, url));
        assert_eq!(read("123"), Some((123, None)));
        assert_eq!(read("#123"), Some((123, None)));
        let page = "https://git.example.com/gitlab/ops/x/-/jobs/77?a=b#L3";
        let project = "https://git.example.com/gitlab/ops/x";
        assert_eq!(read(page), Some((77, Some(project.to_owned()))));
        assert_eq!(read("build"), None);
    }

    #[test]
    fn on_a_terminal_colours_stay_and_nothing_else_does_something() {
        let shown = |text: &[u8], is_terminal| {
            let mut out = Vec::new();
            write_text(&mut out, text, is_terminal).unwrap();
            String::from_utf8(out).unwrap()
        };
        let text = b"a\x1b[31mred\x07\x1b[0m";
        assert_eq!(shown(text, true), "a\x1b[31mred␇\x1b[0m\x1b[0m\n");
        assert_eq!(shown(text, false), "ared\x07\n");
    }
}
