//! What a plain word means: the YAML 1.1 reading of Go, which kubectl, k3s and MetalLB use.
//!
//! `yes`, `on` and `y` are booleans there, `0644` is octal; numbers in base 60 are text.

use crate::rack::pools::yaml::Scalar;

/// A scalar as Go's YAML reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    Null,
    Flag(bool),
    Integer(i128),
    /// A number with a fraction or an exponent.
    Fraction,
    Text,
}

impl Scalar<'_> {
    pub fn is_null(&self) -> bool {
        self.is_plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    pub fn plain(&self) -> Plain {
        if !self.is_plain {
            return Plain::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                Plain::Flag(true)
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off"
            | "OFF" => Plain::Flag(false),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => {
                Plain::Fraction
            }
            text => number(text),
        }
    }
}

impl Plain {
    pub fn word(self) -> &'static str {
        match self {
            Plain::Null => "null",
            Plain::Flag(_) => "a boolean",
            Plain::Integer(_) => "a number",
            Plain::Fraction => "a fraction",
            Plain::Text => "text",
        }
    }
}

fn number(text: &str) -> Plain {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Plain::Text;
    }
    let digits = text.replace('_', "");
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let (radix, body) = match magnitude.get(..2) {
        Some("0x" | "0X") => (16, &magnitude[2..]),
        Some("0b" | "0B") => (2, &magnitude[2..]),
        Some("0o" | "0O") => (8, &magnitude[2..]),
        Some(two) if two.starts_with('0') && two != "0." => (8, &magnitude[1..]),
        _ => (10, magnitude),
    };
    let is_unsigned = !body.is_empty() && body.chars().all(|c| c.is_digit(radix));
    if is_unsigned {
        return i128::from_str_radix(body, radix)
            .map_or(Plain::Fraction, |it| Plain::Integer(sign * it));
    }
    if is_fraction(magnitude) {
        Plain::Fraction
    } else {
        Plain::Text
    }
}

/// `[0-9]*.?[0-9]*` with at least one digit, and perhaps an exponent.
fn is_fraction(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => {
            (whole.is_empty() || is_number(whole))
                && (part.is_empty() || is_number(part))
                && mantissa.len() > 1
        }
        None => is_number(mantissa),
    };
    is_mantissa && exponent.is_none_or(|it| is_number(it.trim_start_matches(['+', '-'])))
}

#[cfg(test)]
mod tests {
    use granit_parser::ScalarStyle;

    use super::*;

    #[test]
    fn plain_words_mean_what_go_reads() {
        let cases = [
            ("yes", Plain::Flag(true)),
            ("off", Plain::Flag(false)),
            ("~", Plain::Null),
            ("179", Plain::Integer(179)),
            ("-1_000", Plain::Integer(-1000)),
            ("0x10", Plain::Integer(16)),
            ("0644", Plain::Integer(420)),
            ("0", Plain::Integer(0)),
            ("1.5", Plain::Fraction),
            ("0.5", Plain::Fraction),
            ("1e3", Plain::Fraction),
            (
                "99999999999999999999999999999999999999999999",
                Plain::Fraction,
            ),
            ("65535:65282", Plain::Text),
            ("10.0.0.1", Plain::Text),
            ("192.168.1.240-192.168.1.250", Plain::Text),
            ("08", Plain::Fraction),
            ("-", Plain::Text),
            (".", Plain::Text),
            ("é", Plain::Text),
            ("0é", Plain::Text),
        ];
        for (text, expected) in cases {
            let scalar = |is_plain| Scalar {
                text: text.into(),
                is_plain,
                style: ScalarStyle::Plain,
            };
            assert_eq!(scalar(true).plain(), expected, "{text}");
            assert_eq!(scalar(false).plain(), Plain::Text, "{text}");
        }
    }
}
