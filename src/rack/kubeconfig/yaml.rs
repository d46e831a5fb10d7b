//! A YAML text as a tree in which every node knows its bytes.
//!
//! Not here: what a value means ([`super::value`]) and how it is changed. Invariants: spans are byte ranges of the text
//! that was parsed, on character borders; only the first document is read, as kubectl reads it; nothing of the text is
//! in an error.

use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle, options};

/// Deeper nesting is no kubeconfig, and recursion must end.
const DEEPEST: usize = 64;

/// The first document of a text.
#[derive(Clone, PartialEq)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    root: Option<NodeId>,
    /// Where each comment stands, from `#` to the end of its line.
    pub(super) comments: Vec<Range<usize>>,
    pub(super) documents: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeId(usize);

#[derive(Clone, PartialEq)]
pub(super) struct Node {
    /// With quotes and brackets, without tag and anchor; empty for a value that is not written.
    pub(super) span: Range<usize>,
    /// From 1.
    pub(super) line: usize,
    pub(super) shape: Shape,
    /// `!!str` and its like: the suffix of a tag of the core schema.
    pub(super) tag: Option<String>,
    pub(super) has_anchor: bool,
}

#[derive(Clone, PartialEq)]
pub(super) enum Shape {
    Scalar {
        text: String,
        style: Style,
    },
    Map {
        pairs: Vec<(NodeId, NodeId)>,
        is_flow: bool,
    },
    List {
        items: Vec<NodeId>,
        is_flow: bool,
    },
    /// `*name`, and the node it stands for.
    Alias(NodeId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// `|` and `>`.
    Block,
}

/// Why a text cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) why: String,
}

impl Fault {
    pub(super) fn at(line: usize, why: impl Into<String>) -> Fault {
        Fault {
            line,
            why: why.into(),
        }
    }
}

impl Tree {
    pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
        let mut builder = Builder::default();
        for next in Parser::new_from_str_with_options(text, reading()) {
            let (event, span) = next.map_err(|error| {
                // The parser's own words name no value of the file.
                Fault::at(error.marker().line(), error.info())
            })?;
            let bytes = span.byte_range().unwrap_or_default();
            let tag = event.tag().and_then(|tag| tag.core_suffix());
            let tag = tag.map(ToOwned::to_owned);
            builder.take(event, bytes, span.start.line(), tag, text)?;
        }
        Ok(builder.tree)
    }

    pub(super) fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// The node; ids come only from the same tree.
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node an alias stands for, or the node itself.
    pub(super) fn resolved(&self, id: NodeId) -> NodeId {
        match self.node(id).shape {
            Shape::Alias(target) => target,
            _ => id,
        }
    }

    /// The pairs of a mapping, through an alias; none for anything else.
    pub(super) fn pairs(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self.node(self.resolved(id)).shape {
            Shape::Map { pairs, .. } => pairs,
            _ => &[],
        }
    }

    pub(super) fn items(&self, id: NodeId) -> &[NodeId] {
        match &self.node(self.resolved(id)).shape {
            Shape::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(self.resolved(id)).shape {
            Shape::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Key and value of a mapping, as written; merged keys (`<<`) are not looked through.
    pub(super) fn pair(&self, map: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        let pairs = self.pairs(map).iter();
        pairs.copied().find(|(it, _)| self.text(*it) == Some(key))
    }

    pub(super) fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        self.pair(map, key).map(|(_, value)| value)
    }

    pub(super) fn is_flow(&self, id: NodeId) -> bool {
        match self.node(id).shape {
            Shape::Map { is_flow, .. } | Shape::List { is_flow, .. } => is_flow,
            _ => false,
        }
    }

    /// Where the comments lie that overlap a range.
    pub(super) fn comments_in(&self, range: &Range<usize>) -> usize {
        let inside = |it: &&Range<usize>| it.start < range.end && range.start < it.end;
        self.comments.iter().filter(inside).count()
    }
}

fn reading() -> Options {
    options! {
        block_nesting_limit: DEEPEST,
        flow_nesting_limit: DEEPEST,
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: false,
        emit_unresolved_aliases: false,
    }
}

struct Builder {
    tree: Tree,
    open: Vec<Open>,
    anchors: Vec<(usize, NodeId)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            tree: Tree {
                nodes: Vec::new(),
                root: None,
                comments: Vec::new(),
                documents: 0,
            },
            open: Vec::new(),
            anchors: Vec::new(),
        }
    }
}

/// A collection whose end has not come yet; the key of a pair waits for its value.
struct Open {
    id: NodeId,
    key: Option<NodeId>,
}

