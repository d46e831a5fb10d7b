//! The Kubeconfig pane: the contexts of the kubeconfig, a line each, with how the cluster behind it is.
//!
//! Invariant: a row is a context by its name; the facts belong to [`crate::rack::fleet`], and nothing here reads a file.

mod columns;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::kubeconfig::columns::{COLUMNS, Column};
use crate::panes::listing::Listing;
use crate::rack::Rack;
use crate::rack::fleet::Context;
use crate::theme::roles::Theme;

/// What the user is doing in the Kubeconfig pane.
#[derive(Debug, Default)]
pub struct KubeconfigPane {
    list: Listing<String, Column>,
    /// The cursor has been set on the context of the session, once.
    is_placed: bool,
}

impl KubeconfigPane {
    pub fn filter(&self) -> &str {
        &self.list.filter
    }

    pub fn set_filter(&mut self, text: &str) {
        text.clone_into(&mut self.list.filter);
    }

    /// Closes the innermost thing. False when there was nothing to close.
    pub fn close(&mut self) -> bool {
        self.list.close()
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
            Action::CopyName => self.with_context(cx, |context| Msg::Copy(context.name.clone())),
            _ => {}
        }
    }

    pub fn hints(&self) -> &'static [Action] {
        &[
            Action::ContextTurn,
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
                vec![Action::ContextTurn, Action::CopyName],
            ),
            None => Default::default(),
        }
    }

    fn with_context(&self, cx: &mut Cx<'_>, ask: impl FnOnce(&Context) -> Msg) {
        let msg = match self.current(cx.rack) {
            Some(context) => ask(context),
            None => Msg::warn("there is no context here"),
        };
        cx.msgs.push(msg);
    }

    /// The context the keys act on.
    fn current<'a>(&self, rack: &'a Rack) -> Option<&'a Context> {
        let contexts = self.chosen(rack);
        let ids: Vec<String> = contexts.iter().map(|it| it.name.clone()).collect();
        contexts.get(self.list.rows.index(&ids)?).copied()
    }

    fn ids(&self, rack: &Rack) -> Vec<String> {
        let chosen = self.chosen(rack).into_iter();
        chosen.map(|context| context.name.clone()).collect()
    }

    /// The contexts in the order and the choice of the table.
    fn chosen<'a>(&self, rack: &'a Rack) -> Vec<&'a Context> {
        let filter = self.list.parsed_filter();
        let passes = |context: &&Context| {
            let cells = COLUMNS.map(|column| column.cell(rack, context).0);
            filter.is_empty() || self.list.accepts(&filter, &cells)
        };
        let mut contexts: Vec<&Context> = (rack.fleet.entries().iter())
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
        table::draw(self, rack, theme, area, buf);
    }
}

#[cfg(test)]
mod tests;
