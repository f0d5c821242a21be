//! Numbers as people read them.

/// How a column's numbers are written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Text as it is.
    Text,
    /// Points (0…100) with one decimal, and the interval or spread where the frame has one.
    Points,
    /// A difference in points with one decimal and its sign.
    Difference,
    /// A share (0…1) as a percentage with one decimal.
    Percent,
    /// Points with three significant digits, as the paper prints them.
    Paper,
    /// A p-value.
    Chance,
    /// A number of things, with thousands apart.
    Count,
    /// A measured quantity with four significant digits.
    Quantity,
    /// Seconds, written as hours, minutes and seconds.
    Seconds,
}

/// A number as people read it.
pub fn write_number(value: f64, shown: Shown) -> String {
    match shown {
        Shown::Text => value.to_string(),
        Shown::Points => format!("{value:.1}"),
        Shown::Percent => format!("{:.1}", 100.0 * value),
        Shown::Difference => difference(value),
        Shown::Paper if value.abs() < 10.0 => format!("{value:.2}"),
        Shown::Paper => format!("{value:.1}"),
        Shown::Chance if value < 0.001 => format!("{value:.0e}"),
        Shown::Chance if value < 0.1 => format!("{value:.3}"),
        Shown::Chance => format!("{value:.2}"),
        Shown::Count => thousands(value),
        Shown::Quantity => significant(value),
        Shown::Seconds => duration(value),
    }
}

/// With a sign as mathematics has it; what rounds to nothing has none.
fn difference(value: f64) -> String {
    match format!("{value:+.1}") {
        nothing if nothing == "+0.0" || nothing == "-0.0" => "0.0".into(),
        text => text.replace('-', "−"),
    }
}

/// Whole numbers with thousands apart: `1,234,567`.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    if value < 0.0 {
        text.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Four significant digits, without an exponent for anything of ordinary size.
fn significant(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e6 {
        return format!("{value:.0}");
    }
    match size {
        s if !(1e-4..1e6).contains(&s) => format!("{value:.2e}"),
        s if s >= 1000.0 => format!("{value:.0}"),
        s if s >= 100.0 => format!("{value:.1}"),
        s if s >= 10.0 => format!("{value:.2}"),
        s if s >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// Seconds for people: `0.4 s`, `42 s`, `3 min 05 s`, `2 h 03 min`.
fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match whole {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let cases = [
            (11.0, Shown::Paper, "11.0"),
            (9.334, Shown::Paper, "9.33"),
            (39.949, Shown::Points, "39.9"),
            (0.232, Shown::Percent, "23.2"),
            (-20.61, Shown::Difference, "−20.6"),
            (1.26, Shown::Difference, "+1.3"),
            (-0.04, Shown::Difference, "0.0"),
            (1_234_567.0, Shown::Count, "1,234,567"),
            (-999.0, Shown::Count, "-999"),
            (0.012_345, Shown::Quantity, "0.0123"),
            (48.0, Shown::Quantity, "48"),
            (0.000_001_2, Shown::Quantity, "1.20e-6"),
            (0.42, Shown::Seconds, "0.4 s"),
            (0.000_13, Shown::Chance, "1e-4"),
            (0.013, Shown::Chance, "0.013"),
            (0.456, Shown::Chance, "0.46"),
            (59.7, Shown::Seconds, "1 min 00 s"),
            (7_384.0, Shown::Seconds, "2 h 03 min"),
        ];
        for (value, shown, expected) in cases {
            assert_eq!(write_number(value, shown), expected, "{value} {shown:?}");
        }
    }
}