impl Builder {
    fn take(
        &mut self,
        event: Event<'_>,
        span: Range<usize>,
        line: usize,
        tag: Option<String>,
        text: &str,
    ) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => self.tree.documents += 1,
            Event::Comment(..) => self.tree.comments.push(span),
            // What follows the first document is counted, never read.
            _ if self.tree.documents > 1 => {}
            Event::Scalar(value, style, anchor, _) => {
                let style = style_of(style);
                let span = match style {
                    Style::Block => trimmed(span, text),
                    Style::Plain | Style::Quoted => span,
                };
                let shape = Shape::Scalar {
                    text: value.into_owned(),
                    style,
                };
                self.add(shape, span, line, anchor, tag)?;
            }
            Event::MappingStart(style, anchor, _) => {
                let shape = Shape::Map {
                    pairs: Vec::new(),
                    is_flow: style == StructureStyle::Flow,
                };
                let id = self.add(shape, span, line, anchor, tag)?;
                self.open.push(Open { id, key: None });
            }
            Event::SequenceStart(style, anchor, _) => {
                let shape = Shape::List {
                    items: Vec::new(),
                    is_flow: style == StructureStyle::Flow,
                };
                let id = self.add(shape, span, line, anchor, tag)?;
                self.open.push(Open { id, key: None });
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(&span),
            Event::Alias(anchor) => {
                let found = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                let Some(&(_, target)) = found else {
                    return Err(Fault::at(line, "an alias (*name) names no anchor"));
                };
                if self.open.iter().any(|open| open.id == target) {
                    return Err(Fault::at(
                        line,
                        "an alias (*name) stands inside its own anchor",
                    ));
                }
                self.add(Shape::Alias(target), span, line, 0, None)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        shape: Shape,
        span: Range<usize>,
        line: usize,
        anchor: usize,
        tag: Option<String>,
    ) -> Result<NodeId, Fault> {
        let id = NodeId(self.tree.nodes.len());
        self.tree.nodes.push(Node {
            span,
            line,
            shape,
            tag,
            has_anchor: anchor != 0,
        });
        if anchor != 0 {
            self.anchors.push((anchor, id));
        }
        let Some(open) = self.open.last_mut() else {
            self.tree.root = Some(id);
            return Ok(id);
        };
        match (&mut self.tree.nodes[open.id.0].shape, open.key.take()) {
            (Shape::List { items, .. }, _) => items.push(id),
            (Shape::Map { .. }, None) => open.key = Some(id),
            (Shape::Map { pairs, .. }, Some(key)) => pairs.push((key, id)),
            _ => return Err(Fault::at(line, "it cannot be parsed")),
        }
        Ok(id)
    }

    /// A block collection ends where its last child does: what the parser calls its end is the next token.
    fn close(&mut self, span: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let end = if self.tree.is_flow(open.id) {
            Some(span.end)
        } else {
            let last = match &self.tree.node(open.id).shape {
                Shape::Map { pairs, .. } => pairs.last().map(|(key, value)| (*key, *value)),
                Shape::List { items, .. } => items.last().map(|item| (*item, *item)),
                _ => None,
            };
            last.map(|(key, value)| {
                let (key, value) = (self.tree.node(key), self.tree.node(value));
                key.span.end.max(value.span.end)
            })
        };
        if let Some(end) = end {
            let span = &mut self.tree.nodes[open.id.0].span;
            span.end = end.max(span.start);
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        _ => Style::Quoted,
    }
}

/// The parser counts the empty lines after a block scalar to it.
fn trimmed(span: Range<usize>, text: &str) -> Range<usize> {
    let written = text.get(span.clone()).unwrap_or_default();
    let end = span.start + written.trim_end().len();
    span.start..end.max(span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scalar with the bytes it stands for.
    fn scalars(text: &str) -> Vec<(String, String)> {
        let tree = Tree::parse(text).unwrap();
        let mut found = Vec::new();
        for node in &tree.nodes {
            if let Shape::Scalar { text: value, .. } = &node.shape {
                found.push((value.clone(), text[node.span.clone()].to_owned()));
            }
        }
        found
    }

    #[test]
    fn every_scalar_knows_its_bytes() {
        let text = "a: 'it''s'\nb: |\n  one\n\nc: {d: \"x\\ny\", e: ü}\n";
        let pair = |value: &str, bytes: &str| (value.to_owned(), bytes.to_owned());
        let expected = [
            pair("a", "a"),
            pair("it's", "'it''s'"),
            pair("b", "b"),
            pair("one\n", "one"),
            pair("c", "c"),
            pair("d", "d"),
            pair("x\ny", "\"x\\ny\""),
            pair("e", "e"),
            pair("ü", "ü"),
        ];
        assert_eq!(scalars(text), expected);
    }

    #[test]
    fn a_block_collection_ends_with_its_last_child() {
        let text = "a:\n- b: 1 # one\n# two\n\nc: {x: 1, }\n";
        let tree = Tree::parse(text).unwrap();
        let root = tree.root().unwrap();
        let span = |key: &str| tree.node(tree.get(root, key).unwrap()).span.clone();
        assert_eq!(&text[span("a")], "b: 1");
        assert_eq!(&text[span("c")], "{x: 1, }");
        assert_eq!(tree.comments.len(), 2);
        assert_eq!(tree.comments_in(&span("a")), 0);
    }

    #[test]
    fn only_the_first_document_is_read_and_the_others_are_counted() {
        let tree = Tree::parse("a: 1\n---\na: 2\n").unwrap();
        assert_eq!(tree.documents, 2);
        let a = tree.get(tree.root().unwrap(), "a").unwrap();
        assert_eq!(tree.text(a), Some("1"));
    }

    #[test]
    fn faults_tell_the_line_and_nothing_of_the_text() {
        let deep = format!("{}x", "[".repeat(100));
        for (text, line) in [
            ("a: [secret\n", 1),
            ("a: 1\nb: *secret\n", 2),
            ("a: 1\n-\tsecret: x\n", 2),
            (deep.as_str(), 1),
            ("a: &a [*a]\n", 1),
        ] {
            let fault = Tree::parse(text).err().unwrap();
            assert_eq!(fault.line, line, "{text:?}: {fault:?}");
            assert!(!fault.why.contains("secret"), "{fault:?}");
        }
    }
}
