//! A form while it is filled in: the fields with their cursors, and what the keys do.
//!
//! Not here: drawing (`ui/popup/form`), and what the answers mean (the pane that asked).

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use secrecy::zeroize::Zeroizing;

use crate::effect::Effect;
use crate::form::{Answer, Answers, Form, FormId, Input};
use crate::rack::secret::Secret;
use crate::ui::field::Field;
use crate::ui::popup::form::{Row, Value};

/// A form with what has been entered so far.
#[derive(Debug, Clone)]
pub(crate) struct OpenForm {
    form: Form,
    fields: Vec<OpenField>,
    pub(crate) focus: usize,
    /// What the pane says is wrong with the answers: the key of the field, and why.
    pub(crate) complaint: Option<(&'static str, String)>,
    /// True once it was sent in vain: before that nobody is told off for a form that is not filled in yet.
    pub(crate) was_sent: bool,
}

#[derive(Debug, Clone)]
enum OpenField {
    Text(Box<Field>, Vec<String>),
    Secret(Hidden),
    Choice(Vec<String>, usize),
    Toggle(bool),
}

impl OpenForm {
    pub(crate) fn new(form: Form) -> OpenForm {
        let fields = form
            .fields
            .iter()
            .map(|field| OpenField::new(&field.input))
            .collect();
        OpenForm {
            form,
            fields,
            focus: 0,
            complaint: None,
            was_sent: false,
        }
    }

    pub(crate) fn id(&self) -> &FormId {
        &self.form.id
    }

    pub(crate) fn title(&self) -> &str {
        &self.form.title
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.form.lines
    }

    pub(crate) fn otherwise(&self) -> &[Effect] {
        &self.form.otherwise
    }

    pub(crate) fn help(&self) -> &str {
        self.form
            .fields
            .get(self.focus)
            .map_or("", |field| &field.help)
    }

    pub(crate) fn is_at_last(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// Moves to the next field, or back; around at both ends.
    pub(crate) fn step(&mut self, is_forward: bool) {
        let count = self.fields.len().max(1);
        let by = if is_forward { 1 } else { count - 1 };
        self.focus = (self.focus + by) % count;
    }

    /// Moves to the field that is complained about.
    pub(crate) fn go_to(&mut self, key: &str) {
        let place = self.form.fields.iter().position(|field| field.key == key);
        self.focus = place.unwrap_or(self.focus);
    }

    /// Gives a key to the field with the cursor. False when it was none for it.
    pub(crate) fn on_key(&mut self, key: KeyEvent) -> bool {
        self.fields
            .get_mut(self.focus)
            .is_some_and(|field| field.on_key(key))
    }

    pub(crate) fn on_paste(&mut self, text: &str) {
        match self.fields.get_mut(self.focus) {
            Some(OpenField::Text(field, _)) => field.on_paste(text),
            Some(OpenField::Secret(hidden)) => text.chars().for_each(|letter| hidden.push(letter)),
            Some(OpenField::Choice(..) | OpenField::Toggle(_)) | None => {}
        }
    }

    pub(crate) fn answers(&self) -> Answers {
        let keys = self.form.fields.iter().map(|field| field.key);
        keys.zip(self.fields.iter().map(OpenField::answer))
            .collect()
    }

    /// The fields to draw.
    pub(crate) fn rows(&self) -> Vec<Row<'_>> {
        let labels = self.form.fields.iter().map(|field| field.label);
        labels
            .zip(&self.fields)
            .map(|(label, field)| Row {
                label,
                value: field.value(),
            })
            .collect()
    }
}

impl OpenField {
    fn new(input: &Input) -> OpenField {
        match input {
            Input::Text { text, offered } => {
                OpenField::Text(Box::new(Field::with_text(text)), offered.clone())
            }
            Input::Secret => OpenField::Secret(Hidden::new()),
            Input::Choice { options, chosen } => OpenField::Choice(options.clone(), *chosen),
            Input::Toggle(is_on) => OpenField::Toggle(*is_on),
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> bool {
        match (self, key.code) {
            (OpenField::Text(field, offered), KeyCode::Right | KeyCode::End) => {
                match becomes(field, offered) {
                    Some(whole) if field.is_at_end() => field.set_text(whole),
                    _ => return field.on_key(key),
                }
                true
            }
            (OpenField::Text(field, _), _) => field.on_key(key),
            (OpenField::Secret(hidden), _) => hidden.on_key(key),
            (OpenField::Choice(options, chosen), KeyCode::Right | KeyCode::Char(' ')) => {
                *chosen = (*chosen + 1) % options.len().max(1);
                true
            }
            (OpenField::Choice(options, chosen), KeyCode::Left) => {
                let count = options.len().max(1);
                *chosen = (*chosen + count - 1) % count;
                true
            }
            (OpenField::Toggle(is_on), KeyCode::Left | KeyCode::Right | KeyCode::Char(' ')) => {
                *is_on = !*is_on;
                true
            }
            (OpenField::Toggle(is_on), KeyCode::Char(letter @ ('y' | 'n'))) => {
                *is_on = letter == 'y';
                true
            }
            (OpenField::Choice(..) | OpenField::Toggle(_), _) => false,
        }
    }

    fn answer(&self) -> Answer {
        match self {
            OpenField::Text(field, _) => Answer::Text(field.text().to_owned()),
            OpenField::Secret(hidden) => Answer::Secret(hidden.secret()),
            OpenField::Choice(_, chosen) => Answer::Choice(*chosen),
            OpenField::Toggle(is_on) => Answer::Toggle(*is_on),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            OpenField::Text(field, offered) => Value::Text(field, becomes(field, offered)),
            OpenField::Secret(hidden) => Value::Secret(hidden.letters()),
            OpenField::Choice(options, chosen) => {
                let text = options.get(*chosen).map_or("", String::as_str);
                Value::Choice(text, *chosen, options.len())
            }
            OpenField::Toggle(is_on) => Value::Toggle(*is_on),
        }
    }
}

/// What the text would become: the first offer that begins with it and is longer.
fn becomes<'a>(field: &Field, offered: &'a [String]) -> Option<&'a str> {
    let typed = field.text();
    let longer = |offer: &&String| offer.len() > typed.len() && offer.starts_with(typed);
    offered.iter().find(longer).map(String::as_str)
}

/// A text that is typed without being seen: letters come and go at its end only.
///
/// Invariant: it never grows beyond the memory it began with, so no copy of it is left behind, and is wiped when it goes.
#[derive(Clone)]
struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Longer secrets are cut: no password is.
    const LONGEST: usize = 4_096;

