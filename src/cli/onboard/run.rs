//! A run: the machines of its boards, whose orders are carried out side by side until nothing is left to do.
//!
//! The first server comes before everything that joins it, further servers one after the other, agents all at once.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{OnboardArguments, say};
use crate::cli::asking;
use crate::cli::kubeconfig::places;
use crate::cli::{Failure, Global};
use crate::clients::kubeconfig_files as on_disk;
use crate::clients::onboard::shelf::{Files, Shelf};
use crate::clients::onboard::{News, Tools, carry_out, survey};
use crate::rack::kubeconfig::{Merge, OnConflict, Request};
use crate::rack::onboard::journal::Journal;
use crate::rack::onboard::machine::{Board, Event, Order, Stage};
use crate::rack::onboard::plan::Plan;
use crate::rack::onboard::step::Step;
use crate::rack::onboard::wish::{Role, Wish};
use crate::rack::ssh::Destination;

/// News on their way to the run.
const NEWS: usize = 256;

/// A board of the run with its files.
pub(super) struct Live {
    pub(super) board: Board,
    pub(super) files: Files,
}

type Work<'a> = FuturesUnordered<BoxFuture<'a, (usize, Event)>>;

struct Run<'a> {
    tools: &'a Tools,
    arguments: &'a OnboardArguments,
    boards: Vec<Live>,
    clock: Instant,
    news: mpsc::Sender<(usize, News)>,
    /// Plans that were accepted and wait until fewer boards are drained.
    accepted: VecDeque<usize>,
    /// A plan waits and nobody has said yes.
    is_undecided: bool,
}

pub(super) async fn run(
    global: &Global,
    arguments: &OnboardArguments,
    tools: &Tools,
    shelf: &Shelf,
    journals: Vec<Journal>,
) -> Result<ExitCode, Failure> {
    let mut boards = Vec::new();
    for journal in journals {
        let files = shelf.open(&journal.wish.host).map_err(|problem| Failure {
            code: 5,
            error: anyhow!(say::plain(&problem.sentence()).into_owned()),
        })?;
        boards.push(Live {
            board: Board::of(journal),
            files,
        });
    }
    let (news, mut heard) = mpsc::channel(NEWS);
    let mut run = Run {
        tools,
        arguments,
        boards,
        clock: Instant::now(),
        news,
        accepted: VecDeque::new(),
        is_undecided: false,
    };
    let all = async {
        for group in run.groups() {
            run.finish(&group, &mut heard).await?;
            if let Some(first) = group.iter().find(|index| run.made_a_cluster(**index))
                && !arguments.no_kubeconfig
            {
                merge(global, tools, &run.boards[*first].board.journal.wish).await;
            }
            // Who joins a server that is not there only fails in turn.
            if group.iter().any(|index| {
                run.is_first(*index) && run.boards[*index].board.stage != Stage::Joined
            }) {
                break;
            }
        }
        Ok::<(), Failure>(())
    };
    all.await?;
    let now = run.clock.elapsed();
    say::summary(&run.boards, now, arguments.output)?;
    let has_all = run
        .boards
        .iter()
        .all(|live| live.board.stage == Stage::Joined);
    Ok(match (has_all, run.is_undecided) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) if !arguments.dry_run => ExitCode::from(5),
        (false, true)
            if run
                .boards
                .iter()
                .all(|live| matches!(live.board.stage, Stage::Planned(_))) =>
        {
            ExitCode::SUCCESS
        }
        (false, _) => ExitCode::from(1),
    })
}

/// One word of agreement, on the terminal; without one it is no.
fn agrees(question: &str) -> bool {
    let said = asking::line(&format!("{question} [yes/no] "));
    said.is_some_and(|word| word.trim() == "yes")
}

