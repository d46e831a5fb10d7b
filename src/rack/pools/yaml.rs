//! YAML with the place of everything: a tree whose nodes know their bytes in the text.
//!
//! The parser is granit-parser, an event parser with byte spans, limits on nesting and recovery at the next document; it
//! is in the program already, under kube's own YAML reader. A tree of values (serde) would lose the places, and the
//! comments do not matter here: nothing is ever written back from the tree.
//!
//! *Invariants:* every span lies inside the text, on character borders; aliases share the node they name instead of
//! copying it, so that a bomb stays as small as its text; a fault in one document does not hide the next.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::rack::pools::finding::boundary;

pub mod inner;
pub mod scalar;

/// Entries copied by merge keys in one text. A configuration has none or a few; a bomb made of them would be quadratic.
const MOST_COPIES: usize = 10_000;

/// An index into a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// All documents of a text.
#[derive(Debug, Default)]
pub struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    /// The root of each document that is not empty.
    pub documents: Vec<NodeId>,
    pub faults: Vec<YamlFault>,
    copies: usize,
}

#[derive(Debug)]
pub struct Node<'t> {
    pub value: Value<'t>,
    pub span: Range<usize>,
}

#[derive(Debug)]
pub enum Value<'t> {
    Scalar(Scalar<'t>),
    Sequence(Vec<NodeId>),
    /// Keys and values in the order written, merge keys (`<<`) already followed.
    Mapping(Vec<(NodeId, NodeId)>),
}

#[derive(Debug)]
pub struct Scalar<'t> {
    pub text: Cow<'t, str>,
    /// Written without quotes and without a tag: may be a number, a boolean or null.
    pub is_plain: bool,
    pub style: ScalarStyle,
}

/// What is no YAML, or not for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlFault {
    pub span: Range<usize>,
    pub what: String,
    /// A key that stands twice, where the bytes of the first are.
    pub is_repeated_key: bool,
}

impl<'t> Tree<'t> {
    /// Reads every document of the text.
    pub fn read(text: &'t str) -> Tree<'t> {
        let mut tree = Tree::default();
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut open = Open::default();
        loop {
            match parser.next_event() {
                None => return tree,
                Some(Ok((event, span))) => {
                    let span = within(text, span.byte_range().unwrap_or_default());
                    tree.take(&mut open, event, span);
                }
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(text.len());
                    tree.faults.push(YamlFault {
                        span: character_at(text, at),
                        what: error.info(),
                        is_repeated_key: false,
                    });
                    open = Open::default();
                    if !matches!(parser.proceed_next_document(), Ok(true)) {
                        return tree;
                    }
                }
            }
        }
    }

