//! Reads the rate-limit headers, in every common way to write them.

use crate::api::{RATE_LIMIT_HEADERS, WindowHeaders};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const MINUTE: WindowHeaders = RATE_LIMIT_HEADERS.minute;
pub(super) const DAY: WindowHeaders = RATE_LIMIT_HEADERS.day;

/// What one response reports about one window, as far as it can be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    /// Requests that the window permits.
    pub(super) limit: Option<u64>,
    /// Requests that are left in it.
    pub(super) remaining: Option<u64>,
    /// When it ends, in seconds since the Unix epoch.
    pub(super) reset: Option<u64>,
}

impl Reported {
    /// Reads the headers of one window. `server` is the server's time, for a reset that is given as seconds to go.
    ///
    /// A gateway and the API may both write a header, so the least remaining and the latest reset count.
    pub(super) fn read(headers: &HeaderMap, names: &WindowHeaders, server: Duration) -> Self {
        let least = |name: &str| {
            values(headers, name)
                .filter_map(|value| count(&value))
                .min()
        };
        Self {
            limit: least(names.limit),
            remaining: least(names.remaining),
            reset: values(headers, names.reset)
                .filter_map(|value| reset(&value, server))
                .max(),
        }
    }
}

/// Reads `Date`, as the time since the Unix epoch.
pub(super) fn date(headers: &HeaderMap) -> Option<Duration> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// The longest `Retry-After`. A longer one is taken for a mistake, which must not stop a client for ever.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Reads `Retry-After`: seconds, or a date, which is compared with the server's time.
pub(super) fn retry_after(headers: &HeaderMap, server: Duration) -> Option<Duration> {
    let longest = LONGEST_RETRY_AFTER.as_secs_f64();
    let wait = |value: String| match number(&value) {
        Some(seconds) => Some(Duration::from_secs_f64(seconds.clamp(0.0, longest))),
        None => Some(http_date(&value)?.saturating_sub(server)),
    };
    values(headers, RETRY_AFTER.as_str())
        .filter_map(wait)
        .max()
        .map(|wait| wait.min(LONGEST_RETRY_AFTER))
        .filter(|wait| !wait.is_zero())
}

/// The values of all lines with this name, without quotes and policies (`5;w=60`).
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let name = HeaderName::try_from(name).ok();
    let lines = name.map(|name| headers.get_all(name));
    let lines = lines.into_iter().flatten();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| {
            // A date has a comma of its own.
            if http_date(line).is_some() {
                vec![line.to_owned()]
            } else {
                line.split(',').map(bare).collect()
            }
        })
}

fn bare(value: &str) -> String {
    let value = value.split(';').next().unwrap_or_default();
    value.trim().trim_matches('"').trim().to_owned()
}

/// A whole number, also as a float. Below zero counts as zero: the counter was overdrawn.
fn count(value: &str) -> Option<u64> {
    if let Ok(count) = value.parse() {
        return Some(count);
    }
    whole(number(value)?)
}

fn number(value: &str) -> Option<f64> {
    let starts = value.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    let number: f64 = value.parse().ok().filter(|_| starts)?;
    number.is_finite().then_some(number)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a value from 0 to 2^63, rounded down"
)]
fn whole(number: f64) -> Option<u64> {
    (number < 9.2e18).then_some(number.max(0.0) as u64)
}

/// The first number that is a time rather than seconds to go: 1970-04-26.
const SECONDS_TO_GO: f64 = 1e7;

