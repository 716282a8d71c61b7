//! Tests random rate-limit headers.

use super::*;
use http::HeaderValue;
use proptest::prelude::*;

fn hostile_number() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        2 => Just(None),
        4 => (0..120_u64).prop_map(|number| Some(number.to_string().into_bytes())),
        4 => (START - 100..START + 400).prop_map(|number| Some(number.to_string().into_bytes())),
        1 => any::<u64>().prop_map(|number| Some(number.to_string().into_bytes())),
        1 => any::<i64>().prop_map(|number| Some(number.to_string().into_bytes())),
        1 => any::<f64>().prop_map(|number| Some(format!("{number:e}").into_bytes())),
        1 => prop::sample::select(vec!["18446744073709551615", "-9223372036854775808", "1e30", "", "-", "∞", " 7 "])
            .prop_map(|text| Some(text.as_bytes().to_vec())),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Some),
    ]
}

fn hostile_headers() -> impl Strategy<Value = HeaderMap> {
    let date = prop_oneof![
        Just(None),
        (START - 100..START + 400)
            .prop_map(|date| Some(httpdate::fmt_http_date(epoch(date)).into_bytes())),
        (0..253_000_000_000_u64)
            .prop_map(|date| Some(httpdate::fmt_http_date(epoch(date)).into_bytes())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
    ];
    (date, prop::array::uniform6(hostile_number())).prop_map(|(date, numbers)| {
        let [minute, day] = [&headers::MINUTE, &headers::DAY]
            .map(|names| [names.limit, names.remaining, names.reset]);
        let names = minute.into_iter().chain(day).chain(["date"]);
        let values = numbers.into_iter().chain([date]);
        let pair = |(name, value): (_, Option<Vec<u8>>)| {
            Some((
                HeaderName::from_static(name),
                HeaderValue::from_bytes(&value?).ok()?,
            ))
        };
        names.zip(values).filter_map(pair).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Hostile headers never cause a panic, a long wait or a loop without a pause. After at most four waits, either a
    /// request is permitted or the daily quota is used up.
    #[test]
    fn hostile_headers_do_no_harm(
        steps in prop::collection::vec((0..3_u8, any::<bool>(), 0..20_000_u64, hostile_headers()), 1..60),
        reserve in prop_oneof![Just(0), 0..200_u64, Just(u64::MAX)],
    ) {
        let mut limit = RateLimit::default();
        let mut now = Duration::ZERO;
        let mut in_flight = Vec::new();
        let share = Share { reserve: Reserve::Requests(reserve), keep_back: 1 };
        for (step, refused, passes, headers) in steps {
            now += Duration::from_millis(passes);
            match limit.ask(now, share) {
                Decision::Go(ticket) => in_flight.push(ticket),
                Decision::Wait(wait) => prop_assert!(!wait.is_zero() && wait <= secs(64), "{:?}", wait),
                Decision::AwaitResponse => prop_assert!(!in_flight.is_empty()),
                Decision::DaySpent { .. } => {}
            }
            if step > 0 && let Some(ticket) = in_flight.pop() {
                match step {
                    1 if refused => limit.lost(ticket, now),
                    _ => limit.received(ticket, now, response(&headers, epoch(START) + now, refused)),
                }
            }
            let _quota = limit.quota(now);
        }
        for ticket in in_flight {
            limit.never_sent(ticket);
        }
        let mut waits = 0;
        while let Decision::Wait(wait) = limit.ask(now, share) {
            now += wait;
            waits += 1;
            prop_assert!(waits <= 4, "still waits after {:?}", now);
        }
    }
}
