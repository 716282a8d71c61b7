//! Reads the rate-limit headers of a response in all common formats.

use crate::api::{RATE_LIMIT_HEADERS, WindowHeaders};
use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use std::time::{Duration, UNIX_EPOCH};

pub(super) const MINUTE: WindowHeaders = RATE_LIMIT_HEADERS.minute;
pub(super) const DAY: WindowHeaders = RATE_LIMIT_HEADERS.day;

/// The rate-limit values that a response reports for one window. Missing and invalid values are `None`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    /// The end of the window, as a duration since the Unix epoch in whole seconds.
    pub(super) reset: Option<Duration>,
}

impl Reported {
    /// Reads the rate-limit headers of one window. `server` is the current server time, which is needed if a reset is
    /// reported as a number of remaining seconds.
    ///
    /// A gateway and the API may both send the same header. If a header has several values, this function uses the
    /// smallest limit, the smallest number of remaining requests, and the latest reset.
    pub(super) fn read(headers: &HeaderMap, names: &WindowHeaders, server: Duration) -> Self {
        let least = |name| {
            let counts = values(headers, name).filter_map(|value| count(&value));
            counts.min()
        };
        let resets = values(headers, names.reset).filter_map(|value| reset(&value, server));
        Self {
            limit: least(names.limit).filter(|limit| *limit > 0),
            remaining: least(names.remaining),
            reset: resets.max(),
        }
    }
}

/// Reads the `Date` header as a duration since the Unix epoch.
pub(super) fn date(headers: &HeaderMap) -> Option<Duration> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// The maximum wait that a `Retry-After` header can cause. A longer wait is reduced to this maximum, because it is
/// probably a mistake and would block the client.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Reads the `Retry-After` header and returns the time to wait. If the header contains a date, the wait is the
/// difference between the date and the server's time.
pub(super) fn retry_after(headers: &HeaderMap, server: Duration) -> Option<Duration> {
    let longest = LONGEST_RETRY_AFTER.as_secs_f64();
    let wait = |value: String| match number(&value) {
        Some(seconds) => Duration::try_from_secs_f64(seconds.min(longest)).ok(),
        None => Some(http_date(&value)?.saturating_sub(server)),
    };
    values(headers, RETRY_AFTER.as_str())
        .filter_map(wait)
        .max()
        .map(|wait| wait.min(LONGEST_RETRY_AFTER))
        .filter(|wait| !wait.is_zero())
}

/// Returns the values from all header lines with the given name. Removes quotes and parameters, so that `"5";w=60`
/// becomes `5`.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let lines = headers.get_all(name).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| match http_date(line) {
            // An HTTP date contains a comma, so the line must not be split at commas.
            Some(_) => vec![line.to_owned()],
            None => line.split(',').map(bare).collect(),
        })
}

fn bare(value: &str) -> String {
    let value = value.split(';').next().unwrap_or_default();
    value.trim().trim_matches('"').trim().to_owned()
}

/// Parses a request count. Rounds a decimal number down. Converts a negative number to 0, because some servers
/// report a negative number when the limit is exceeded.
fn count(value: &str) -> Option<u64> {
    let float = || Duration::try_from_secs_f64(number(value)?.max(0.0)).ok();
    value.parse().ok().or_else(|| Some(float()?.as_secs()))
}

