//! The line at the foot where something is typed: a filter, a search, or a command with completion.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher};

use crate::action::{Action, PaneId};
use crate::panes::logs::Asked;
use crate::rack::Rack;
use crate::rack::filter::Filter;
use crate::theme::roles::Theme;
use crate::ui::footer::Hint;
use crate::ui::prompt::Prompt;

/// Completions offered at most.
const OFFERED: usize = 100;

/// What the typed text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Filters the pane while it is typed.
    Filter,
    /// Searches the page over the panes.
    Search,
    /// Something for the log viewer.
    Logs(Asked),
    Command,
}

/// A line being typed.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) purpose: Purpose,
    pub(crate) prompt: Prompt,
    /// What was in force before, for `esc`.
    pub(crate) before: String,
}

/// A command that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Do(Action),
    Context(String),
    Node(String),
    Theme(String),
    Filter(String),
    /// How the board of a node is reached.
    Host(String),
    /// Which logs to read; beside those that are read already.
    Logs {
        query: String,
        joins: bool,
    },
}

/// Commands that take a word, and what it is.
const WITH_WORD: [(&str, &str); 7] = [
    ("ctx", "a context"),
    ("node", "a node"),
    ("theme", "a theme"),
    ("filter", "a text"),
    ("host", "a node"),
    ("logs", "pods"),
    ("logs+", "more pods"),
];

/// Short names people bring along from other tools.
const SHORT: [(&str, Action); 20] = [
    ("q", Action::Quit),
    ("quit", Action::Quit),
    ("q!", Action::Quit),
    ("help", Action::HelpOpen),
    ("rack", Action::PaneRack),
    ("nodes", Action::PaneRack),
    ("no", Action::PaneRack),
    ("problems", Action::PaneProblems),
    ("services", Action::PaneServices),
    ("svc", Action::PaneServices),
    ("kubeconfig", Action::PaneKubeconfig),
    ("contexts", Action::PaneKubeconfig),
    ("pools", Action::PanePools),
    ("onboard", Action::PaneOnboard),
    ("pipelines", Action::PanePipelines),
    ("builds", Action::PanePipelines),
    ("workloads", Action::PaneWorkloads),
    ("pods", Action::PaneWorkloads),
    ("storage", Action::PaneStorage),
    ("pvc", Action::PaneStorage),
];

/// Backups ask for passphrases on a terminal of their own.
const ON_THE_COMMAND_LINE: &str = "backups are on the command line: bramble backup HOST, bramble backup list, bramble restore FILE HOST";

impl CommandLine {
    pub(crate) fn new(purpose: Purpose, text: &str, rack: &Rack) -> CommandLine {
        let prefix = match purpose {
            Purpose::Filter | Purpose::Search => "/",
            Purpose::Logs(Asked::Keep) => "& ",
            Purpose::Logs(Asked::Time) => "time ",
            Purpose::Logs(Asked::Highlight) => "highlight ",
            Purpose::Command => ":",
        };
        let mut prompt = Prompt::new(prefix);
        prompt.field.set_text(text);
        let mut line = CommandLine {
            purpose,
            prompt,
            before: text.to_owned(),
        };
        line.edited(rack);
        line
    }

    pub(crate) fn text(&self) -> &str {
        self.prompt.field.text()
    }

    /// The text has changed by hand: new completions.
    pub(crate) fn edited(&mut self, rack: &Rack) {
        let completions = match self.purpose {
            Purpose::Command => complete(self.text(), rack)
                .into_iter()
                .map(explained)
                .collect(),
            Purpose::Filter | Purpose::Search | Purpose::Logs(_) => Vec::new(),
        };
        self.prompt.set_completions(completions);
    }

    /// What is wrong with a filter as far as it is typed.
    pub(crate) fn complaint(&self) -> Option<String> {
        Filter::parse(self.text(), &[]).1
    }
}

/// A completion with a word on what it does.
fn explained(text: String) -> Hint {
    let word = text.trim_end();
    let action = Action::from_name(word).or_else(|| {
        SHORT
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, action)| *action)
    });
    let needs = WITH_WORD
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, what)| format!("turn to {what}"));
    let help = action
        .map(|action| action.info().help.to_owned())
        .or(needs)
        .unwrap_or_default();
    Hint {
        key: text,
        text: help,
    }
}

