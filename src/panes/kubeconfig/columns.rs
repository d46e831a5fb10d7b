//! The columns of the table of contexts: what each says of a context, and how it sorts.

use std::borrow::Cow;

use crate::panes::listing::{TableColumn, Tone};
use crate::rack::Rack;
use crate::rack::fleet::{Answer, Ready, State};
use crate::rack::kubeconfig::{ContextEntry, Credential};
use crate::rack::link::{LinkState, Source};
use crate::rack::time::short;
use crate::ui::table::layout::Column as Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Use,
    Context,
    Health,
    Nodes,
    Ping,
    Login,
    Server,
    Namespace,
    User,
    Cluster,
    File,
}

/// All columns, left to right; the last two only when the table is wide.
pub(super) const COLUMNS: [Column; 11] = [
    Column::Use,
    Column::Context,
    Column::Health,
    Column::Nodes,
    Column::Ping,
    Column::Login,
    Column::Server,
    Column::Namespace,
    Column::User,
    Column::Cluster,
    Column::File,
];

/// Days before the end of a certificate at which it is shown in a warning tone, and in a bad one.
const SOON: i64 = 60;
const VERY_SOON: i64 = 7;

impl TableColumn for Column {
    const ALL: &'static [Column] = &COLUMNS;

    fn layout(self) -> Layout {
        match self {
            Column::Use => Layout::words("USE", 5, 5, 1),
            Column::Context => Layout::words("CONTEXT", 10, 40, 0).keeping_the_end(),
            Column::Health => Layout::words("HEALTH", 21, 44, 0),
            Column::Nodes => Layout::numbers("NODES", 5, 9, 3),
            Column::Ping => Layout::numbers("PING", 5, 6, 4),
            Column::Login => Layout::words("LOGIN", 7, 10, 2),
            Column::Server => Layout::words("SERVER", 16, 44, 5),
            Column::Namespace => Layout::words("NAMESPACE", 9, 24, 6),
            Column::User => Layout::words("USER", 8, 24, 7),
            Column::Cluster => Layout::words("CLUSTER", 8, 24, 8),
            Column::File => Layout::words("FILE", 8, 40, 9).keeping_the_end(),
        }
    }

    fn is_wide_only(self) -> bool {
        matches!(self, Column::Cluster | Column::File)
    }
}

/// How a cluster is, as a sign; the theme gives its shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Light {
    Denied,
    Down,
    /// It answers, but is not well.
    Unwell,
    /// Not asked yet.
    Unknown,
    Up,
}

/// How the cluster behind a context is, in a sign, words and numbers.
pub(super) struct Health<'a> {
    pub(super) light: Light,
    pub(super) words: Cow<'a, str>,
    pub(super) nodes: Option<(u32, u32)>,
}

pub(super) fn health<'a>(rack: &'a Rack, context: &'a ContextEntry) -> Health<'a> {
    if rack.cluster.context == context.name
        && let Some(health) = followed(rack)
    {
        return health;
    }
    let health = |light, words| Health {
        light,
        words,
        nodes: None,
    };
    if context.problem.is_some() {
        return health(Light::Denied, "cannot be used".into());
    }
    match rack.fleet.health(&context.name).map(|health| &health.state) {
        None => health(Light::Unknown, "asking".into()),
        Some(State::Denied(fault)) => health(Light::Denied, fault.brief.as_str().into()),
        Some(State::Down(fault)) => health(Light::Down, fault.brief.as_str().into()),
        Some(State::Up(answer)) => Health {
            nodes: answer.nodes,
            ..health(light(answer), answer.words())
        },
    }
}

/// The context of this session is followed all the time: what the header says of it holds here too.
fn followed(rack: &Rack) -> Option<Health<'_>> {
    let contact = rack.link.last_contact.unwrap_or(rack.link.since);
    let (light, words) = match &rack.link.state {
        LinkState::Nowhere(_) | LinkState::Connecting => return None,
        LinkState::Live => {
            let version = rack.cluster.version.as_deref().unwrap_or("answers");
            (Light::Up, version.into())
        }
        LinkState::Stale { .. } => {
            let age = short(rack.now.since(contact));
            (Light::Down, format!("no contact for {age}").into())
        }
        LinkState::Denied { .. } => (Light::Denied, "login not accepted".into()),
    };
    let is_counted = rack.link.is_live() && rack.link.has_listed(Source::Nodes);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Health {
        light,
        words,
        nodes: is_counted.then(|| (count(rack.ready_count()), count(rack.node_count()))),
    })
}

fn light(answer: &Answer) -> Light {
    match (&answer.ready, answer.nodes) {
        (Ready::No(_), _) => Light::Unwell,
        (_, Some((ready, all))) if ready < all => Light::Unwell,
        _ => Light::Up,
    }
}

