//! Kubernetes quantities (`250m`, `3885232Ki`, `1e3`) to whole numbers.

/// A quantity in thousandths: `250m` is 250, `2` is 2000. `None` when it is not a quantity or does not fit.
pub fn milli(text: &str) -> Option<u64> {
    scaled(text, 1_000.0)
}

/// A quantity in whole units (bytes, pods): `1Ki` is 1024. `None` when it is not a quantity or does not fit.
pub fn whole(text: &str) -> Option<u64> {
    scaled(text, 1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked before the cast"
)]
fn scaled(text: &str, by: f64) -> Option<u64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-'))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let value = match suffix {
        exponent
            if exponent.len() > 1
                && exponent.starts_with(['e', 'E'])
                && !exponent.ends_with('i') =>
        {
            text.parse::<f64>().ok()?
        }
        _ => number.parse::<f64>().ok()? * factor(suffix)?,
    };
    let value = (value * by).ceil();
    (value.is_finite() && (0.0..9e18).contains(&value)).then_some(value as u64)
}

fn factor(suffix: &str) -> Option<f64> {
    Some(match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("4", Some(4_000)),
            ("250m", Some(250)),
            ("1500000n", Some(2)),
            ("0.5", Some(500)),
            ("1e3", Some(1_000_000)),
            ("", None),
            ("-1", None),
            ("12Qi", None),
            ("NaN", None),
            ("9e99", None),
        ] {
            assert_eq!(milli(text), expected, "{text:?}");
        }
        assert_eq!(whole("3885232Ki"), Some(3_885_232 * 1024));
        assert_eq!(whole("2E"), Some(2_000_000_000_000_000_000));
    }
}
