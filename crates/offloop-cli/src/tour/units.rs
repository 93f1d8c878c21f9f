//! Numbers as a person reads them: three significant digits and a unit.

/// A time in the largest unit that leaves something before the point.
pub(crate) fn time(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => scaled(ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => scaled(ns, 1_000_000, "ms"),
        _ => scaled(ns, 1_000_000_000, "s"),
    }
}

/// A time that was chosen, not measured, without the digits that say nothing: "10 ms".
pub(crate) fn round_time(ns: u64) -> String {
    let exact = time(ns);
    match exact.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => exact,
    }
}

/// A size in decimal units.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => scaled(bytes, 1_000, "kB"),
        1_000_000..1_000_000_000 => scaled(bytes, 1_000_000, "MB"),
        _ => scaled(bytes, 1_000_000_000, "GB"),
    }
}

/// How many of what; `one` becomes a plural with an s.
pub(crate) fn count(how_many: impl Into<u128>, one: &str) -> String {
    match how_many.into() {
        1 => format!("1 {one}"),
        many => format!("{many} {one}s"),
    }
}

/// A rate or a ratio.
pub(crate) fn number(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn scaled(value: u64, unit: u64, name: &str) -> String {
    format!("{} {name}", number(value as f64 / unit as f64))
}
