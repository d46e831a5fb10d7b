//! From a text to the cluster: review, question, trial, apply; and what is done with the answer. Also undo, merge and
//! discard.

use std::collections::BTreeSet;

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::pools::conflict::Conflict;
use crate::panes::pools::review::Review;
use crate::panes::pools::{Half, PoolsPane, Right};
use crate::rack::draft::{Applied, Deed, Draft};
use crate::rack::pool_text::merge::merge;
use crate::rack::pool_text::{Change, Changed, RefusalKind, undo};
use crate::rack::problem::Problem;

/// The field in which names of pools in use are typed.
const NAMES: &str = "names";
/// Lines of a question that list changes.
const LISTED: usize = 8;

impl PoolsPane {
    /// Shows what the text changes.
    pub(super) fn review(&mut self, cx: &mut Cx<'_>) {
        let Some(session) = &mut self.session else {
            return cx.msgs.push(nothing_here());
        };
        session.check(cx.rack);
        session.settle();
        self.half = Half::Text;
        self.right = match Conflict::of(session) {
            Some(conflict) => Right::Conflict(conflict),
            None => Right::Review(Review::of(session, cx.rack)),
        };
    }

    /// The first press shows the review, the second one asks.
    pub(super) fn apply(&mut self, cx: &mut Cx<'_>) {
        let Some(session) = &mut self.session else {
            return cx.msgs.push(nothing_here());
        };
        session.check(cx.rack);
        if session.newer.is_some() {
            return self.review(cx);
        }
        if let Some(error) = session.first_error().cloned() {
            session.editor.go_to(error.line, error.columns.start);
            self.right = Right::Text;
            self.half = Half::Text;
            let line = error.line + 1;
            return cx.msgs.push(Msg::warn(format!(
                "not applied: line {line}: {}",
                error.text
            )));
        }
        if !matches!(self.right, Right::Review(_)) {
            return self.review(cx);
        }
        session.settle();
        match session.changes().clone() {
            Ok(changes) if changes.is_empty() => {
                cx.msgs
                    .push(Msg::info("nothing to apply: the server has this already"));
            }
            Ok(changes) if changes.iter().any(Change::is_deletion) => {
                self.ask_for_deletions(&changes, cx);
            }
            _ => self.ask_to_apply(cx),
        }
    }

    /// What goes away is asked for by itself; a pool in use by its name.
    fn ask_for_deletions(&self, changes: &[Change], cx: &mut Cx<'_>) {
        let gone: Vec<&Change> = changes.iter().filter(|it| it.is_deletion()).collect();
        let in_use = self.pools_in_use(changes);
        let mut lines: Vec<String> = gone
            .iter()
            .map(|it| format!("{} is no longer in the text and will be deleted.", it.id))
            .collect();
        if in_use.is_empty() {
            lines.push("No service has an address of it.".to_owned());
        }
        let help = if in_use.is_empty() {
            "type: delete".to_owned()
        } else {
            format!("services have addresses of it; type: {}", in_use.join(" "))
        };
        cx.msgs.push(Msg::Fill(Form {
            id: FormId::PoolDeletions { in_use },
            title: match gone.len() {
                1 => "Delete 1 object?".to_owned(),
                count => format!("Delete {count} objects?"),
            },
            lines,
            fields: vec![FormField::text(NAMES, "confirm", "").help(help)],
            otherwise: Vec::new(),
        }));
    }

    /// The pools among what would be deleted that Services have addresses of, by name.
    fn pools_in_use(&self, changes: &[Change]) -> Vec<String> {
        let is_in_use = |change: &&Change| {
            let pool = self.pools.iter().find(|pool| pool.name == change.id.name);
            pool.is_some_and(|pool| !pool.holders.is_empty())
        };
        let gone = changes
            .iter()
            .filter(|it| it.is_deletion() && it.id.kind == "IPAddressPool");
        gone.filter(is_in_use)
            .map(|it| it.id.name.clone())
            .collect()
    }

