//! bramble: the keyboard cockpit for bare-metal k3s racks of Raspberry Pis.
//!
//! # The architecture on one page
//!
//! ```text
//! terminal ─┐                                   ┌─► view(&Model) ─► screen, at most 30 times a second
//! clock ────┼─► Msg ─► update(&mut Model, Msg) ─┤
//! tasks ────┘    ▲                              └─► Vec<Effect> ─► app/effects.rs ─► tasks ─┐
//!                └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Three things decide every doubt: one place changes state ([`app::update`]), one list says what the program can do to
//! the world ([`effect::Effect`]), and the screen is a function of the model ([`app::view`]).
//!
//! Read the modules in this order:
//!
//! - [`rack`]: what we know, as plain structs, and every rule that needs no I/O: heartbeats, problems, filters.
//!   *No async, no ratatui, no kube types, no clock.*
//! - [`msg`], [`effect`], [`action`]: three plain enums, a page each: what can happen, what we can do, what a key means;
//!   and [`form`], what a person is asked to fill in.
//! - [`keymap`], [`theme`], [`complaint`]: TOML to typed tables. *A bad user file never stops the start.*
//! - [`ui`]: drawing blocks that know actions, keys and themes, never the rack.
//! - [`panes`]: what the user is doing. *A pane owns no facts and knows no other pane: it asks through a message.*
//! - [`app`]: the model, `update`, the loop, the effect runner, entering and leaving the terminal. *`update` never
//!   waits, locks, reads a file or asks the time; every writing effect passes one gate, where read-only mode is kept.*
//! - [`clients`]: the outside. Futures and streams of rack types; they know no messages and start no tasks.
//! - [`sim`]: a rack that exists only in this process. *It shares no code with the clients, so that their mistakes cannot
//!   cancel out, and nothing but `bramble demo` and tests knows of it.*
//! - [`config`], [`logging`], [`cli`]: start-up, in a straight line.
//!
//! Who may use whom stands in `tests/it/tidy.rs` and is checked there.
//!
//! Facts flow one way. `clients::kubernetes::follow` lists and watches one context for ever and sends
//! [`rack::facts::Fact`]s; `app/effects.rs` wraps them as messages with the number of the context they belong to;
//! `update` puts them into [`rack::Rack`]; the next frame shows them. An outage is a state of the link, not an error:
//! the facts stay, greyed, with their age.
//!
//! Boards are asked over SSH by `clients::board`, on connections of `clients::ssh` that all tasks share. What a connection
//! must know of the person (host keys, passwords) is a [`rack::ssh::Question`]: it becomes a form or a question on the
//! screen, and the answer finds its way back by number; nobody else has to do with it.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "a test that cannot go on should say where"
    )
)]

pub mod action;
pub mod app;
pub mod cli;
pub mod clients;
pub mod complaint;
pub mod config;
pub mod effect;
pub mod form;
pub mod keymap;
pub mod logging;
pub mod msg;
pub mod panes;
pub mod rack;
pub mod sim;
pub mod theme;
pub mod ui;
