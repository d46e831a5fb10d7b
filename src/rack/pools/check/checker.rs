//! The check that keeps up with typing: only documents that changed are read again.
//!
//! A text is cut at its `---` lines. Of each part the objects, their own findings and their ranges are kept. An edit
//! finds the parts it touched by comparing the new text with the old from both ends, reads those, and asks the rules of
//! the whole set again, which are linear in objects, not in addresses.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::rack::pools::check::overlap::{EntryId, Index};
use crate::rack::pools::check::set::{Digest, Set, replaced};
use crate::rack::pools::check::{Facts, Report, whole};
use crate::rack::pools::finding::{Finding, Kind, Layer};
use crate::rack::pools::object::{Body, Object};
use crate::rack::pools::read::{Form, LONGEST, read};

/// An edit this near to the border of a part may move the border: `\n---` and a blank.
const BORDER: usize = 5;

/// Keeps a text and what is to be said about it.
#[derive(Debug)]
pub struct Checker {
    form: Form,
    facts: Facts,
    text: String,
    parts: Vec<Part>,
    index: Index,
    next_id: u32,
    report: Report,
    /// How many parts the last update read.
    read: usize,
}

#[derive(Debug)]
struct Part {
    id: u32,
    start: usize,
    objects: Vec<Object>,
    digests: Vec<Digest>,
    /// Of the part by itself, with spans inside it.
    findings: Vec<Finding>,
}

impl Checker {
    pub fn new(form: Form, facts: Facts) -> Checker {
        Checker {
            form,
            facts,
            text: String::new(),
            parts: Vec::new(),
            index: Index::default(),
            next_id: 0,
            report: Report::default(),
            read: 0,
        }
    }

    /// Something else is known of the cluster: everything is asked again.
    pub fn set_facts(&mut self, facts: Facts) {
        if facts != self.facts {
            let text = std::mem::take(&mut self.text);
            *self = Checker::new(self.form, facts);
            self.update(text);
        }
    }

    pub fn report(&self) -> &Report {
        &self.report
    }