impl<'a> Run<'a> {
    /// Indices of the boards that may run side by side, in the order of the groups.
    fn groups(&self) -> Vec<Vec<usize>> {
        let of = |wanted: fn(Role) -> bool| -> Vec<usize> {
            let all = self.boards.iter().enumerate();
            all.filter(|(_, live)| wanted(live.board.journal.wish.role))
                .map(|(index, _)| index)
                .collect()
        };
        let firsts = of(|role| matches!(role, Role::FirstServer { .. }));
        let servers = of(|role| role == Role::Server);
        let agents = of(|role| role == Role::Agent);
        let mut groups = vec![firsts];
        groups.extend(servers.into_iter().map(|index| vec![index]));
        groups.push(agents);
        groups.retain(|group| !group.is_empty());
        groups
    }

    fn is_first(&self, index: usize) -> bool {
        matches!(
            self.boards[index].board.journal.wish.role,
            Role::FirstServer { .. }
        )
    }

    fn made_a_cluster(&self, index: usize) -> bool {
        let board = &self.boards[index].board;
        self.is_first(index)
            && board.stage == Stage::Joined
            && board
                .journal
                .done
                .iter()
                .any(|done| done.step == "install" && done.changed)
    }

    /// Carries a group to its end.
    async fn finish(
        &mut self,
        group: &[usize],
        heard: &mut mpsc::Receiver<(usize, News)>,
    ) -> Result<(), Failure> {
        let mut work: Work<'a> = FuturesUnordered::new();
        for index in group {
            self.handle(*index, Event::Begin, &mut work)?;
        }
        loop {
            if work.is_empty() && !self.decide(group, &mut work)? {
                return Ok(());
            }
            tokio::select! {
                Some((index, news)) = heard.recv() => self.hear(index, news, &mut work)?,
                Some((index, event)) = work.next() => {
                    self.handle(index, event, &mut work)?;
                    self.begin_accepted(&mut work)?;
                }
            }
        }
    }

    /// Shows the plans that wait and asks; false when nothing is left to be carried out.
    fn decide(&mut self, group: &[usize], work: &mut Work<'a>) -> Result<bool, Failure> {
        let waiting: Vec<usize> = (group.iter().copied())
            .filter(|index| matches!(self.boards[*index].board.stage, Stage::Planned(_)))
            .collect();
        if waiting.is_empty() {
            return Ok(false);
        }
        for index in &waiting {
            say::plan(&self.boards[*index].board);
        }
        let question = format!(
            "do this on {}?",
            if waiting.len() == 1 {
                "this board".to_owned()
            } else {
                format!("these {} boards", waiting.len())
            }
        );
        if self.arguments.dry_run || !(self.arguments.yes || agrees(&question)) {
            self.is_undecided = true;
            if !self.arguments.dry_run {
                say::line("nothing was changed; accept the plans with --yes");
            }
            return Ok(false);
        }
        self.accepted.extend(waiting);
        self.begin_accepted(work)?;
        Ok(true)
    }

