//! A restore from the cockpit: its rehearsal as a page, the question after it, and how it ended.

use std::fmt::Write as _;

use crate::app::Model;
use crate::app::popup::Popup;
use crate::effect::Effect;
use crate::msg::{Level, Question};
use crate::rack::backup::restore::{Plan, Wish};
use crate::rack::problem::Problem;
use crate::ui::frame;

/// The page with every step, and behind it the question that wants the board's name.
pub(super) fn rehearsed(model: &mut Model, wish: Box<Wish>, result: Result<Plan, Problem>) {
    let node = wish.node.clone();
    let title = format!("Rehearsal: restore board {node}");
    let plan = match result {
        Ok(plan) => plan,
        Err(problem) => {
            let text = format!("Nothing was changed.\n\n{}", sentences(&problem));
            return show(model, title, &text);
        }
    };
    let mut text = String::from("The backup opens and is good. This would be done:\n");
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(text, "{}. {step}", number + 1);
    }
    for note in &plan.notes {
        let _ = write!(text, "\n! {}", sentences(note));
    }
    text.push_str(&afterwards(&plan));
    let _ = write!(
        text,
        "\nesc goes on to the question, which can be answered with no.\n"
    );
    show(model, title, &text);
    if wish.context != model.rack.cluster.context {
        // The board of that name here is another.
        let text = format!(
            "board {node} belongs to context {}: rehearse again there",
            wish.context
        );
        return model.notify(Level::Warning, text);
    }
    if model.is_read_only() {
        let text = "read-only mode: the rehearsal is all there is";
        return model.notify(Level::Info, text);
    }
    let lines = vec![
        format!("The cluster becomes what it was in {}.", wish.file),
        format!(
            "{} steps, as the rehearsal said; what is there is moved aside, not deleted.",
            plan.steps.len()
        ),
        format!("By hand it is: bramble restore {} {}", wish.file, wish.to),
        format!("Cluster: {}", wish.context),
    ];
    model.waiting.push_back(Popup::question(Question {
        typed: Some(node.to_string()),
        then: vec![Effect::Restore { wish, plan }],
        ..Question::new(format!("Restore board {node}?"), lines)
    }));
}

/// How it ended, as a page: it is read later, too.
pub(super) fn restored(
    model: &mut Model,
    wish: &Wish,
    plan: &Plan,
    result: &Result<Vec<String>, Problem>,
) {
    let node = &wish.node;
    let (title, text) = match result {
        Ok(done) => {
            let mut text = String::from("Restored, and its API says it is ready:\n");
            for step in done {
                let _ = writeln!(text, "- {step}");
            }
            text.push_str(&afterwards(plan));
            (format!("Board {node} is restored"), text)
        }
        Err(problem) => (format!("Board {node} is not restored"), sentences(problem)),
    };
    show(model, title, &text);
}

/// Behind what is open now: a restore may end while somebody reads or types.
fn show(model: &mut Model, title: String, text: &str) {
    let mut page = Popup::loading(title);
    if let Popup::Text(page) = &mut page {
        page.fill(text, frame::regions(model.size).unwrap_or_default().body);
    }
    model.waiting.push_back(page);
}

fn afterwards(plan: &Plan) -> String {
    let mut text = String::new();
    if !plan.afterwards.is_empty() {
        text.push_str("\nAfterwards, by hand:\n");
    }
    for line in &plan.afterwards {
        let _ = writeln!(text, "- {line}");
    }
    text
}

fn sentences(problem: &Problem) -> String {
    let mut text = format!("{}\n", problem.what);
    for (word, said) in [("why", &problem.why), ("next", &problem.next)] {
        if !said.is_empty() {
            let _ = writeln!(text, "  {word}: {said}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::layout::Size;

    use super::*;
    use crate::app::{Settings, update};
    use crate::keymap::Keymap;
    use crate::msg::Msg;
    use crate::rack::backup::restore::Opens;
    use crate::rack::node::NodeName;
    use crate::rack::problem::{Severity, Subject};
    use crate::rack::secret::Secret;
    use crate::rack::ssh::Destination;
    use crate::rack::time::Now;
    use crate::theme::roles::Theme;

    fn model(read_only: bool) -> Model {
        let settings = Settings {
            read_only,
            ..Settings::default()
        };
        let theme = Theme::load("terminal", None).0;
        let keymap = Keymap::load("default", None).0;
        Model::new(Now::ZERO, Size::new(80, 24), theme, keymap, settings)
    }

    fn wish() -> Box<Wish> {
        Box::new(Wish {
            context: String::new(),
            node: NodeName::new("a"),
            to: Destination::parse("pi@a").unwrap(),
            file: "/b/a.tar.age".into(),
            opens: Opens::Passphrase(Secret::new("not to be seen")),
        })
    }

    fn plan() -> Plan {
        Plan {
            steps: vec!["stop k3s".into(), "start k3s".into()],
            afterwards: vec!["look at the others".into()],
            notes: Vec::new(),
            aside: ".before-x".into(),
        }
    }

    fn rehearsal(model: &mut Model) {
        let (wish, result) = (wish(), Ok(plan()));
        update(model, Msg::RestoreRehearsed { wish, result });
    }

    fn title(model: &Model) -> &str {
        match &model.popup {
            Some(Popup::Question(it)) => &it.question.title,
            Some(Popup::Text(page)) => &page.title,
            _ => "",
        }
    }

    fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
        // What has just come up takes no keys for a moment.
        let mut now = model.now();
        now.mono += std::time::Duration::from_secs(2);
        update(model, Msg::Clock(now));
        update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    #[test]
    fn the_question_comes_after_the_rehearsal_and_wants_the_name() {
        let mut model = model(false);
        rehearsal(&mut model);
        assert_eq!(title(&model), "Rehearsal: restore board a");
        press(&mut model, KeyCode::Esc);
        assert_eq!(title(&model), "Restore board a?");
        assert!(
            press(&mut model, KeyCode::Enter).is_empty(),
            "without the name"
        );
        press(&mut model, KeyCode::Char('a'));
        let effects = press(&mut model, KeyCode::Enter);
        let is_restore =
            |it: &Effect| matches!(it, Effect::Restore { plan: it, .. } if *it == plan());
        assert!(effects.iter().any(is_restore), "{effects:?}");
        assert!(effects.iter().any(Effect::is_write));
        assert!(!format!("{effects:?}").contains("not to be seen"));
    }

    #[test]
    fn read_only_ends_with_the_rehearsal_and_a_refusal_asks_nothing() {
        let mut model = model(true);
        rehearsal(&mut model);
        press(&mut model, KeyCode::Esc);
        assert_eq!(title(&model), "");
        let mut model = self::model(false);
        let problem = Problem::new(Severity::Critical, Subject::Program, "it does not open");
        let (wish, result) = (wish(), Err(problem));
        update(&mut model, Msg::RestoreRehearsed { wish, result });
        assert_eq!(title(&model), "Rehearsal: restore board a");
        press(&mut model, KeyCode::Esc);
        assert_eq!(title(&model), "");
    }

    #[test]
    fn a_rehearsal_of_another_cluster_asks_nothing_here() {
        let mut model = model(false);
        let mut wish = wish();
        wish.context = "elsewhere".to_owned();
        let result = Ok(plan());
        update(&mut model, Msg::RestoreRehearsed { wish, result });
        assert_eq!(title(&model), "Rehearsal: restore board a");
        press(&mut model, KeyCode::Esc);
        assert_eq!(title(&model), "", "the board of that name here is another");
    }
}