    pub fn into_report(self) -> Report {
        self.report
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The objects of the text, each with where the text of its document begins: add it to the object's spans.
    pub fn objects(&self) -> impl Iterator<Item = (usize, &Object)> {
        self.parts
            .iter()
            .flat_map(|part| part.objects.iter().map(|it| (part.start, it)))
    }

    /// How many documents the last update read again.
    pub fn documents_read(&self) -> usize {
        self.read
    }

    /// Takes the text as it is now.
    pub fn update(&mut self, text: String) -> &Report {
        self.read = 0;
        if text == self.text && !self.parts.is_empty() {
            return &self.report;
        }
        let touched = if self.is_cut(text.len()) {
            self.touched(&text)
        } else {
            0..self.parts.len()
        };
        self.reread(touched, |_| text)
    }

    /// Takes the text with other bytes in place of these. A long text is then neither copied nor compared.
    pub fn splice(&mut self, bytes: Range<usize>, with: &str) -> &Report {
        let Some(old) = self.text.get(bytes.clone()) else {
            return &self.report;
        };
        self.read = 0;
        if old == with {
            return &self.report;
        }
        let length = self.text.len() - bytes.len() + with.len();
        let touched = if self.is_cut(length) && self.is_cut(self.text.len()) {
            self.between(bytes.start, bytes.end)
        } else {
            0..self.parts.len()
        };
        self.reread(touched, |mut text| {
            text.replace_range(bytes, with);
            text
        })
    }

    /// Whether documents of a text of this length are read one by one.
    fn is_cut(&self, length: usize) -> bool {
        self.form == Form::File && length <= LONGEST
    }

    /// Reads the touched parts again, in the text that `change` makes of the one before.
    fn reread(&mut self, touched: Range<usize>, change: impl FnOnce(String) -> String) -> &Report {
        let before = std::mem::take(&mut self.text);
        let old_length = before.len();
        let text = change(before);
        let cut = self.is_cut(text.len());
        let from = self.parts.get(touched.start).map_or(0, |part| part.start);
        let tail = self
            .parts
            .get(touched.end)
            .map_or(0, |part| old_length - part.start);
        let window = from..text.len() - tail;
        let shift = text.len().wrapping_sub(old_length);
        for part in &mut self.parts[touched.end..] {
            part.start = part.start.wrapping_add(shift);
        }
        self.text = text;
        let mut fresh = Vec::new();
        for piece in pieces(&self.text, &window, cut) {
            let part = Part::read(self.next_id, &self.text, piece, self.form, &self.facts);
            self.next_id += 1;
            fresh.push(part);
        }
        self.read = fresh.len();
        let ids: HashSet<u32> = fresh.iter().map(|part| part.id).collect();
        let gone: HashSet<u32> = self
            .parts
            .splice(touched, fresh)
            .map(|part| part.id)
            .collect();
        self.index.remove(&gone);
        let fresh = self.parts.iter().filter(|part| ids.contains(&part.id));
        self.index.add(fresh.map(|part| (part.id, &*part.objects)));
        self.judge();
        &self.report
    }

    /// The parts an edit may have changed.
    fn touched(&self, text: &str) -> Range<usize> {
        let (old, new) = (self.text.as_bytes(), text.as_bytes());
        let same = common(old, new);
        let longest = old.len().min(new.len()) - same;
        let same_end = common_end(old, new, longest);
        self.between(same, old.len() - same_end)
    }

    /// The parts that a change of these bytes of the old text may have changed.
    fn between(&self, start: usize, end: usize) -> Range<usize> {
        let first = start.saturating_sub(BORDER);
        let last = end.saturating_add(BORDER);
        let start = self
            .parts
            .partition_point(|part| part.start <= first)
            .saturating_sub(1);
        let end = self.parts.partition_point(|part| part.start <= last);
        start..end.max(start)
    }

    fn judge(&mut self) {
        let mut findings: Vec<Finding> = Vec::new();
        for part in &self.parts {
            let moved = part.findings.iter().cloned().map(|mut it| {
                it.span = it.span.start + part.start..it.span.end + part.start;
                it
            });
            findings.extend(moved);
        }
        let gone = replaced(self.objects(), &mut findings);
        let gone: HashSet<usize> = gone.into_iter().collect();
        let mut gone_ids = HashSet::new();
        let (mut resources, mut legacy) = (Set::default(), Set::default());
        let mut number = 0;
        for part in &self.parts {
            for (index, (object, digest)) in part.objects.iter().zip(&part.digests).enumerate() {
                if gone.contains(&number) {
                    gone_ids.insert((part.id, u32::try_from(index).unwrap_or(u32::MAX)));
                } else {
                    let set = if object.head.kind.is_legacy() {
                        &mut legacy
                    } else {
                        &mut resources
                    };
                    set.add(object, digest, part.start);
                }
                number += 1;
            }
        }
        whole::set(&resources, &legacy, &self.facts, &mut findings);
        findings.extend(self.overlaps(&gone_ids));
        for finding in &mut findings {
            finding.span.end = finding.span.end.min(self.text.len());
            finding.span.start = finding.span.start.min(finding.span.end);
        }
        findings.sort_by(|a, b| {
            (a.span.start, a.severity(), a.kind).cmp(&(b.span.start, b.severity(), b.kind))
        });
        findings.dedup();
        self.report = Report { findings };
    }

    fn overlaps(&self, gone: &HashSet<(u32, u32)>) -> Vec<Finding> {
        let order: HashMap<u32, usize> = self
            .parts
            .iter()
            .enumerate()
            .map(|(at, part)| (part.id, at))
            .collect();
        let place = |part: u32| order.get(&part).copied().unwrap_or(usize::MAX);
        let entry = |id: EntryId| {
            let part = self.parts.get(place(id.part))?;
            let object = part.objects.get(id.object as usize)?;
            let Body::Pool(pool) = &object.body else {
                return None;
            };
            Some((part, &object.head, pool.addresses.get(id.entry as usize)?))
        };
        let overlaps = self.index.overlaps(place, gone).into_iter();
        overlaps
            .filter_map(|overlap| {
                let (part, owner, later) = entry(overlap.later)?;
                let (_, other, earlier) = entry(overlap.earlier)?;
                let (title, text) = (owner.title(), &later.text);
                let is_own = (overlap.later.part, overlap.later.object)
                    == (overlap.earlier.part, overlap.earlier.object);
                let whose = if is_own {
                    "the same pool".to_owned()
                } else {
                    other.title()
                };
                let span = later.span.start + part.start..later.span.end + part.start;
                let refuser = if owner.kind.is_legacy() {
                    Layer::LegacyParser
                } else {
                    Layer::Webhook
                };
                let what = format!(
                    "\"{text}\" in {title} overlaps \"{}\" in {whose}",
                    earlier.text
                );
                Some(
                    Finding::error(refuser, Kind::Overlap, span, what)
                        .why(format!("both hold {}", overlap.shared))
                        .next("change one of them"),
                )
            })
            .collect()
    }
}

impl Part {
    fn read(id: u32, text: &str, piece: Range<usize>, form: Form, facts: &Facts) -> Part {
        let document = read(
            text.get(piece.clone()).unwrap_or_default(),
            form,
            facts.version,
        );
        let mut findings = document.findings;
        for object in &document.objects {
            findings.extend(whole::object(object, facts));
        }
        Part {
            id,
            start: piece.start,
            digests: document.objects.iter().map(Digest::of).collect(),
            objects: document.objects,
            findings,
        }
    }
}

/// How many leading bytes are the same. Blocks first: comparing them is as fast as memory.
fn common(a: &[u8], b: &[u8]) -> usize {
    const BLOCK: usize = 4_096;
    let blocks = a
        .chunks(BLOCK)
        .zip(b.chunks(BLOCK))
        .take_while(|(a, b)| a == b);
    let at: usize = blocks.map(|(a, _)| a.len()).sum();
    let rest = a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b);
    at + rest.count()
}