    /// How many nodes there are, all documents together.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, id: NodeId) -> &Node<'t> {
        // An id is only made by `push`, and nodes are never removed.
        &self.nodes[id.0 as usize]
    }

    pub fn value(&self, id: NodeId) -> &Value<'t> {
        &self.node(id).value
    }

    pub fn span(&self, id: NodeId) -> Range<usize> {
        self.node(id).span.clone()
    }

    pub fn scalar(&self, id: NodeId) -> Option<&Scalar<'t>> {
        match self.value(id) {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn mapping(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match self.value(id) {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub fn sequence(&self, id: NodeId) -> &[NodeId] {
        match self.value(id) {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a key; `None` for keys that are no scalars.
    pub fn key(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).map(|scalar| &*scalar.text)
    }

    /// The value of a key; `None` when it is absent or null, which mean the same everywhere we read.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        let entry = self
            .mapping(mapping)
            .iter()
            .find(|(it, _)| self.key(*it) == Some(key));
        entry
            .map(|(_, value)| *value)
            .filter(|value| !self.is_null(*value))
    }

    /// Follows keys from mapping to mapping.
    pub fn path(&self, from: NodeId, keys: &[&str]) -> Option<NodeId> {
        keys.iter().try_fold(from, |at, key| self.get(at, key))
    }

    pub fn is_null(&self, id: NodeId) -> bool {
        self.scalar(id).is_some_and(Scalar::is_null)
    }

    fn push(&mut self, value: Value<'t>, span: Range<usize>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { value, span });
        id
    }

    fn take(&mut self, open: &mut Open, event: Event<'t>, span: Range<usize>) {
        match event {
            Event::DocumentStart(..) => *open = Open::default(),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let id = self.push(
                    Value::Scalar(Scalar {
                        text,
                        is_plain,
                        style,
                    }),
                    span,
                );
                open.name(anchor, id);
                self.place(open, id);
            }
            Event::SequenceStart(_, anchor, _) => {
                let id = self.push(Value::Sequence(Vec::new()), span);
                open.begin(anchor, id);
            }
            Event::MappingStart(_, anchor, _) => {
                let id = self.push(Value::Mapping(Vec::new()), span);
                open.begin(anchor, id);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(open, &span),
            Event::Alias(anchor) => match open.anchors.get(&anchor).copied() {
                Some(id) if !open.levels.iter().any(|level| level.id == id) => self.place(open, id),
                _ => {
                    self.complain(span.clone(), "an alias inside the very node it names");
                    let id = self.push(Value::Sequence(Vec::new()), span);
                    self.place(open, id);
                }
            },
            _ => {}
        }
    }

    /// A finished node goes to where it belongs: a sequence, a mapping, or the document.
    fn place(&mut self, open: &mut Open, id: NodeId) {
        match open.levels.last_mut() {
            Some(level) => level.children.push(id),
            // An empty document is a null at its root; it says nothing.
            None if self.is_null(id) => {}
            None => self.documents.push(id),
        }
    }

    fn close(&mut self, open: &mut Open, end: &Range<usize>) {
        let Some(Level { id, children }) = open.levels.pop() else {
            return;
        };
        let last = children
            .iter()
            .map(|child| self.node(*child).span.end)
            .max();
        let start = self.node(id).span.start;
        // A block ends where its last child ends: the end event stands where the next thing begins.
        let end = if end.is_empty() {
            last.unwrap_or(start)
        } else {
            end.end
        };
        let value = match self.value(id) {
            Value::Mapping(_) => Value::Mapping(self.entries(&children)),
            _ => Value::Sequence(children),
        };
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            node.value = value;
            node.span = start..end.max(start);
        }
        self.place(open, id);
    }

    /// Pairs of a mapping: repeated keys are complained about, the first counts; merge keys are followed.
    fn entries(&mut self, children: &[NodeId]) -> Vec<(NodeId, NodeId)> {
        let mut entries: Vec<(NodeId, NodeId)> = Vec::with_capacity(children.len() / 2);
        let mut merged = Vec::new();
        let mut repeated = Vec::new();
        let mut copies = self.copies;
        let mut seen: HashMap<&str, NodeId> = HashMap::new();
        for pair in children.chunks_exact(2) {
            let &[key, value] = pair else { continue };
            let is_merge = self
                .scalar(key)
                .is_some_and(|it| it.is_plain && it.text == "<<");
            let is_new = self
                .key(key)
                .is_none_or(|text| seen.insert(text, key).is_none());
            match (is_merge, is_new) {
                (true, _) => merged.push(value),
                (false, true) => entries.push((key, value)),
                (false, false) => repeated.push(key),
            }
        }
        let sources = merged.iter().flat_map(|source| match self.value(*source) {
            Value::Sequence(sources) => sources.clone(),
            _ => vec![*source],
        });
        for source in sources {
            for (key, value) in self.mapping(source) {
                copies += 1;
                if copies > MOST_COPIES {
                    break;
                }
                if let Some(text) = self.key(*key)
                    && !seen.contains_key(text)
                {
                    seen.insert(text, *key);
                    entries.push((*key, *value));
                }
            }
        }
        drop(seen);
        self.copies = copies;
        for key in repeated {
            let what = format!("key {} stands twice", self.key(key).unwrap_or("?"));
            let span = self.span(key);
            self.faults.push(YamlFault {
                span,
                what,
                is_repeated_key: true,
            });
        }
        entries
    }

    fn complain(&mut self, span: Range<usize>, what: &str) {
        self.faults.push(YamlFault {
            span,
            what: what.to_owned(),
            is_repeated_key: false,
        });
    }
}

/// The collections that are being read, outermost first, and the anchors so far.
#[derive(Default)]
struct Open {
    levels: Vec<Level>,
    anchors: HashMap<usize, NodeId>,
}

struct Level {
    id: NodeId,
    children: Vec<NodeId>,
}

impl Open {
    fn begin(&mut self, anchor: usize, id: NodeId) {
        self.name(anchor, id);
        self.levels.push(Level {
            id,
            children: Vec::new(),
        });
    }

    fn name(&mut self, anchor: usize, id: NodeId) {
        // 0 is the parser's word for no anchor.
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
    }
}

/// The span, cut to the text and to character borders.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end);
    start..end.max(start)
}

/// The character at a place, or nothing at the end of the text.
fn character_at(text: &str, at: usize) -> Range<usize> {
    let start = boundary(text, at);
    let next = text.get(start..).and_then(|rest| rest.chars().next());
    let length = next.filter(|it| *it != '\n').map_or(0, char::len_utf8);
    start..start + length
}

#[cfg(test)]
mod tests;
