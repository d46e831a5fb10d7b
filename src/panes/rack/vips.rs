//! The virtual addresses a node announces, on its page: what moves where when the board is pulled.

use crate::panes::page::{Line, Piece, heading};
use crate::rack::Rack;
use crate::rack::node::Node;
use crate::rack::vip::Takeover;

/// Nothing at all on a rack without virtual addresses.
pub(super) fn section(rack: &Rack, node: &Node, lines: &mut Vec<Line>) {
    if rack.vips.used == 0 {
        return;
    }
    let moves = rack.vips.moves(&node.name);
    if moves.is_empty() {
        heading(lines, "Virtual IPs");
        return lines.push(vec![(
            "this node announces none on layer 2".to_owned(),
            Piece::Label,
        )]);
    }
    heading(lines, format!("Virtual IPs ({}), if it goes", moves.len()));
    for one in moves {
        let (words, piece) = match one.to {
            Takeover::Node(next) => (format!("moves to {next}"), Piece::Plain),
            Takeover::Nobody => ("nobody takes it over".to_owned(), Piece::Bad),
            Takeover::Unknown => ("? not computed in a rack this big".to_owned(), Piece::Label),
        };
        lines.push(vec![
            (format!("{:16} ", one.address.to_string()), Piece::Plain),
            (format!("{:28} ", one.service.to_string()), Piece::Label),
            (words, piece),
        ]);
    }
}