/// How many bytes at the end are the same, `longest` at most.
fn common_end(a: &[u8], b: &[u8], longest: usize) -> usize {
    const BLOCK: usize = 4_096;
    let (a, b) = (&a[a.len() - longest..], &b[b.len() - longest..]);
    let blocks = a
        .rchunks(BLOCK)
        .zip(b.rchunks(BLOCK))
        .take_while(|(a, b)| a == b);
    let at: usize = blocks.map(|(a, _)| a.len()).sum();
    let left = longest - at;
    let rest = a[..left]
        .iter()
        .rev()
        .zip(b[..left].iter().rev())
        .take_while(|(a, b)| a == b);
    at + rest.count()
}

/// The documents of a window of the text, each from its `---` line to the next. Directives (`%YAML`) belong to the
/// document they stand before.
fn pieces(text: &str, window: &Range<usize>, cut: bool) -> Vec<Range<usize>> {
    let mut borders = vec![window.start];
    let body = text.get(window.clone()).unwrap_or_default();
    if cut {
        for (at, _) in body.match_indices("\n---") {
            let begin = at + 1;
            let is_border = body
                .as_bytes()
                .get(begin + 3)
                .is_none_or(|it| matches!(it, b' ' | b'\t' | b'\r' | b'\n'));
            let last = borders.last().map_or(0, |it| it - window.start);
            let has_directive = body[last..begin].lines().any(|line| line.starts_with('%'));
            if is_border && !has_directive {
                borders.push(window.start + begin);
            }
        }
    }
    let ends = borders.iter().skip(1).copied().chain([window.end]);
    borders
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}
