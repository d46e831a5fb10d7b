//! The storage pane: every claim with its state in words, where its data are and who uses them; behind a key the classes
//! and what hangs on each server and board.
//!
//! Invariant: everything is keyed by the claim's UID, so one that was made anew under an old name is another row.

mod columns;
mod detail;
pub(in crate::panes) mod setup;
mod table;
pub(in crate::panes) mod wish;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::form::Answers;
use crate::msg::Msg;
use crate::panes::listing::{Listing, visible_rows};
use crate::panes::page::{self, Line};
use crate::panes::storage::columns::{COLUMNS, Column};
use crate::panes::{Cx, scrolled};
use crate::rack::Rack;
use crate::rack::node::Uid;
use crate::rack::problem::{Severity, Subject};
use crate::rack::storage::setup::News;
use crate::rack::storage::view::{ClaimView, claim_view, claims};
use crate::rack::storage::{Claim, ClaimName, symptom};
use crate::theme::roles::Theme;

/// What the user is doing in the storage pane.
#[derive(Debug, Default)]
pub struct StoragePane {
    list: Listing<Uid, Column>,
    view: View,
    /// A provisioner that is being set up.
    setup: Option<setup::Course>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum View {
    #[default]
    Claims,
    Claim {
        uid: Uid,
        scroll: usize,
    },
    Overview {
        scroll: usize,
    },
    /// A provisioner is set up.
    Setup {
        scroll: usize,
    },
}

impl StoragePane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.list.filter);
    }

    /// True on a page: its own keys apply.
    pub fn is_detail(&self) -> bool {
        self.view != View::Claims
    }

    /// Rows may have come or gone.
    pub fn claims_changed(&mut self, rack: &Rack) {
        let ids = self.ids(rack);
        self.list.rows.settle(&ids, rack.now.mono);
    }

    /// Looks at the visible rows once more, so that columns keep the width they had.
    pub fn measure(&mut self, rack: &Rack, area: Rect) {
        for widths in table::measure(self, rack, area) {
            self.list.measure(widths.into_iter());
        }
    }

    /// Opens what a problem is about.
    pub fn show(&mut self, about: &Subject, rack: &Rack) {
        self.view = match about {
            Subject::Claim(name) => match rack.storage.claim(name) {
                Some(claim) => {
                    self.list.close();
                    self.list.rows.select(&self.ids(rack), &claim.uid);
                    View::Claim {
                        uid: claim.uid.clone(),
                        scroll: 0,
                    }
                }
                None => View::Claims,
            },
            _ => View::Overview { scroll: 0 },
        };
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        if self.is_detail() {
            self.view = View::Claims;
            return true;
        }
        self.list.close()
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        let height = usize::from(cx.area.height.saturating_sub(2));
        let total = self.lines(cx.rack, cx.area).map_or(0, |it| it.len());
        match &mut self.view {
            View::Claim { scroll, .. } | View::Overview { scroll } | View::Setup { scroll } => {
                if scrolled(scroll, action, total, height) {
                    return;
                }
            }
            View::Claims => {
                let chosen = self.chosen(cx.rack);
                let ids: Vec<Uid> = chosen.iter().map(|it| it.claim.uid.clone()).collect();
                let lines = table::lines(cx.rack, &chosen);
                let height = visible_rows(cx.area);
                let rows = &mut self.list.rows;
                if rows.on_action_in_lines(action, &ids, height, &lines) {
                    return;
                }
            }
        }
        if self.list.on_action(action) {
            return self.claims_changed(cx.rack);
        }
        match action {
            Action::StorageView => {
                self.view = if matches!(self.view, View::Overview { .. }) {
                    View::Claims
                } else {
                    cx.msgs.push(Msg::LookAtNfs);
                    View::Overview { scroll: 0 }
                };
            }
            Action::RowOpen => {
                if let Some(claim) = self.current(cx.rack) {
                    let uid = claim.uid.clone();
                    self.view = View::Claim { uid, scroll: 0 };
                }
            }
            Action::ProvisionerSetUp => cx.msgs.push(setup::form(cx.rack)),
            Action::ProvisionerApply => match (&self.view, &self.setup) {
                (View::Setup { .. }, Some(course)) => course.apply(cx),
                _ => cx.msgs.push(Msg::warn("I sets up an NFS provisioner")),
            },
            Action::ClaimCreate => cx.msgs.push(wish::create_form(cx.rack)),
            Action::ClaimResize | Action::ClaimDelete => self.wish(action, cx),
            Action::CopyName => self.with_claim(cx, |name| Msg::Copy(name.to_string())),
            Action::YamlOpen => {
                self.with_claim(cx, |name| Msg::ReadYaml(Subject::Claim(name.clone())));
            }
            _ => {}
        }
    }

    /// The form of a set-up is filled in: the server tries it, and its page opens.
    pub(super) fn begin_setup(&mut self, answers: &Answers, cx: &mut Cx<'_>) {
        self.setup = Some(setup::filled_in(answers, cx));
        self.view = View::Setup { scroll: 0 };
    }

    /// A set-up goes on; its page may be closed meanwhile.
    pub(super) fn setup_news(&mut self, context: &str, news: &News) {
        if let Some(course) = &mut self.setup {
            course.goes_on(context, news);
        }
        if let (View::Setup { scroll }, News::Tried(_) | News::Ended(_)) = (&mut self.view, news) {
            *scroll = 0;
        }
    }

    /// Asks before a claim is changed or goes.
    fn wish(&self, action: Action, cx: &mut Cx<'_>) {
        let Some(claim) = self.current(cx.rack) else {
            return cx.msgs.push(Msg::warn("there is no claim here"));
        };
        if !self.is_detail() && self.list.rows.is_unsettled(cx.rack.now.mono) {
            let text = "another claim slid under the cursor just now: look, and press again";
            return cx.msgs.push(Msg::warn(text));
        }
        let msg = match action {
            Action::ClaimResize => wish::resize_form(claim),
            _ => wish::delete_question(claim, cx.rack),
        };
        cx.msgs.push(msg);
    }

    fn with_claim(&self, cx: &mut Cx<'_>, ask: impl FnOnce(&ClaimName) -> Msg) {
        let msg = match self.current(cx.rack) {
            Some(claim) => ask(&claim.name),
            None => Msg::warn("there is no claim here"),
        };
        cx.msgs.push(msg);
    }

    pub fn hints(&self) -> &'static [Action] {
        match self.view {
            View::Claims => &[
                Action::RowOpen,
                Action::StorageView,
                Action::ClaimCreate,
                Action::ProvisionerSetUp,
                Action::FilterOpen,
                Action::FaultsToggle,
                Action::WideToggle,
                Action::YamlOpen,
                Action::CommandOpen,
            ],
            View::Claim { .. } => &[
                Action::Close,
                Action::ClaimResize,
                Action::ClaimDelete,
                Action::YamlOpen,
            ],
            View::Overview { .. } => &[Action::Close, Action::ProvisionerSetUp],
            View::Setup { .. } => &[Action::Close, Action::ProvisionerApply],
        }
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(claim) => (
                format!("Claim {}", claim.name),
                vec![
                    Action::RowOpen,
                    Action::ClaimResize,
                    Action::ClaimDelete,
                    Action::ClaimCreate,
                    Action::YamlOpen,
                    Action::CopyName,
                    Action::StorageView,
                    Action::ProvisionerSetUp,
                ],
            ),
            None => (
                "Storage".to_owned(),
                vec![Action::StorageView, Action::ProvisionerSetUp],
            ),
        }
    }

    /// The claim the keys act on.
    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Claim> {
        let by_uid = |uid: &Uid| rack.storage.claims().find(|it| it.uid == *uid);
        match &self.view {
            View::Claim { uid, .. } => by_uid(uid),
            View::Claims => by_uid(self.list.rows.current(&self.ids(rack))?),
            View::Overview { .. } | View::Setup { .. } => None,
        }
    }

    fn ids(&self, rack: &Rack) -> Vec<Uid> {
        let chosen = self.chosen(rack).into_iter();
        chosen.map(|it| it.claim.uid.clone()).collect()
    }

    /// The claims in the order and the choice of the table.
    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<ClaimView<'a>> {
        let filter = self.list.parsed_filter();
        let is_faulty = |view: &ClaimView<'_>| {
            let problem = symptom::of_claim(rack, view.claim);
            problem.is_some_and(|it| it.severity < Severity::Note)
        };
        let passes = |view: &ClaimView<'_>| {
            let texts = || {
                COLUMNS
                    .iter()
                    .map(|it| it.cell(rack, view).0)
                    .collect::<Vec<_>>()
            };
            (!self.list.only_faults || is_faulty(view))
                && (filter.is_empty() || self.list.accepts(&filter, &texts()))
        };
        let mut views = claims(rack);
        views.retain(passes);
        if let Some(column) = self.list.sort {
            views.sort_by_cached_key(|view| column.sort_key(rack, view));
        }
        if self.list.is_reversed {
            views.reverse();
        }
        views
    }

    /// The lines of the page that is open; `None` in the table, and for a claim that is gone.
    fn lines(&self, rack: &Rack, area: Rect) -> Option<Vec<Line>> {
        let lines = match &self.view {
            View::Claims => return None,
            View::Overview { .. } => detail::overview(rack),
            View::Setup { .. } => self.setup.as_ref()?.lines(rack),
            View::Claim { .. } => {
                let claim = self.current(rack)?;
                let pods = rack.pods_using(&claim.name).collect();
                detail::claim(rack, &claim_view(rack, claim, pods))
            }
        };
        Some(page::folded(lines, area))
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (title, scroll) = match &self.view {
            View::Claims => return table::draw(self, rack, theme, area, buf),
            View::Overview { scroll } => ("Storage: classes, servers, boards".to_owned(), *scroll),
            View::Setup { scroll } => {
                let title = self.setup.as_ref().map(setup::Course::title);
                (title.unwrap_or_default(), *scroll)
            }
            View::Claim { scroll, .. } => {
                let name = self.current(rack).map(|it| it.name.to_string());
                let arrow = theme.symbols.arrow_right;
                (
                    format!("Storage {arrow} {}", name.unwrap_or_default()),
                    *scroll,
                )
            }
        };
        match self.lines(rack, area) {
            Some(lines) => {
                page::draw(rack, (&title, &lines, scroll), theme, area, buf, |_, _| {});
            }
            None => page::draw_gone(rack, ("Storage", "claim"), theme, area, buf),
        }
    }
}
