//! Numbers with a fraction as text, as PostgreSQL prints them (`float8out`, `float4out`; PostgreSQL 16, 8.1.3): the fewest digits
//! that lead back to the number, with an exponent where it is below -4 or at least the digits that the type surely keeps.

/// Text of a `double precision`.
pub(super) fn double(value: f64) -> String {
    text(&format!("{value:e}"), value.is_finite(), 15, || value.to_string())
}

/// Text of a `real`.
pub(super) fn real(value: f32) -> String {
    text(&format!("{value:e}"), value.is_finite(), 6, || value.to_string())
}

/// `scientific` is a mantissa, `e` and an exponent; `plain` has no exponent.
fn text(scientific: &str, finite: bool, digits: i32, plain: impl Fn() -> String) -> String {
    if !finite {
        return match scientific {
            "inf" => "Infinity".to_owned(),
            "-inf" => "-Infinity".to_owned(),
            _ => "NaN".to_owned(),
        };
    }
    match scientific.split_once('e').and_then(|(mantissa, exponent)| Some((mantissa, exponent.parse::<i32>().ok()?))) {
        Some((mantissa, exponent)) if exponent < -4 || exponent >= digits => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `psql` of PostgreSQL prints for `SELECT x::float8` and `x::float4`.
    #[test]
    fn numbers_are_printed_as_postgresql_does() {
        for (value, wanted) in [
            (99.0, "99"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (1e-300, "1e-300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), wanted);
        }
        for (value, wanted) in [(0.1, "0.1"), (123_456.0, "123456"), (1e6, "1e+06"), (16_777_216.0, "1.6777216e+07")] {
            assert_eq!(real(value), wanted);
        }
    }
}