    /// The last question before the cluster is changed.
    pub(super) fn ask_to_apply(&mut self, cx: &mut Cx<'_>) {
        let Some(session) = &self.session else { return };
        let Ok(changes) = session.changes().clone() else {
            return;
        };
        let after = session.editor.text();
        let record = Applied {
            at: cx.rack.now.wall,
            key: session.key.clone(),
            form: Some(session.live.form.clone()),
            deed: Deed::Edit,
            before: session.base.clone(),
            after,
            changes: Vec::new(),
            stopped: String::new(),
        };
        let mut lines = listed(&changes);
        if let Right::Review(review) = &self.right
            && let Some(words) = &review.impact
        {
            lines.push(format!("{words}."));
        }
        lines
            .push("The server tries all of it first; nothing is changed if it refuses.".to_owned());
        Self::ask(
            Question::new("Apply to MetalLB?", lines),
            changes,
            record,
            cx,
        );
    }

    fn ask(mut question: Question, changes: Vec<Change>, record: Applied, cx: &mut Cx<'_>) {
        let lines = &mut question.lines;
        if cx.rack.link.is_stale() {
            lines.push("The API server does not answer now: this will probably fail.".to_owned());
        }
        lines.push(format!("Cluster: {}", cx.rack.cluster.context));
        let Some(form) = record.form.clone() else {
            return;
        };
        question.then = vec![Effect::ChangePools {
            form,
            changes,
            record,
        }];
        cx.msgs.push(Msg::Ask(question));
    }

    /// Takes back the newest apply that can be taken back.
    pub(super) fn undo(&mut self, cx: &mut Cx<'_>) {
        let last = self
            .history
            .iter()
            .find(|applied| applied.form.is_some() && !applied.changes.is_empty());
        let Some(last) = last.cloned() else {
            return cx.msgs.push(Msg::info("nothing was applied from here yet"));
        };
        let changes = undo(&last);
        let record = Applied {
            at: cx.rack.now.wall,
            deed: Deed::Undo,
            before: last.after.clone(),
            after: last.before.clone(),
            changes: Vec::new(),
            stopped: String::new(),
            ..last
        };
        let mut lines = listed(&changes);
        lines.push("Each only if nobody has changed it since.".to_owned());
        let in_use = self.pools_in_use(&changes).join(" ");
        if !in_use.is_empty() {
            lines.push(format!(
                "Services have addresses of {in_use}: they lose them."
            ));
        }
        let title = format!("Take back what was {}?", last.deed.word());
        let question = Question {
            typed: (!in_use.is_empty()).then_some(in_use),
            ..Question::new(title, lines)
        };
        Self::ask(question, changes, record, cx);
    }

    /// An apply has ended.
    pub(super) fn changed(&mut self, record: &Applied, outcome: &Changed, cx: &mut Cx<'_>) {
        if record.is_worth_a_line() {
            self.history.insert(0, record.clone());
        }
        let Some(session) = self.session.as_mut().filter(|it| it.key == record.key) else {
            return;
        };
        match &outcome.refusal {
            None => {
                match &outcome.live {
                    Some(live) if record.deed == Deed::Undo => session.follow(live.clone()),
                    Some(live) => session.applied(live.clone(), cx),
                    None => {}
                }
                session.keep(cx, true);
                self.right = Right::Text;
                cx.msgs.push(Msg::info(done(record, outcome)));
            }
            Some(refusal) => {
                let stopped = stopped(outcome, &refusal.problem);
                cx.msgs.push(Msg::warn(stopped));
                match (refusal.kind, &outcome.live) {
                    (RefusalKind::Conflict, Some(live)) => {
                        session.server_answers(live.clone(), cx);
                        if let Some(conflict) = Conflict::of(session) {
                            self.right = Right::Conflict(conflict);
                        }
                    }
                    (_, live) => {
                        self.right = Right::Text;
                        let changes = session.changes().as_ref().ok();
                        let refused = refusal.index.zip(changes);
                        let place = refused.and_then(|(index, all)| all.get(index));
                        let first = place.map_or(0, |change| change.line);
                        if refusal.kind == RefusalKind::Refused && record.deed == Deed::Edit {
                            session.refuse(first, &refusal.problem.why);
                        }
                        if let Some(live) = live.clone().filter(|_| !outcome.done.is_empty()) {
                            session.server_answers(live, cx);
                        }
                    }
                }
            }
        }
        self.check(cx.rack);
    }