/// A reset in seconds since the Unix epoch. Its size tells its form: seconds to go, or a time in seconds,
/// milliseconds, microseconds or nanoseconds. It may be a date, too.
fn reset(value: &str, server: Duration) -> Option<u64> {
    let Some(number) = number(value) else {
        let time = http_date(value).or_else(|| iso_date(value))?;
        return Some(ceiling(time));
    };
    let seconds = match number {
        // Zero is no time to go, but the epoch: a reset long ago.
        _ if number <= 0.0 => 0.0,
        // Both the server's time and the seconds to go may have been rounded down.
        _ if number < SECONDS_TO_GO => server.as_secs_f64().floor() + number.ceil() + 1.0,
        _ if number < 1e11 => number,
        _ if number < 1e14 => number / 1e3,
        _ if number < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    whole(seconds.ceil())
}

fn ceiling(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn http_date(text: &str) -> Option<Duration> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    date.duration_since(UNIX_EPOCH).ok()
}

/// A date and time of ISO 8601, such as `2026-11-25T01:04:54.5Z` or `2026-11-25T03:04+02:00`, from 1970 on. Without a
/// zone, it is UTC.
fn iso_date(text: &str) -> Option<Duration> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        let all = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| all)
    };
    let mark =
        |at: usize, marks: &[u8]| text.as_bytes().get(at).filter(|mark| marks.contains(mark));
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute) = (digits(11, 13)?, digits(14, 16)?);
    mark(4, b"-")
        .and(mark(7, b"-"))
        .and(mark(10, b"Tt "))
        .and(mark(13, b":"))?;
    let seconds = mark(16, b":").and_then(|_| digits(17, 19));
    let rest = text.get(if seconds.is_some() { 19 } else { 16 }..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            rest.split_at(end.unwrap_or(rest.len()))
        }
        None => ("", rest),
    };
    let offset = match zone.as_bytes() {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), ..] => {
            let digits = zone[1..].replace(':', "");
            let (hours, minutes) = digits.split_at_checked(2)?;
            let minutes = if minutes.is_empty() { "0" } else { minutes };
            let offset = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    // Days since the epoch, in years that begin in March, so that a leap day is the last day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let total = days * 86_400 + hour * 3_600 + minute * 60 + seconds.unwrap_or(0) - offset;
    let up = i64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(u64::try_from(total + up).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    const NOW: u64 = 1_750_032_020;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn read(lines: &[(&str, &str)]) -> Reported {
        Reported::read(&map(lines), &MINUTE, Duration::from_secs(NOW))
    }

    #[test]
    fn counts_are_read_in_every_common_form() {
        for (value, expected) in [
            ("5", Some(5)),
            (" 5 ", Some(5)),
            ("5.0", Some(5)),
            ("5.9", Some(5)),
            ("5, 5", Some(5)),
            ("7, 5", Some(5)),
            ("5;w=60", Some(5)),
            ("100;w=60, 5;w=1", Some(5)),
            ("\"5\"", Some(5)),
            ("-3", Some(0)),
            ("-0.5", Some(0)),
            ("1e2", Some(100)),
            ("18446744073709551615", Some(u64::MAX)),
            ("1e30", None),
            ("inf", None),
            ("NaN", None),
            ("many", None),
            ("", None),
            ("many, 5", Some(5)),
        ] {
            let reported = read(&[(MINUTE.remaining, value)]);
            assert_eq!(reported.remaining, expected, "{value:?}");
        }
        let two = read(&[(MINUTE.remaining, "9"), (MINUTE.remaining, "4")]);
        assert_eq!(two.remaining, Some(4));
    }

    #[test]
    fn a_reset_is_recognized_by_its_size_and_form() {
        let later = NOW + 40;
        for (value, expected) in [
            (later.to_string(), Some(later)),
            (format!("{later}.0"), Some(later)),
            (format!("{}.5", later - 1), Some(later)),
            (format!("{later}000"), Some(later)),
            (format!("{later}000.0"), Some(later)),
            (format!("{later}000000"), Some(later)),
            (format!("{later}000000000"), Some(later)),
            ("40".to_owned(), Some(later + 1)),
            ("39.5".to_owned(), Some(later + 1)),
            ("86400".to_owned(), Some(NOW + 86_401)),
            ("2025-06-16T00:01:00Z".to_owned(), Some(1_750_032_060)),
            ("2025-06-16T02:01:00+02:00".to_owned(), Some(1_750_032_060)),
            (
                "2025-06-15 19:00:59.001-0501".to_owned(),
                Some(1_750_032_120),
            ),
            ("2025-06-16T02:01:00+02".to_owned(), Some(1_750_032_060)),
            ("2025-06-16T00:01:00".to_owned(), Some(1_750_032_060)),
            ("2025-06-16T00:00:59.000001".to_owned(), Some(1_750_032_060)),
            ("2025-06-16T00:01:00+é".to_owned(), None),
            (
                "Mon, 16 Jun 2025 00:01:00 GMT".to_owned(),
                Some(1_750_032_060),
            ),
            (format!("{NOW}, {later}"), Some(later)),
            ("0".to_owned(), Some(0)),
            ("-5".to_owned(), Some(0)),
            ("soon".to_owned(), None),
            (String::new(), None),
            ("1e300".to_owned(), None),
        ] {
            let reported = read(&[(MINUTE.reset, &value)]);
            assert_eq!(reported.reset, expected, "{value:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, expected) in [
            ("3", Some(3)),
            ("2.5", Some(2)),
            ("Mon, 16 Jun 2025 00:01:00 GMT", Some(40)),
            ("Mon, 16 Jun 2014 00:01:00 GMT", None),
            ("0", None),
            ("-3", None),
            ("soon", None),
        ] {
            let wait = retry_after(&map(&[("retry-after", value)]), Duration::from_secs(NOW));
            assert_eq!(wait.map(|wait| wait.as_secs()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn iso_and_http_dates_agree(seconds in 0..4_102_444_800_u64) {
            let http = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            let [_, day, month, year, time, _] = http.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{http}");
            };
            let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let month = months.find(month).unwrap() / 3 + 1;
            let iso = format!("{year}-{month:02}-{day}T{time}Z");
            prop_assert_eq!(iso_date(&iso), Some(Duration::from_secs(seconds)), "{}", iso);
        }

        #[test]
        fn no_header_panics(value in "[ -~]{0,40}", server in any::<u32>()) {
            let headers = map(&[(MINUTE.reset, &value), (MINUTE.limit, &value), ("retry-after", &value)]);
            let server = Duration::from_secs(u64::from(server));
            let _ = (Reported::read(&headers, &MINUTE, server), retry_after(&headers, server), iso_date(&value));
        }
    }
}
