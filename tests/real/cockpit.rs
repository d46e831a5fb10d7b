//! The whole program but for its terminal: keys go in, the screen is read as text, effects are carried out.
//!
//! Messages are only taken in while a test waits: what happens in the cluster between two keys is not heard of before
//! the second one, which is how a race is played. Invariant: nothing waits without a deadline.

use std::time::Duration;

use bramble::app::effects::Effects;
use bramble::app::event_loop::Clock;
use bramble::app::{Model, Settings, update, view};
use bramble::clients::kubeconfig_files::Places;
use bramble::keymap::Keymap;
use bramble::msg::Msg;
use bramble::theme::roles::Theme;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use crate::bed::Bed;
use crate::follower::SOON;
use crate::place::Who;

/// Large enough that both halves of a pane, and the whole of a short text, are seen.
const SIZE: Size = Size::new(160, 48);
/// How often the clock is told.
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Cockpit {
    model: Box<Model>,
    effects: Box<Effects>,
    inbox: mpsc::Receiver<Msg>,
    clock: Clock,
}

impl Cockpit {
    /// Starts it; drafts and their history are kept below `state` of the bed's folder.
    pub(crate) fn open(bed: &Bed, who: Who) -> Self {
        Self::open_with(bed, who, |effects| effects)
    }

    /// With effects that know more, such as where boards are.
    pub(crate) fn open_with(bed: &Bed, who: Who, more: impl FnOnce(Effects) -> Effects) -> Self {
        let clock = Clock::start();
        let places = Places {
            target: bed.target(who),
            notes: bed.folder().join("notes"),
        };
        let (effects, inbox) = Effects::new(places);
        let effects = more(effects.keeping(&bed.folder().join("state")));
        let theme = Theme::load("terminal", None).0;
        let keymap = Keymap::load("default", None).0;
        let model = Model::new(clock.now(), SIZE, theme, keymap, Settings::default());
        let mut cockpit = Self {
            model: Box::new(model),
            effects: Box::new(effects),
            inbox,
            clock,
        };
        for effect in cockpit.model.begin(None) {
            cockpit.effects.run(effect);
        }
        cockpit
    }

    /// Presses keys by name, with blanks between: `a enter ctrl-u`.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            if let Some(letter) = key.strip_prefix("ctrl-") {
                let code = KeyCode::Char(letter.chars().next().unwrap());
                self.take(Msg::Key(KeyEvent::new(code, KeyModifiers::CONTROL)));
                continue;
            }
            let code = match key {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" => KeyCode::Tab,
                "end" => KeyCode::End,
                "down" => KeyCode::Down,
                "backspace" => KeyCode::Backspace,
                letter => KeyCode::Char(letter.chars().next().unwrap()),
            };
            self.key(code);
        }
    }

    /// Says yes to a question that came by itself: for a moment it takes no answer.
    pub(crate) async fn agree(&mut self, question: &str) {
        let deadline = Instant::now() + SOON;
        while self.screen().contains(question) {
            self.press("y");
            if self.screen().contains(question) {
                self.next(question, deadline).await;
            }
        }
    }

    /// Types a text, as a person does: letter by letter.
    pub(crate) fn enter(&mut self, text: &str) {
        for letter in text.chars() {
            self.key(KeyCode::Char(letter));
        }
    }

    /// Takes away so many letters before the cursor.
    pub(crate) fn erase(&mut self, letters: usize) {
        for _ in 0..letters {
            self.key(KeyCode::Backspace);
        }
    }

    pub(crate) fn paste(&mut self, text: &str) {
        self.take(Msg::Paste(text.to_owned()));
    }

    fn key(&mut self, code: KeyCode) {
        self.take(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    fn take(&mut self, msg: Msg) {
        for msg in [Msg::Clock(self.clock.now()), msg] {
            for effect in update(&mut self.model, msg) {
                self.effects.run(effect);
            }
        }
    }

    /// The screen as lines of text.
    pub(crate) fn screen(&mut self) -> String {
        self.model.settle();
        let mut buf = Buffer::empty(Rect::new(0, 0, SIZE.width, SIZE.height));
        view::view(&self.model, buf.area, &mut buf);
        let row = |y: u16| -> String { (0..SIZE.width).map(|x| buf[(x, y)].symbol()).collect() };
        let rows = (0..SIZE.height).map(|y| row(y).trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }

    /// Waits until the screen shows the text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return screen;
            }
            self.next(text, deadline).await;
        }
    }

    /// Goes on until something is so out in the world.
    pub(crate) async fn until_so(&mut self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + SOON;
        while !is_so() {
            self.next(what, deadline).await;
        }
    }

    /// Waits for a message that `find` makes something of, takes it in like any other, and gives what was found.
    pub(crate) async fn until_told<T>(
        &mut self,
        what: &str,
        find: impl Fn(&Msg) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            let msg = self.receive(what, deadline).await;
            let found = find(&msg);
            self.take(msg);
            if let Some(found) = found {
                return found;
            }
        }
    }

    async fn next(&mut self, what: &str, deadline: Instant) {
        let msg = self.receive(what, deadline).await;
        self.take(msg);
        // A screen for each of a hundred facts would be a second each.
        while let Ok(msg) = self.inbox.try_recv() {
            self.take(msg);
        }
    }

    async fn receive(&mut self, what: &str, deadline: Instant) -> Msg {
        let mut often = interval(TICK);
        often.tick().await;
        tokio::select! {
            msg = self.inbox.recv() => msg.expect("the effects live as long as this"),
            _ = often.tick() => Msg::Clock(self.clock.now()),
            () = sleep_until(deadline) => panic!("waited in vain for {what}:\n{}", self.screen()),
        }
    }

    /// Ends it as leaving does: what was typed is on the disk.
    pub(crate) async fn leave(self) {
        self.effects.finish(self.inbox).await;
    }
}