    /// Their change and ours in one text, made from what the server has now.
    pub(super) fn merge(&mut self, cx: &mut Cx<'_>) {
        let area = Self::text_area(cx.area);
        let Some(session) = &mut self.session else {
            return cx.msgs.push(nothing_here());
        };
        let Some(newer) = session.newer.take() else {
            return cx.msgs.push(Msg::info("nobody else has changed anything"));
        };
        let merged = merge(&session.base, &session.editor.text(), &newer.text());
        session.base = newer.text();
        session.live = newer;
        session.editor.replace(&merged.text);
        session.keep(cx, true);
        let text = match merged.overlaps.as_slice() {
            [] => "put together; look at it, then apply".to_owned(),
            [line, ..] => {
                session.editor.go_to(*line, 0);
                format!(
                    "put together; in {} you have both changed the same lines: look for <<<<<<<",
                    places(merged.overlaps.len())
                )
            }
        };
        session.editor.follow(area);
        self.right = Right::Text;
        self.half = Half::Text;
        self.check(cx.rack);
        cx.msgs.push(Msg::info(text));
    }

    /// The server's text in place of ours. Ours can still be brought back with undo in the text.
    pub(super) fn discard(&mut self, cx: &mut Cx<'_>) {
        let Some(session) = &mut self.session else {
            return cx.msgs.push(nothing_here());
        };
        if !session.is_touched() {
            return cx.msgs.push(Msg::info("the text is what the server has"));
        }
        let live = session.newer.take().unwrap_or_else(|| session.live.clone());
        session.follow(live);
        session.keep(cx, true);
        self.right = Right::Text;
        self.check(cx.rack);
        cx.msgs.push(Msg::info(
            "the server's text is here again; in the text ctrl-u brings yours back",
        ));
    }

    /// What was kept on disk: offered again by being there.
    pub(super) fn take_draft(
        &mut self,
        draft: &Result<Option<Box<Draft>>, Problem>,
        history: &Result<Vec<Applied>, Problem>,
        cx: &mut Cx<'_>,
    ) {
        match history {
            Ok(history) => self.history.clone_from(history),
            Err(problem) => cx.msgs.push(Msg::warn(problem.sentence())),
        }
        let draft = match draft {
            Ok(Some(draft)) => draft,
            Ok(None) => return,
            Err(problem) => return cx.msgs.push(Msg::warn(problem.sentence())),
        };
        let Some(session) = &mut self.session else {
            return;
        };
        // Somebody was faster than the disk.
        if session.is_touched() || draft.text == session.base {
            return;
        }
        session.reopen(draft, cx);
        let is_nothing = session.changes().as_ref().is_ok_and(Vec::is_empty);
        if !is_nothing {
            cx.msgs.push(Msg::warn(
                "a text for MetalLB was not applied last time: it is in Pools again; X throws it away",
            ));
        }
        self.check(cx.rack);
    }
}

/// What is wrong with the names typed for what is to be deleted.
pub(super) fn complaint(in_use: &[String], answers: &Answers) -> Option<(&'static str, String)> {
    let typed: BTreeSet<&str> = answers.text(NAMES).split_whitespace().collect();
    let wanted: BTreeSet<&str> = if in_use.is_empty() {
        BTreeSet::from(["delete"])
    } else {
        in_use.iter().map(String::as_str).collect()
    };
    (typed != wanted).then(|| {
        let wanted: Vec<&str> = wanted.into_iter().collect();
        (NAMES, format!("type {} to go on", wanted.join(" ")))
    })
}

fn listed(changes: &[Change]) -> Vec<String> {
    let mut lines: Vec<String> = changes
        .iter()
        .take(LISTED)
        .map(|change| format!("{}.", change.sentence()))
        .collect();
    if changes.len() > LISTED {
        lines.push(format!("And {} more.", changes.len() - LISTED));
    }
    lines
}

fn done(record: &Applied, outcome: &Changed) -> String {
    let count = outcome.done.len();
    let objects = if count == 1 { "object" } else { "objects" };
    let mut text = format!("{}: {count} {objects}", record.deed.word());
    if let Some(untried) = outcome.untried.first() {
        text = format!("{text}; {untried}");
    } else if record.deed != Deed::Undo {
        text.push_str("; u takes it back");
    }
    text
}

fn stopped(outcome: &Changed, problem: &Problem) -> String {
    match outcome.done.len() {
        0 => problem.sentence(),
        count => format!("stopped after {count}: {}", problem.sentence()),
    }
}

fn places(count: usize) -> String {
    if count == 1 {
        "one place".to_owned()
    } else {
        format!("{count} places")
    }
}

fn nothing_here() -> Msg {
    Msg::warn("there is no configuration of MetalLB here")
}