fn number(value: &str) -> Option<f64> {
    value.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A numeric reset below this threshold is a number of remaining seconds, and a larger number is a timestamp. Read as a
/// timestamp, the threshold would be 1970-04-26, which is not a plausible reset.
const SECONDS_TO_GO: f64 = 1e7;

/// The end of the year 9999, in seconds since the Unix epoch. Resets after the year 9999 are ignored as invalid.
const LATEST: f64 = 253_402_300_800.0;

/// Parses the reset of a window and rounds it up to whole seconds. The value is a date, a number of remaining seconds,
/// or a timestamp in seconds, milliseconds, microseconds or nanoseconds. The magnitude of a number determines its unit.
fn reset(value: &str, server: Duration) -> Option<Duration> {
    let seconds = match number(value) {
        None => http_date(value).or_else(|| iso_date(value))?.as_secs_f64(),
        // A reset of 0 is treated as a time in the past, and not as 0 remaining seconds.
        Some(number) if number <= 0.0 => 0.0,
        // One second is added to the reset, because the server may have rounded down both its time and the remaining
        // seconds.
        Some(number) if number < SECONDS_TO_GO => {
            server.as_secs_f64().floor() + number.ceil() + 1.0
        }
        Some(number) if number < 1e11 => number,
        Some(number) if number < 1e14 => number / 1e3,
        Some(number) if number < 1e17 => number / 1e6,
        Some(number) => number / 1e9,
    };
    (seconds < LATEST).then(|| Duration::from_secs_f64(seconds.ceil()))
}

fn http_date(text: &str) -> Option<Duration> {
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    date.duration_since(UNIX_EPOCH).ok()
}

/// Parses an ISO 8601 date and time, such as `2026-11-25T01:04:54.5Z` or `2026-11-25T03:04+02:00`. Dates before 1970
/// are invalid. A text without a time zone is treated as UTC.
fn iso_date(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let is_plain = |text: &str, marks: &[char]| {
        text.chars()
            .all(|c| c.is_ascii_digit() || marks.contains(&c))
    };
    if !is_plain(date, &['-']) || !is_plain(time, &[':', '.']) {
        return None;
    }
    let seconds = f64::from(days(date)?) * 86_400.0 + seconds(time)? - offset(zone)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Returns the number of days from the Unix epoch to a date such as `2026-11-25`.
fn days(date: &str) -> Option<i32> {
    let parts: Option<Vec<_>> = date
        .split('-')
        .map(|part| part.parse::<u16>().ok().map(i32::from))
        .collect();
    let [year, month, day] = parts?[..] else {
        return None;
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The calculation starts each year in March, so that the leap day is the last day of a year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(365 * year + leap_days + (153 * month + 2) / 5 + day - 719_469)
}

/// Returns the number of seconds from midnight to a time of day such as `01:04:54.5` or `03:04`.
fn seconds(time: &str) -> Option<f64> {
    let parts: Option<Vec<_>> = time.split(':').map(number).collect();
    let (hour, minute, second) = match parts?[..] {
        [hour, minute] => (hour, minute, 0.0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let is_valid = [(hour, 24.0), (minute, 60.0), (second, 61.0)]
        .iter()
        .all(|(part, end)| (0.0..*end).contains(part));
    is_valid.then_some(hour * 3_600.0 + minute * 60.0 + second)
}

/// Returns the UTC offset of a time zone such as `+02:00`, `+0200`, `+02` or `Z`, in seconds.
fn offset(zone: &str) -> Option<f64> {
    let (sign, time) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", _)) => return Some(0.0),
        Some((sign, time)) => (if sign == "-" { -1.0 } else { 1.0 }, time),
    };
    let (hours, minutes) = time.split_at_checked(2)?;
    let minutes = minutes.trim_start_matches(':');
    let minutes = if minutes.is_empty() { "0" } else { minutes };
    Some(sign * seconds(&format!("{hours}:{minutes}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
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
            ("2025-06-16T24:01:00Z".to_owned(), None),
            ("2025-06-16T00:60:00Z".to_owned(), None),
            ("2025-13-16T00:01:00Z".to_owned(), None),
            ("2025-06-16-01T00:01:00Z".to_owned(), None),
            ("2025-06-16T00:01:00:01Z".to_owned(), None),
            ("2025-06-16T1e1:01Z".to_owned(), None),
            ("2025-06-16T12Z".to_owned(), None),
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
            let expected = expected.map(Duration::from_secs);
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
