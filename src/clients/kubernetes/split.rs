//! Cuts a list of the API into its items while it streams in, so that nobody ever holds the body: 20,000 pods are
//! 130 MB of JSON, one is 6.5 kB.
//!
//! It knows just enough JSON to see where an item of the top-level `items` array begins and ends; whether an item makes
//! sense is the decoder's business. Everything outside the items is kept as a small head.

use serde::Deserialize;

/// Far above any real object: etcd takes 1.5 MB.
const LONGEST_ITEM: usize = 32 << 20;
const LONGEST_HEAD: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Splitter {
    place: Place,
    depth: u32,
    is_string: bool,
    is_escaped: bool,
    /// Where the last string outside the items began in `head`.
    string_from: usize,
    last_is_items: bool,
    head: Vec<u8>,
    /// The part of an item that came with earlier chunks.
    begun: Vec<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Head,
    /// Between two items.
    Items,
    Item,
    /// Inside something in `items` that is no object.
    Scalar,
}

/// What stands around the items.
#[derive(Debug, Deserialize, Default, PartialEq, Eq)]
pub(super) struct ListHead {
    #[serde(default)]
    pub(super) metadata: ListMeta,
}

#[derive(Debug, Deserialize, Default, PartialEq, Eq)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMeta {
    pub(super) resource_version: String,
    #[serde(rename = "continue")]
    pub(super) more: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the answer is not JSON")]
    NotJson,
    #[error("the answer ended in the middle")]
    Short,
    #[error("the answer is longer than any list of Kubernetes")]
    Long,
    #[error("the answer is not a list: {0}")]
    NotAList(String),
}

impl Splitter {
    /// Takes the next bytes and hands every item that is complete now to `each`.
    pub(super) fn push(&mut self, chunk: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        let mut from = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            match self.place {
                Place::Before => self.before(byte)?,
                Place::Head => self.in_head(byte),
                Place::Items => {
                    self.between(byte);
                    from = at;
                }
                Place::Item => {
                    if self.ends_item(byte) {
                        self.finish_item(chunk.get(from..=at).unwrap_or_default(), each);
                    }
                }
                Place::Scalar => {
                    if self.ends_scalar(byte) {
                        each(b"");
                        self.between(byte);
                    }
                }
            }
        }
        if self.place == Place::Item {
            self.begun
                .extend_from_slice(chunk.get(from..).unwrap_or_default());
        }
        if self.begun.len() > LONGEST_ITEM || self.head.len() > LONGEST_HEAD {
            return Err(Fault::Long);
        }
        Ok(())
    }

    /// The head, once all bytes are in.
    pub(super) fn finish(self) -> Result<ListHead, Fault> {
        match self.place {
            Place::Before => Err(Fault::NotJson),
            Place::Head if self.depth == 0 => serde_json::from_slice(&self.head)
                .map_err(|error| Fault::NotAList(error.to_string())),
            _ => Err(Fault::Short),
        }
    }

    fn before(&mut self, byte: u8) -> Result<(), Fault> {
        match byte {
            b'{' => {
                self.place = Place::Head;
                self.depth = 1;
                self.head.push(byte);
                Ok(())
            }
            byte if byte.is_ascii_whitespace() => Ok(()),
            _ => Err(Fault::NotJson),
        }
    }

    fn in_head(&mut self, byte: u8) {
        self.head.push(byte);
        if self.is_string {
            self.in_string(byte);
            if !self.is_string {
                let text = self.head.get(self.string_from..);
                self.last_is_items = text == Some(b"items\"");
            }
            return;
        }
        match byte {
            b'"' => {
                self.is_string = true;
                self.string_from = self.head.len();
            }
            b'[' if self.depth == 1 && self.last_is_items => self.place = Place::Items,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if matches!(byte, b'{' | b',') {
            self.last_is_items = false;
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'{' => {
                self.place = Place::Item;
                self.depth = 1;
            }
            b']' => {
                self.head.push(byte);
                self.place = Place::Head;
                self.depth = 1;
            }
            b',' => self.place = Place::Items,
            byte if byte.is_ascii_whitespace() => self.place = Place::Items,
            _ => {
                self.place = Place::Scalar;
                self.is_string = byte == b'"';
                self.depth = u32::from(byte == b'[');
            }
        }
    }

    fn ends_item(&mut self, byte: u8) -> bool {
        if self.is_string {
            self.in_string(byte);
            return false;
        }
        match byte {
            b'"' => self.is_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth == 0
    }

    fn ends_scalar(&mut self, byte: u8) -> bool {
        if self.is_string {
            self.in_string(byte);
            return false;
        }
        match byte {
            b',' | b']' if self.depth == 0 => return true,
            b'"' => self.is_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }

    fn in_string(&mut self, byte: u8) {
        if self.is_escaped {
            self.is_escaped = false;
        } else if byte == b'\\' {
            self.is_escaped = true;
        } else if byte == b'"' {
            self.is_string = false;
        }
    }

    fn finish_item(&mut self, rest: &[u8], each: &mut impl FnMut(&[u8])) {
        self.place = Place::Items;
        if self.begun.is_empty() {
            each(rest);
        } else {
            self.begun.extend_from_slice(rest);
            each(&self.begun);
            self.begun.clear();
        }
    }
}

#[cfg(test)]
mod tests;