/// Reads a command. The error says what is known instead.
pub(crate) fn parse(text: &str, rack: &Rack) -> Result<Command, String> {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if let Some((_, action)) = SHORT.iter().find(|(name, _)| *name == word) {
        return Ok(Command::Do(*action));
    }
    if let Some((_, what)) = WITH_WORD.iter().find(|(name, _)| *name == word) {
        if rest.is_empty() && word == "logs" {
            return Ok(Command::Do(Action::PaneLogs));
        }
        if rest.is_empty() && word != "filter" {
            return Err(format!(":{word} needs {what}; tab shows which there are"));
        }
        return match word {
            "ctx" => context(rest, rack),
            "node" => Ok(Command::Node(rest.to_owned())),
            "theme" => theme(rest),
            "host" => Ok(Command::Host(rest.to_owned())),
            "logs" | "logs+" => Ok(Command::Logs {
                query: rest.to_owned(),
                joins: word == "logs+",
            }),
            _ => Ok(Command::Filter(rest.to_owned())),
        };
    }
    if let Some(action) = Action::from_name(word) {
        return Ok(Command::Do(action));
    }
    if matches!(word, "backup" | "backups" | "restore") {
        return Err(ON_THE_COMMAND_LINE.to_owned());
    }
    let nearest = complete(text, rack).into_iter().next();
    let hint = nearest.map_or_else(
        || "tab shows what there is".to_owned(),
        |name| format!("did you mean \"{name}\"?"),
    );
    Err(format!("there is no command \"{word}\"; {hint}"))
}

fn context(name: &str, rack: &Rack) -> Result<Command, String> {
    let known = &rack.cluster.contexts;
    if known.is_empty() || known.iter().any(|context| context == name) {
        return Ok(Command::Context(name.to_owned()));
    }
    Err(format!(
        "the kubeconfig has no context \"{name}\"; it has {}",
        known.join(", ")
    ))
}

fn theme(name: &str) -> Result<Command, String> {
    let known = Theme::shipped_names();
    if known.contains(&name) {
        return Ok(Command::Theme(name.to_owned()));
    }
    Err(format!(
        "there is no theme \"{name}\"; there are {}",
        known.join(", ")
    ))
}

/// What the text could become, best first.
fn complete(text: &str, rack: &Rack) -> Vec<String> {
    let candidates: Vec<String> = match text.split_once(' ') {
        Some(("ctx", _)) => with_word("ctx", rack.cluster.contexts.iter().map(String::as_str)),
        Some(("node", _)) => with_word("node", rack.nodes().map(|node| node.name.as_str())),
        Some(("host", _)) => with_word("host", rack.nodes().map(|node| node.name.as_str())),
        Some(("theme", _)) => with_word("theme", Theme::shipped_names().into_iter()),
        Some(_) => Vec::new(),
        None => {
            let panes = PaneId::ALL.iter().map(|pane| pane.title().to_lowercase());
            let words = WITH_WORD.iter().map(|(word, _)| format!("{word} "));
            let actions = Action::ALL
                .iter()
                .map(|action| action.info().name.to_owned());
            panes.chain(words).chain(actions).collect()
        }
    };
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let ranked = pattern.match_list(candidates, &mut matcher);
    ranked
        .into_iter()
        .take(OFFERED)
        .map(|(candidate, _)| candidate)
        .collect()
}

fn with_word<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(|name| format!("{word} {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::time::Now;

    fn rack() -> Rack {
        let mut rack = Rack::new(Now::ZERO);
        rack.cluster.contexts = vec!["office-rack".to_owned(), "home".to_owned()];
        rack
    }

    #[test]
    fn commands_are_understood_by_short_name_and_by_action() {
        for (text, expected) in [
            ("q", Command::Do(Action::Quit)),
            (" nodes ", Command::Do(Action::PaneRack)),
            ("node-cordon", Command::Do(Action::NodeCordon)),
            ("ctx home", Command::Context("home".to_owned())),
            ("node  rpi-03", Command::Node("rpi-03".to_owned())),
            ("theme light", Command::Theme("light".to_owned())),
            ("filter !ready", Command::Filter("!ready".to_owned())),
        ] {
            assert_eq!(parse(text, &rack()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_command_says_what_there_is() {
        for (text, expected) in [
            ("ctx", "needs a context"),
            ("ctx nowhere", "it has office-rack, home"),
            ("theme pink", "there are"),
            ("node-cordn", "did you mean"),
            ("zzzzqqq", "tab shows what there is"),
            ("backup", "bramble backup HOST"),
            ("restore x", "bramble restore FILE HOST"),
        ] {
            let error = parse(text, &rack()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn completion_finds_what_was_meant() {
        let mut line = CommandLine::new(Purpose::Command, "ctx of", &rack());
        line.prompt.choose_next();
        assert_eq!(line.text(), "ctx office-rack");
    }
}
