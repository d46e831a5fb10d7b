//! A pool from nothing: three answers, and the text has a pool and what announces it.
//!
//! The text is only written into the draft; applying it is the ordinary way.

use std::fmt::Write;

use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::Msg;
use crate::panes::Cx;
use crate::panes::pools::map;
use crate::panes::pools::review::Review;
use crate::panes::pools::{Half, PoolsPane, Right};
use crate::rack::Rack;
use crate::rack::pool_text::Form as TextForm;
use crate::rack::pools::entry;
use crate::rack::pools::live::{PoolView, network};
use crate::rack::pools::propose::propose;

const NAME: &str = "name";
const RANGE: &str = "range";
const ANNOUNCE: &str = "announce";
/// Addresses proposed.
const SIZE: u8 = 20;

impl PoolsPane {
    pub(super) fn ask_for_pool(&self, cx: &mut Cx<'_>) {
        if self.session.is_none() {
            return cx
                .msgs
                .push(Msg::warn("there is no MetalLB here that would read a pool"));
        }
        let proposals = propose(&network(cx.rack, &[]), SIZE);
        let why = proposals.first().map(|it| it.why.clone());
        let offered: Vec<String> = proposals.iter().map(|it| it.range.to_string()).collect();
        let first = offered.first().cloned().unwrap_or_default();
        let range = Input::Text {
            text: first,
            offered,
        };
        let mut fields = vec![
            FormField::text(NAME, "name", free_name(&self.pools))
                .help("lower case letters, digits and dashes"),
            FormField::new(RANGE, "addresses", range)
                .help("your DHCP server must not give these out"),
        ];
        if self.is_of_objects() {
            let options = ["on the LAN (layer 2)", "not yet"]
                .map(str::to_owned)
                .to_vec();
            fields.push(
                FormField::new(ANNOUNCE, "announce", Input::Choice { options, chosen: 0 })
                    .help("without an announcement addresses are given, but never answer"),
            );
        }
        cx.msgs.push(Msg::Fill(Form {
            id: FormId::PoolCreate,
            title: "New pool".to_owned(),
            lines: std::iter::once(
                "It is written into the text first; you see it before it is applied.".to_owned(),
            )
            .chain(why)
            .collect(),
            fields,
            otherwise: Vec::new(),
        }));
    }

    fn is_of_objects(&self) -> bool {
        let form = self.session.as_ref().map(|session| &session.live.form);
        matches!(form, Some(TextForm::Objects { .. }))
    }

    /// Writes the pool into the text and shows what that changes.
    pub(super) fn create(&mut self, answers: &Answers, cx: &mut Cx<'_>) {
        let is_of_objects = self.is_of_objects();
        let Some(session) = &mut self.session else {
            return;
        };
        let (name, range) = (answers.text(NAME), answers.text(RANGE));
        let mut text = session.editor.text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if is_of_objects {
            let namespace = session.live.form.namespace();
            let separator = if text.trim().is_empty() { "" } else { "---\n" };
            text.push_str(separator);
            text.push_str(&object("IPAddressPool", name, namespace));
            let _ = write!(text, "spec:\n  addresses:\n  - {range}\n");
            if answers.choice(ANNOUNCE) == 0 {
                text.push_str("---\n");
                text.push_str(&object("L2Advertisement", name, namespace));
                let _ = write!(text, "spec:\n  ipAddressPools:\n  - {name}\n");
            }
        } else {
            let item = format!("- name: {name}\n  protocol: layer2\n  addresses:\n  - {range}\n");
            text = with_item(&text, &item);
        }
        session.editor.replace(&text);
        session.go_to_pool(name);
        session.edited(cx);
        session.check(cx.rack);
        self.half = Half::Text;
        self.right = Right::Review(Review::of(session, cx.rack));
    }
}

fn object(kind: &str, name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
    )
}

/// The text of the old ConfigMap with one more pool: right under the key, as deep as the pools that are there.
fn with_item(text: &str, item: &str) -> String {
    let Some(at) = text
        .lines()
        .position(|line| line.starts_with("address-pools:"))
    else {
        return format!("{text}address-pools:\n{item}");
    };
    let next = text
        .lines()
        .skip(at + 1)
        .find(|line| line.trim_start().starts_with("- "));
    let depth = next.map_or(0, |line| line.len() - line.trim_start().len());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if let Some(line) = lines.get_mut(at) {
        // `address-pools: []` is a list that cannot be gone on with.
        "address-pools:".clone_into(line);
    }
    let item = item.lines().map(|line| format!("{:depth$}{line}", ""));
    let after = (at + 1).min(lines.len());
    lines.splice(after..after, item);
    lines.join("\n") + "\n"
}

pub(super) fn complaint(
    pools: &[PoolView],
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    let name = answers.text(NAME);
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.is_empty()
        || name.len() > 63
        || !name.chars().all(is_letter)
        || !name.starts_with(is_edge)
        || !name.ends_with(is_edge)
    {
        let text = "a name has lower case letters, digits and dashes, with a letter at both ends";
        return Some((NAME, text.to_owned()));
    }
    if pools.iter().any(|pool| pool.name == name) {
        return Some((NAME, format!("there is a pool {name} already")));
    }
    let range = match entry::parse(answers.text(RANGE)) {
        Ok(entry) => entry.range,
        Err(error) => return Some((RANGE, error.fault.advice())),
    };
    let Some(range) = range else {
        return Some((RANGE, "this range has no address".to_owned()));
    };
    let overlapped = pools.iter().find_map(|pool| {
        let part = map::overlap(pool, range)?;
        Some(format!("{part} belongs to pool {} already", pool.name))
    });
    if let Some(text) = overlapped {
        return Some((RANGE, text));
    }
    let network = network(rack, &[]);
    let board = network.nodes.iter().find(|ip| range.contains(**ip));
    board.map(|ip| (RANGE, format!("{ip} is the address of a node")))
}

fn free_name(pools: &[PoolView]) -> String {
    let is_free = |name: &String| !pools.iter().any(|pool| pool.name == *name);
    let numbered = (2..1_000).map(|number| format!("lan-{number}"));
    std::iter::once("lan".to_owned())
        .chain(numbered)
        .find(is_free)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_put_beside_those_that_are_there() {
        let item = "- name: new\n  addresses: []\n";
        for (text, expected) in [
            ("", "address-pools:\n- name: new\n  addresses: []\n"),
            (
                "peers: []\n",
                "peers: []\naddress-pools:\n- name: new\n  addresses: []\n",
            ),
            (
                "address-pools:\n  - name: a # x\npeers: []\n",
                "address-pools:\n  - name: new\n    addresses: []\n  - name: a # x\npeers: []\n",
            ),
            (
                "address-pools: []\n",
                "address-pools:\n- name: new\n  addresses: []\n",
            ),
        ] {
            assert_eq!(with_item(text, item), expected, "{text:?}");
        }
    }
}
