//! The Kubeconfig pane: the contexts of the kubeconfig, a line each, with how the cluster behind it is.
//!
//! Invariant: a row is a context by its name; the facts belong to [`crate::rack::fleet`], and nothing here reads a file.

pub(super) mod change;
mod columns;
mod preview;
mod table;
mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::effect::RequestId;
use crate::msg::Msg;
use crate::panes::kubeconfig::columns::{COLUMNS, Column};
use crate::panes::listing::Listing;
use crate::panes::{Cx, scrolled};
use crate::rack::Rack;
use crate::rack::kubeconfig::{ContextEntry, Request};
use crate::rack::kubeconfig_change::{Asked, MergeForm, Preview};
use crate::theme::roles::Theme;
use crate::ui::frame::inside;

/// What the user is doing in the Kubeconfig pane.
#[derive(Debug, Default)]
pub struct KubeconfigPane {
    list: Listing<String, Column>,
    /// The cursor has been set on the context of the session, once.
    is_placed: bool,
    stage: Stage,
    /// The merge as it was filled in last, to go back to.
    form: MergeForm,
    last_request: u64,
    /// The preview or the last change we wait for: an older one is dropped.
    awaited: Option<RequestId>,
    /// Whether a deletion has been asked about what it leaves behind.
    is_orphans_asked: bool,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Table,
    /// A source is being read and its server asked.
    Waiting { source: String },
    /// What a merge would do.
    Preview {
        preview: Box<Preview>,
        scroll: usize,
    },
}