/// Whether something is wrong with a context, or will be soon.
pub(super) fn is_faulty(rack: &Rack, context: &ContextEntry) -> bool {
    let health = health(rack, context);
    let is_ending = context
        .days_left(rack.now.wall)
        .is_some_and(|days| days < SOON);
    health.light < Light::Unknown || is_ending
}

impl Column {
    /// What the cell says, and in what tone. An empty text is drawn as a dash: nothing to be known from here.
    pub(super) fn cell<'a>(
        self,
        rack: &'a Rack,
        context: &'a ContextEntry,
    ) -> (Cow<'a, str>, Tone) {
        let or_nothing = |text: &'a str| (text.into(), Tone::Muted);
        match self {
            Column::Use => (used(rack, context).into(), Tone::Good),
            Column::Context => (context.name.as_str().into(), Tone::Plain),
            Column::Health => {
                let health = health(rack, context);
                let tone = match health.light {
                    Light::Up => Tone::Good,
                    Light::Unknown => Tone::Muted,
                    Light::Unwell => Tone::Warn,
                    Light::Down | Light::Denied => Tone::Bad,
                };
                (health.words, tone)
            }
            Column::Nodes => match health(rack, context).nodes {
                Some((ready, all)) if ready < all => (format!("{ready}/{all}").into(), Tone::Bad),
                Some((ready, all)) => (format!("{ready}/{all}").into(), Tone::Plain),
                None => ("".into(), Tone::Muted),
            },
            Column::Ping => match latency(rack, context) {
                Some(millis) => (format!("{millis} ms").into(), Tone::Plain),
                None => ("".into(), Tone::Muted),
            },
            Column::Login => login(rack, context),
            Column::Server => or_nothing(host(&context.server)),
            Column::Namespace => or_nothing(context.namespace.as_deref().unwrap_or_default()),
            Column::User => or_nothing(&context.user),
            Column::Cluster => or_nothing(&context.cluster),
            Column::File => (rack.fleet.shown(&context.file).into(), Tone::Muted),
        }
    }

    /// Sorts the troubled, the slow and what ends soon first, names ascending.
    pub(super) fn sort_key(self, rack: &Rack, context: &ContextEntry) -> (i64, String) {
        let number = match self {
            Column::Use => -i64::try_from(used(rack, context).len()).unwrap_or_default(),
            Column::Health => health(rack, context).light as i64,
            Column::Nodes => match health(rack, context).nodes {
                Some((ready, all)) => i64::from(ready) - i64::from(all),
                None => 1,
            },
            Column::Ping => latency(rack, context).map_or(1, |millis| -millis),
            Column::Login => context.days_left(rack.now.wall).unwrap_or(i64::MAX),
            _ => 0,
        };
        let text = match self {
            Column::Server | Column::Namespace | Column::User | Column::Cluster | Column::File => {
                self.cell(rack, context).0.into_owned()
            }
            _ => String::new(),
        };
        (number, text + &context.name)
    }
}

/// `here` is the context of this session, `*` the current-context of the files.
fn used(rack: &Rack, context: &ContextEntry) -> &'static str {
    let is_here = rack.cluster.context == context.name;
    let is_current = rack.fleet.current() == Some(context.name.as_str());
    match (is_here, is_current) {
        (true, true) => "here*",
        (true, false) => "here",
        (false, true) => "*",
        (false, false) => " ",
    }
}

fn latency(rack: &Rack, context: &ContextEntry) -> Option<i64> {
    match &rack.fleet.health(&context.name)?.state {
        State::Up(answer) => i64::try_from(answer.latency?.as_millis()).ok(),
        State::Down(_) | State::Denied(_) => None,
    }
}

fn login<'a>(rack: &Rack, context: &ContextEntry) -> (Cow<'a, str>, Tone) {
    match &context.credential {
        Credential::Certificate { .. } => match context.days_left(rack.now.wall) {
            Some(days) if days < 0 => ("expired".into(), Tone::Bad),
            Some(days) if days < VERY_SOON => (format!("{days}d").into(), Tone::Bad),
            Some(days) if days < SOON => (format!("{days}d").into(), Tone::Warn),
            Some(days) => (format!("{days}d").into(), Tone::Plain),
            None => ("".into(), Tone::Muted),
        },
        Credential::Token => ("token".into(), Tone::Muted),
        Credential::Password => ("password".into(), Tone::Muted),
        Credential::Plugin(_) => ("plugin".into(), Tone::Muted),
        Credential::Nothing => ("".into(), Tone::Muted),
    }
}

/// The server without the scheme everybody uses.
fn host(server: &str) -> &str {
    server.strip_prefix("https://").unwrap_or(server)
}
