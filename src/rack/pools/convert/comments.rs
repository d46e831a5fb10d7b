//! Comments of the legacy text, and what each is about: the entry beside it, the entry below it, or the item below it.

use granit_parser::{Event, Parser};

/// Comments not yet written, in order. Each is taken once.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// Above the first key of the text.
    pub header: Vec<String>,
    rest: Vec<Comment>,
    text: String,
}

#[derive(Debug)]
struct Comment {
    at: usize,
    text: String,
}

impl Comments {
    pub(super) fn of(text: &str) -> Comments {
        let mut comments = Comments {
            text: text.to_owned(),
            ..Comments::default()
        };
        let mut begun = false;
        for event in Parser::new_from_str(text) {
            // The text was read before without fault; a comment more or less is no reason to stop.
            let Ok((event, span)) = event else { break };
            match event {
                Event::Comment(words, _) => {
                    let words: String = words.chars().filter(|it| !it.is_control()).collect();
                    let at = span.byte_range().unwrap_or_default().start;
                    if begun {
                        comments.rest.push(Comment { at, text: words });
                    } else {
                        comments.header.push(words);
                    }
                }
                Event::Scalar(..) => begun = true,
                _ => {}
            }
        }
        comments.rest.sort_by_key(|it| it.at);
        comments
    }

    /// The comments above an item that begins at `at`: all that nobody took.
    pub(super) fn above(&mut self, at: usize) -> Vec<String> {
        self.before(at)
    }

    /// The comments that stand before `at` and were not taken.
    pub(super) fn before(&mut self, at: usize) -> Vec<String> {
        let end = self.rest.partition_point(|it| it.at < at);
        self.rest.drain(..end).map(|it| it.text).collect()
    }

    /// The comment on the rest of the line that goes on at `at`.
    pub(super) fn beside(&mut self, at: usize) -> Option<String> {
        let line_end = self
            .text
            .get(at..)?
            .find('\n')
            .map_or(self.text.len(), |it| at + it);
        let index = self
            .rest
            .iter()
            .position(|it| (at..line_end).contains(&it.at))?;
        Some(self.rest.remove(index).text)
    }

    /// What is left at the end.
    pub(super) fn trailing(&mut self) -> Vec<String> {
        self.rest.drain(..).map(|it| it.text).collect()
    }
}