    /// Begins what was accepted: boards that are drained a few at a time, the others at once.
    fn begin_accepted(&mut self, work: &mut Work<'a>) -> Result<(), Failure> {
        let drains = |live: &Live| match &live.board.stage {
            Stage::Planned(plan) => plan.drains(),
            Stage::Running => (live.board.journal.plan.as_ref()).is_some_and(Plan::drains),
            _ => false,
        };
        for index in std::mem::take(&mut self.accepted) {
            let running = self
                .boards
                .iter()
                .filter(|live| live.board.stage == Stage::Running);
            let is_full =
                running.filter(|live| drains(live)).count() >= self.arguments.batch.max(1);
            if drains(&self.boards[index]) && is_full {
                self.accepted.push_back(index);
            } else {
                self.handle(index, Event::Accepted, work)?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, index: usize, news: News, work: &mut Work<'a>) -> Result<(), Failure> {
        match news {
            News::Note(note) => self.handle(index, Event::Note(note), work),
            News::Line(line) => self.tell(index, &format!("  {line}")),
        }
    }

    fn handle(&mut self, index: usize, event: Event, work: &mut Work<'a>) -> Result<(), Failure> {
        let is_note = matches!(event, Event::Note(_));
        let now = self.clock.elapsed();
        let live = &mut self.boards[index];
        let before = live.board.journal.done.len();
        let orders = live.board.handle(event, now);
        if !is_note {
            let lines = say::progress(before, &live.board, now);
            for line in &lines {
                say::line(line);
            }
            for line in lines {
                self.tell(index, &line)?;
            }
        }
        for order in orders {
            self.order(index, order, work)?;
        }
        Ok(())
    }

    fn order(&mut self, index: usize, order: Order, work: &mut Work<'a>) -> Result<(), Failure> {
        let (tools, news) = (self.tools, self.news.clone());
        let wish = self.boards[index].board.journal.wish.clone();
        match order {
            Order::Keep(journal) => {
                let kept = self.boards[index].files.keep(&journal);
                kept.map_err(|error| {
                    Failure::usage(
                        anyhow!(error).context("cannot keep the journal; nothing more is done"),
                    )
                })?;
            }
            Order::Survey { after } => work.push(Box::pin(async move {
                sleep(after).await;
                match Box::pin(survey(tools, &wish)).await {
                    Ok(survey) => (index, Event::Surveyed(Box::new(survey))),
                    Err(failure) => (index, Event::Failed(failure)),
                }
            })),
            Order::Do { step, after } => work.push(Box::pin(async move {
                sleep(after).await;
                (index, step_by(tools, &wish, &step, index, news).await)
            })),
        }
        Ok(())
    }

    fn tell(&self, index: usize, line: &str) -> Result<(), Failure> {
        let told = self.boards[index].files.tell(&[say::stamped(line)]);
        told.map_err(|error| Failure::usage(anyhow!(error).context("cannot write the transcript")))
    }
}

async fn step_by(
    tools: &Tools,
    wish: &Wish,
    step: &Step,
    index: usize,
    out: mpsc::Sender<(usize, News)>,
) -> Event {
    let (tx, mut rx) = mpsc::channel(16);
    let doing = async {
        let done = Box::pin(carry_out(tools, wish, step, &tx)).await;
        drop(tx);
        done
    };
    let forward = async {
        while let Some(news) = rx.recv().await {
            let _ = out.send((index, news)).await;
        }
    };
    match tokio::join!(doing, forward).0 {
        Ok((changed, note)) => Event::Done { changed, note },
        Err(failure) => Event::Failed(failure),
    }
}

/// The kubeconfig of a new cluster becomes ours. What does not work is a warning: the cluster stands.
async fn merge(global: &Global, tools: &Tools, wish: &Wish) {
    let merged = async {
        let places = places(global).map_err(|failure| failure.error.to_string())?;
        let to = Destination::parse(&wish.host)?;
        let (source, reached) = on_disk::fetch(&tools.ssh, &to)
            .await
            .map_err(|problem| problem.sentence())?;
        let host = wish
            .url
            .as_ref()
            .map_or(reached, |url| url.host().to_owned());
        let request = Request::Merge(Merge {
            source,
            only: None,
            name: None,
            server: Some(host),
            tls_server_name: None,
            on_conflict: OnConflict::Ask,
            set_current: false,
        });
        let work = move || on_disk::write(&places, &request, None, &CancellationToken::new());
        let written = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| error.to_string())?;
        written.map_err(|error| error.problem().sentence())
    };
    match merged.await {
        Ok(written) => {
            for entry in written
                .plan
                .entries
                .iter()
                .filter(|entry| entry.kind.word() == "context")
            {
                say::line(&format!(
                    "{}: its kubeconfig is merged as context {}",
                    wish.host, entry.name
                ));
            }
        }
        Err(why) => say::line(&format!(
            "{}: its kubeconfig was not merged: {why}",
            wish.host
        )),
    }
}

/// For the summary: how long each board took.
pub(super) fn seconds(board: &Board, now: Duration) -> u64 {
    board.time(now).map_or(0, |time| time.as_secs())
}