    fn new() -> Hidden {
        Hidden(Zeroizing::new(String::with_capacity(Hidden::LONGEST)))
    }

    fn letters(&self) -> usize {
        self.0.chars().count()
    }

    fn secret(&self) -> Secret {
        Secret::new(self.0.as_str().to_owned())
    }

    /// Line ends do not belong to a secret: they come with what was copied.
    fn push(&mut self, letter: char) {
        if !matches!(letter, '\r' | '\n') && self.0.len() + letter.len_utf8() <= Hidden::LONGEST {
            self.0.push(letter);
        }
    }

    fn on_key(&mut self, key: KeyEvent) -> bool {
        let has_ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('u') if has_ctrl => self.0.clear(),
            KeyCode::Char('h') if has_ctrl => drop(self.0.pop()),
            KeyCode::Char(_) if has_ctrl || key.modifiers.contains(KeyModifiers::ALT) => {
                return false;
            }
            KeyCode::Char(letter) => self.push(letter),
            KeyCode::Backspace => drop(self.0.pop()),
            _ => return false,
        }
        true
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::FormField;
    use crate::rack::node::{NodeName, Uid};

    fn open(fields: Vec<FormField>) -> OpenForm {
        OpenForm::new(Form {
            id: FormId::NodeLabel {
                node: NodeName::new("rpi-01"),
                uid: Uid("1".into()),
            },
            title: String::new(),
            lines: Vec::new(),
            fields,
            otherwise: Vec::new(),
        })
    }

    fn press(form: &mut OpenForm, code: KeyCode) -> bool {
        form.on_key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn every_kind_of_field_gives_its_answer() {
        let offered = vec!["disk".to_owned(), "disk-type".to_owned()];
        let text = Input::Text {
            text: "d".to_owned(),
            offered,
        };
        let options = ["one", "two", "three"].map(str::to_owned).to_vec();
        let mut form = open(vec![
            FormField::new("text", "text", text),
            FormField::new("secret", "secret", Input::Secret),
            FormField::new("choice", "choice", Input::Choice { options, chosen: 0 }),
            FormField::new("toggle", "toggle", Input::Toggle(false)),
        ]);
        assert!(press(&mut form, KeyCode::Right), "takes what is offered");
        form.step(true);
        form.on_paste("hunter3\n");
        press(&mut form, KeyCode::Backspace);
        press(&mut form, KeyCode::Char('2'));
        form.step(true);
        press(&mut form, KeyCode::Left);
        form.step(true);
        press(&mut form, KeyCode::Char(' '));
        assert!(!press(&mut form, KeyCode::Char('x')));
        let answers = form.answers();
        assert_eq!(answers.text("text"), "disk");
        assert_eq!(
            answers.secret("secret").map(Secret::expose),
            Some("hunter2")
        );
        assert_eq!(answers.choice("choice"), 2);
        assert!(answers.is_on("toggle"));
        let printed = format!("{form:?} {answers:?}");
        assert!(!printed.contains("hunter"), "{printed}");
    }

    #[test]
    fn a_secret_never_outgrows_its_memory() {
        let mut hidden = Hidden::new();
        let place = hidden.0.as_ptr();
        (0..10_000).for_each(|_| hidden.push('é'));
        assert_eq!(hidden.0.as_ptr(), place);
        assert_eq!(hidden.letters(), Hidden::LONGEST / 2);
    }
}