impl KubeconfigPane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        self.list.set_filter(text);
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        if !matches!(self.stage, Stage::Table) {
            self.stage = Stage::Table;
            self.awaited = None;
            return true;
        }
        self.list.close()
    }

    /// True while a merge is looked at before it is written: its own keys apply.
    pub fn is_preview(&self) -> bool {
        matches!(self.stage, Stage::Preview { .. })
    }

    /// Rows may have come or gone.
    pub fn contexts_changed(&mut self, rack: &Rack) {
        let ids = self.ids(rack);
        if !self.is_placed && !ids.is_empty() {
            self.is_placed = true;
            self.list.rows.select(&ids, &rack.cluster.context);
        }
        self.list.rows.settle(&ids, rack.now.mono);
    }

    /// Looks at the visible rows once more, so that columns keep the width they had.
    pub fn measure(&mut self, rack: &Rack, area: Rect) {
        for widths in table::measure(self, rack, area) {
            self.list.measure(widths.into_iter());
        }
    }

    pub fn on_action(&mut self, action: Action, cx: &mut Cx<'_>) {
        if let Stage::Preview { preview, scroll } = &mut self.stage {
            let window = usize::from(inside(cx.area).height);
            let total = preview::height(preview, cx.area);
            if scrolled(scroll, action, total, window) {
                return;
            }
            match action {
                Action::ChangeWrite => self.ask_to_write(cx),
                Action::ChangeEdit => self.edit(cx),
                _ => {}
            }
            return;
        }
        let ids = self.ids(cx.rack);
        let height = table::rows_shown(cx.area);
        if self.list.rows.on_action(action, &ids, height) {
            return;
        }
        if self.list.on_action(action) {
            return self.contexts_changed(cx.rack);
        }
        match action {
            Action::ContextTurn => {
                self.with_context(cx, |context| Msg::TurnTo(context.name.clone()));
            }
            Action::KubeconfigMerge => {
                let form = change::merge_form(&MergeForm::default(), &[]);
                cx.msgs.push(Msg::Fill(form));
            }
            Action::KubeconfigUndo => self.ask_undo(cx),
            Action::ContextUse => self.ask_change(cx, |context| Request::UseContext { context }),
            Action::ContextDelete => {
                self.is_orphans_asked = false;
                self.ask_change(cx, |context| Request::DeleteContext {
                    context,
                    with_orphans: false,
                });
            }
            Action::ContextRename => {
                self.with_context(cx, |context| Msg::Fill(change::rename_form(context)));
            }
            Action::ContextNamespace => {
                self.with_context(cx, |context| Msg::Fill(change::namespace_form(context)));
            }
            Action::CopyName => self.with_context(cx, |context| Msg::Copy(context.name.clone())),
            _ => {}
        }
    }

    pub fn hints(&self) -> &'static [Action] {
        match self.stage {
            Stage::Table => {}
            Stage::Waiting { .. } => return &[Action::Close],
            Stage::Preview { .. } => {
                return &[
                    Action::ChangeWrite,
                    Action::ChangeEdit,
                    Action::HalfDown,
                    Action::Close,
                ];
            }
        }
        &[
            Action::ContextTurn,
            Action::KubeconfigMerge,
            Action::ContextUse,
            Action::KubeconfigUndo,
            Action::FilterOpen,
            Action::FaultsToggle,
            Action::MenuOpen,
            Action::CommandOpen,
        ]
    }

    pub fn menu(&self, rack: &Rack) -> (String, Vec<Action>) {
        match self.current(rack) {
            Some(context) => (
                format!("Context {}", context.name),
                vec![
                    Action::ContextTurn,
                    Action::ContextUse,
                    Action::ContextNamespace,
                    Action::ContextRename,
                    Action::ContextDelete,
                    Action::KubeconfigMerge,
                    Action::KubeconfigUndo,
                    Action::CopyName,
                ],
            ),
            None => (
                "Kubeconfig".to_owned(),
                vec![Action::KubeconfigMerge, Action::KubeconfigUndo],
            ),
        }
    }

    /// The form of a merge, with its source filled in.
    pub fn merge_from(&mut self, source: String, cx: &mut Cx<'_>) {
        let form = MergeForm {
            source,
            ..MergeForm::default()
        };
        cx.msgs.push(Msg::Fill(change::merge_form(&form, &[])));
    }

    /// Back to the form, with the names that the certificate is for on offer.
    fn edit(&mut self, cx: &mut Cx<'_>) {
        let Stage::Preview { preview, .. } = &self.stage else {
            return;
        };
        let names: Vec<String> = (preview.servers.iter())
            .flat_map(|server| server.names.clone())
            .collect();
        cx.msgs
            .push(Msg::Fill(change::merge_form(&self.form, &names)));
    }

    /// Asks what a change of the context under the cursor would do.
    fn ask_change(&mut self, cx: &mut Cx<'_>, request: impl FnOnce(String) -> Request) {
        let Some(name) = self.current(cx.rack).map(|context| context.name.clone()) else {
            return cx.msgs.push(Msg::warn("there is no context here"));
        };
        if self.list.rows.is_unsettled(cx.rack.now.mono) {
            let text = "another context slid under the cursor just now: look, and press again";
            return cx.msgs.push(Msg::warn(text));
        }
        self.ask_preview(Asked::Change(request(name)), cx);
    }

    fn with_context(&self, cx: &mut Cx<'_>, ask: impl FnOnce(&ContextEntry) -> Msg) {
        let msg = match self.current(cx.rack) {
            Some(context) => ask(context),
            None => Msg::warn("there is no context here"),
        };
        cx.msgs.push(msg);
    }

    /// The context the keys act on.
    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a ContextEntry> {
        let contexts = self.chosen(rack);
        let ids: Vec<String> = contexts.iter().map(|it| it.name.clone()).collect();
        contexts.get(self.list.rows.index(&ids)?).copied()
    }

    fn ids(&self, rack: &Rack) -> Vec<String> {
        let chosen = self.chosen(rack).into_iter();
        chosen.map(|context| context.name.clone()).collect()
    }

    /// The contexts in the order and the choice of the table.
    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<&'a ContextEntry> {
        let filter = self.list.parsed_filter();
        let passes = |context: &&ContextEntry| {
            let cells = COLUMNS.map(|column| column.cell(rack, context).0);
            filter.is_empty() || self.list.accepts(&filter, &cells)
        };
        let mut contexts: Vec<&ContextEntry> = (rack.fleet.entries().iter())
            .filter(|context| !self.list.only_faults || columns::is_faulty(rack, context))
            .filter(passes)
            .collect();
        contexts.sort_by_cached_key(|context| match self.list.sort {
            Some(column) => column.sort_key(rack, context),
            None => (0, context.name.clone()),
        });
        if self.list.is_reversed {
            contexts.reverse();
        }
        contexts
    }

    pub fn view(&self, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match &self.stage {
            Stage::Table => table::draw(self, rack, theme, area, buf),
            Stage::Waiting { source } => table::draw_waiting(source, theme, area, buf),
            Stage::Preview { preview, scroll } => {
                preview::draw(preview, *scroll, theme, area, buf);
            }
        }
    }
}

#[cfg(test)]
mod tests;
