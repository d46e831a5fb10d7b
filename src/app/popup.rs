//! What stands over the panes: a question, a menu, the help, a page of text, a form. State only; `ui/popup` draws.

use ratatui::layout::Rect;

use crate::action::Action;
use crate::app::form::OpenForm;
use crate::effect::{Effect, RequestId};
use crate::msg::Question;
use crate::ui::field::Field;
use crate::ui::popup::page::{find_next, find_previous, folded};

/// The one thing over the panes.
#[derive(Debug, Clone)]
pub(crate) enum Popup {
    Question(Box<OpenQuestion>),
    Menu(Menu),
    Help { scroll: usize },
    Text(TextPage),
    Form(OpenForm),
}

#[derive(Debug, Clone)]
pub(crate) struct OpenQuestion {
    pub(crate) question: Question,
    /// The name as far as it is typed, when one must be.
    pub(crate) typed: Field,
}

impl OpenQuestion {
    /// Whether yes counts: the name is typed, if one must be.
    pub(crate) fn is_ready(&self) -> bool {
        self.question
            .typed
            .as_ref()
            .is_none_or(|wanted| wanted == self.typed.text())
    }
}

/// What can be done with the row under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Menu {
    pub(crate) title: String,
    pub(crate) actions: Vec<Action>,
    pub(crate) selected: usize,
}

/// A page of text to read and search, such as an object as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextPage {
    pub(crate) title: String,
    /// The lines as they came.
    source: Vec<String>,
    /// The same as they fit on the page, long ones broken; `None` while it is on its way.
    pub(crate) lines: Option<Vec<String>>,
    pub(crate) scroll: usize,
    /// Lower case; empty when nothing is searched for.
    pub(crate) search: String,
}

impl Popup {
    pub(crate) fn question(question: Question) -> Popup {
        Popup::Question(Box::new(OpenQuestion {
            question,
            typed: Field::default(),
        }))
    }

    /// What a person who leaves it without an answer sets off.
    pub(crate) fn refuse(self) -> Vec<Effect> {
        match self {
            Popup::Question(open) => open.question.otherwise,
            Popup::Form(open) => open.otherwise().to_vec(),
            Popup::Menu(_) | Popup::Help { .. } | Popup::Text(_) => Vec::new(),
        }
    }

    /// True for what a connection asked under this number.
    pub(crate) fn answers(&self, request: RequestId) -> bool {
        let otherwise = match self {
            Popup::Question(open) => &open.question.otherwise[..],
            Popup::Form(open) => open.otherwise(),
            Popup::Menu(_) | Popup::Help { .. } | Popup::Text(_) => &[],
        };
        otherwise
            .iter()
            .any(|effect| matches!(effect, Effect::AnswerSsh { request: it, .. } if *it == request))
    }

    pub(crate) fn menu(title: String, actions: Vec<Action>) -> Popup {
        Popup::Menu(Menu {
            title,
            actions,
            selected: 0,
        })
    }

    /// A page whose text is still to come.
    pub(crate) fn loading(title: String) -> Popup {
        Popup::Text(TextPage {
            title,
            source: Vec::new(),
            lines: None,
            scroll: 0,
            search: String::new(),
        })
    }
}

impl Menu {
    pub(crate) fn chosen(&self) -> Option<Action> {
        self.actions.get(self.selected).copied()
    }

    /// Moves the choice; around at both ends.
    pub(crate) fn on_action(&mut self, action: Action) {
        let count = self.actions.len().max(1);
        self.selected = match action {
            Action::RowDown => (self.selected + 1) % count,
            Action::RowUp => (self.selected + count - 1) % count,
            Action::GoTop => 0,
            Action::GoBottom => count - 1,
            _ => self.selected,
        };
    }
}

impl TextPage {
    pub(crate) fn fill(&mut self, text: &str, area: Rect) {
        self.source = text.lines().map(str::to_owned).collect();
        self.lines = Some(folded(&self.source, area));
    }

    /// The page has another size now.
    pub(crate) fn resize(&mut self, area: Rect) {
        if self.lines.is_some() {
            self.lines = Some(folded(&self.source, area));
        }
    }

    pub(crate) fn height(&self) -> usize {
        self.lines.as_ref().map_or(0, Vec::len)
    }

    /// Goes to the first match at or after the top of the page. False when there is none.
    pub(crate) fn search_for(&mut self, text: &str) -> bool {
        text.clone_into(&mut self.search);
        let lines = self.lines.as_deref().unwrap_or_default();
        let before = self.scroll.checked_sub(1).unwrap_or(lines.len());
        self.go_to(find_next(lines, text, before))
    }

    pub(crate) fn next_match(&mut self, is_forward: bool) -> bool {
        let lines = self.lines.as_deref().unwrap_or_default();
        let found = if is_forward { find_next } else { find_previous };
        self.go_to(found(lines, &self.search, self.scroll))
    }

    fn go_to(&mut self, line: Option<usize>) -> bool {
        self.scroll = line.unwrap_or(self.scroll);
        line.is_some()
    }
}
