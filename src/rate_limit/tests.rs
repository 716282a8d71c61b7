use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;

/// The server's clock at local time 0: twenty seconds into a minute.
const START: u64 = 1_750_032_020;
const RESET: u64 = START + 40;
const MIDNIGHT: u64 = 1_750_032_000 + 86_400;

/// A response as the rate limit sees it.
pub(super) fn response(headers: &HeaderMap, wall: SystemTime, refused: bool) -> Received<'_> {
    let status = if refused {
        StatusCode::TOO_MANY_REQUESTS
    } else {
        StatusCode::OK
    };
    Received {
        status,
        headers,
        refused,
        wall,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn epoch(seconds: u64) -> SystemTime {
    UNIX_EPOCH + secs(seconds)
}

fn header_map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// Headers of an answer stamped `date`, with `remaining` of 100 until `reset`.
fn minute(date: u64, remaining: &str, reset: u64) -> HeaderMap {
    header_map(&[
        ("date", &httpdate::fmt_http_date(epoch(date))),
        (headers::MINUTE.limit, "100"),
        (headers::MINUTE.remaining, remaining),
        (headers::MINUTE.reset, &reset.to_string()),
    ])
}

fn day(date: u64, remaining: &str, reset: &str) -> HeaderMap {
    header_map(&[
        ("date", &httpdate::fmt_http_date(epoch(date))),
        (headers::DAY.limit, "10000"),
        (headers::DAY.remaining, remaining),
        (headers::DAY.reset, reset),
    ])
}

fn go(limit: &mut RateLimit, now: Duration) -> Ticket {
    match limit.ask(now, Share::default()) {
        Decision::Go(ticket) => ticket,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn wait(limit: &mut RateLimit, now: Duration) -> Duration {
    match limit.ask(now, Share::default()) {
        Decision::Wait(wait) => wait,
        other => panic!("{other:?} at {now:?}"),
    }
}

fn answer(limit: &mut RateLimit, ticket: Ticket, now: Duration, headers: &HeaderMap) {
    limit.received(ticket, now, response(headers, epoch(START) + now, false));
}

fn refuse(limit: &mut RateLimit, ticket: Ticket, now: Duration, headers: &HeaderMap) {
    limit.received(ticket, now, response(headers, epoch(START) + now, true));
}

fn left(limit: &RateLimit, now: Duration) -> u64 {
    limit.quota(now).unwrap().minute.unwrap().remaining
}

/// After one answer with these headers, a tenth of a second after the start.
fn after(first: &HeaderMap) -> RateLimit {
    let mut limit = RateLimit::default();
    let ticket = go(&mut limit, Duration::ZERO);
    answer(&mut limit, ticket, Duration::from_millis(100), first);
    limit
}

#[test]
fn one_request_goes_until_an_answer_came() {
    let mut limit = RateLimit::default();
    assert_eq!(limit.quota(secs(0)), None);
    let first = go(&mut limit, secs(0));
    assert!(matches!(
        limit.ask(secs(0), Share::default()),
        Decision::AwaitResponse
    ));
    limit.lost(first, secs(1));
    let second = go(&mut limit, secs(1));
    assert!(matches!(
        limit.ask(secs(1), Share::default()),
        Decision::AwaitResponse
    ));
    limit.never_sent(second);
    let third = go(&mut limit, secs(1));
    // No header, no known limit.
    answer(&mut limit, third, secs(2), &HeaderMap::new());
    let free: Vec<_> = (0..500).map(|_| go(&mut limit, secs(2))).collect();
    assert_eq!((free.len(), limit.quota(secs(2))), (500, None));
}

#[test]
fn requests_in_flight_and_lost_are_taken_as_spent() {
    let mut limit = after(&minute(START, "3", RESET));
    let (one, two, three) = (
        go(&mut limit, secs(1)),
        go(&mut limit, secs(1)),
        go(&mut limit, secs(1)),
    );
    assert!(wait(&mut limit, secs(1)) >= secs(39));
    limit.never_sent(one);
    let one = go(&mut limit, secs(1));
    limit.lost(two, secs(2));
    answer(&mut limit, one, secs(2), &minute(START + 2, "2", RESET));
    assert_eq!(left(&limit, secs(2)), 0);
    answer(&mut limit, three, secs(2), &minute(START + 2, "1", RESET));
    assert_eq!(
        left(&limit, secs(2)),
        0,
        "the lost one may have been counted after these"
    );
    // The next window forgets it.
    assert_eq!(left(&limit, secs(42)), 100);
}

#[test]
fn an_answer_sent_well_after_a_loss_shows_it() {
    let mut limit = after(&minute(START, "50", RESET));
    let lost = go(&mut limit, secs(1));
    limit.lost(lost, secs(2));
    let early = go(&mut limit, secs(4));
    answer(&mut limit, early, secs(5), &minute(START + 5, "49", RESET));
    assert_eq!(left(&limit, secs(5)), 48);
    let later = go(&mut limit, secs(5));
    answer(&mut limit, later, secs(6), &minute(START + 6, "47", RESET));
    assert_eq!(left(&limit, secs(6)), 47);
}

#[test]
fn answers_out_of_order_do_no_harm() {
    let mut limit = after(&minute(START, "50", RESET));
    let tickets: Vec<_> = (0..4).map(|_| go(&mut limit, secs(39))).collect();
    // The server's next window has begun; that this one is over is not sure here yet.
    let now = Duration::from_millis(40_500);
    let told = [
        ("46", RESET),
        ("48", RESET),
        ("99", RESET + 60),
        ("45", RESET),
    ];
    let expected = [43, 44, 98, 99];
    for ((ticket, (remaining, reset)), expected) in tickets.into_iter().zip(told).zip(expected) {
        answer(
            &mut limit,
            ticket,
            now,
            &minute(START + 40, remaining, reset),
        );
        assert_eq!(left(&limit, now), expected, "{remaining} until {reset}");
    }
}

#[test]
fn waiting_ends_when_the_servers_clock_has_surely_reached_the_reset() {
    let mut limit = after(&minute(START, "0", RESET));
    let wait = wait(&mut limit, secs(10));
    // The date, the way to the reset and the margin, and a little for drift.
    let end = Duration::from_millis(100) + secs(41);
    assert!(
        (end..end + Duration::from_millis(20)).contains(&(secs(10) + wait)),
        "{wait:?}"
    );
    let _ticket = go(&mut limit, secs(10) + wait);
    assert_eq!(left(&limit, secs(10) + wait), 99);
}

#[test]
fn the_best_date_counts_and_a_step_back_is_accepted() {
    let mut limit = after(&minute(START, "9", RESET));
    // The clock turned to the next second just before this one.
    let ticket = go(&mut limit, Duration::from_millis(100));
    answer(
        &mut limit,
        ticket,
        Duration::from_millis(200),
        &minute(START + 1, "0", RESET),
    );
    assert!(wait(&mut limit, Duration::from_millis(200)) < Duration::from_millis(40_100));

    let mut limit = after(&minute(START + 100_000_000, "50", START + 100_000_040));
    let ticket = go(&mut limit, secs(1));
    answer(&mut limit, ticket, secs(2), &minute(START + 2, "0", RESET));
    let wait = wait(&mut limit, secs(2));
    assert!((secs(38)..secs(41)).contains(&wait), "{wait:?}");
}

#[test]
fn one_date_far_ahead_is_forgotten() {
    let mut limit = after(&minute(START, "50", RESET));
    let ticket = go(&mut limit, secs(1));
    answer(
        &mut limit,
        ticket,
        secs(2),
        &minute(START + 100_000_000, "49", RESET),
    );
    let ticket = go(&mut limit, secs(2));
    answer(&mut limit, ticket, secs(3), &minute(START + 3, "0", RESET));
    let wait = wait(&mut limit, secs(3));
    assert!((secs(37)..secs(40)).contains(&wait), "{wait:?}");
}

#[test]
fn a_slow_answer_does_not_set_the_clock_back() {
    let mut limit = after(&minute(START, "50", RESET));
    let slow = go(&mut limit, secs(1));
    answer(&mut limit, slow, secs(20), &minute(START + 1, "0", RESET));
    let wait = wait(&mut limit, secs(20));
    assert!((secs(21)..secs(22)).contains(&wait), "{wait:?}");
}

#[test]
fn an_answer_to_a_request_sent_later_knows_better() {
    for first in [RESET + 15, u64::MAX] {
        let mut limit = after(&minute(START, "10", first));
        let later = go(&mut limit, secs(1));
        answer(&mut limit, later, secs(2), &minute(START + 2, "60", RESET));
        assert_eq!(left(&limit, secs(2)), 60);
    }
}

#[test]
fn a_loss_near_the_reset_is_charged_to_the_next_window_too() {
    let mut limit = after(&minute(START, "50", RESET));
    let lost = go(&mut limit, secs(39));
    limit.lost(lost, Duration::from_millis(40_500));
    assert_eq!(left(&limit, secs(42)), 99);
}

#[test]
fn without_date_the_reset_tells_the_time() {
    let mut told = minute(START, "0", RESET);
    told.remove("date");
    for wrong in [0, 36_000] {
        let mut limit = RateLimit::default();
        let ticket = go(&mut limit, secs(0));
        limit.received(
            ticket,
            secs(0),
            response(&told, epoch(START - wrong), false),
        );
        let wait = wait(&mut limit, secs(0));
        assert!((secs(60)..secs(63)).contains(&wait), "{wait:?}");
    }
}

#[test]
fn a_reset_that_makes_no_sense_bounds_the_wait() {
    for reset in ["4070908800", "18446744073709551615", "1e30", "soon", ""] {
        let mut told = minute(START, "0", 0);
        told.insert(headers::MINUTE.reset, reset.parse().unwrap());
        let mut limit = after(&told);
        let wait = wait(&mut limit, secs(1));
        assert!((secs(59)..secs(61)).contains(&wait), "{reset}: {wait:?}");
    }
}

#[test]
fn a_reset_in_the_past_neither_stalls_nor_loops() {
    for reset in [0, START - 3_600] {
        let mut limit = after(&minute(START, "0", reset));
        let mut now = Duration::from_millis(100);
        for _ in 0..20 {
            assert_eq!(wait(&mut limit, now), secs(1));
            now += secs(1);
            let ticket = go(&mut limit, now);
            assert!(matches!(
                limit.ask(now, Share::default()),
                Decision::AwaitResponse
            ));
            answer(
                &mut limit,
                ticket,
                now,
                &minute(START + now.as_secs(), "0", reset),
            );
        }
        // One that makes sense ends it.
        now += secs(1);
        let ticket = go(&mut limit, now);
        answer(
            &mut limit,
            ticket,
            now,
            &minute(START + now.as_secs(), "60", RESET),
        );
        let _free: Vec<_> = (0..10).map(|_| go(&mut limit, now)).collect();
    }
}

/// Four requests that are sent and refused one second after the start.
fn refuse_four(limit: &mut RateLimit, told: &HeaderMap) {
    let tickets: Vec<_> = (0..4).map(|_| go(limit, secs(1))).collect();
    for ticket in tickets {
        refuse(limit, ticket, secs(1), told);
    }
}

#[test]
fn after_an_explained_refusal_one_request_goes_at_the_reset() {
    let mut limit = after(&minute(START, "50", RESET));
    refuse_four(&mut limit, &minute(START + 1, "0", RESET));
    let wait = wait(&mut limit, secs(1));
    assert!((secs(39)..secs(41)).contains(&wait), "{wait:?}");
    let probe = go(&mut limit, secs(1) + wait);
    assert!(matches!(
        limit.ask(secs(1) + wait, Share::default()),
        Decision::AwaitResponse
    ));
    let all = minute(START + 43, "99", RESET + 60);
    answer(&mut limit, probe, secs(43), &all);
    let _free: Vec<_> = (0..99).map(|_| go(&mut limit, secs(43))).collect();
}

#[test]
fn an_unexplained_refusal_slows_down_and_leaves_the_window_as_it_is() {
    for told in [minute(START + 1, "46", RESET), HeaderMap::new()] {
        let mut limit = after(&minute(START, "50", RESET));
        refuse_four(&mut limit, &told);
        assert!(left(&limit, secs(1)) > 40, "{told:?}");
        assert!(
            wait(&mut limit, secs(1)) <= Duration::from_millis(250),
            "{told:?}"
        );
        let now = Duration::from_millis(1_500);
        let probe = go(&mut limit, now);
        assert!(matches!(
            limit.ask(now, Share::default()),
            Decision::AwaitResponse
        ));
        answer(&mut limit, probe, now, &told);
        let quarter = Duration::from_millis(250);
        assert_eq!(wait(&mut limit, now), quarter, "after a long pause");
        let next = go(&mut limit, now + quarter);
        answer(&mut limit, next, now + quarter, &told);
        assert_eq!(wait(&mut limit, now + quarter), quarter / 2, "halved");
    }
}

#[test]
fn retry_after_is_obeyed_on_429_and_503() {
    let date = httpdate::fmt_http_date(epoch(START + 31));
    let here = httpdate::fmt_http_date(epoch(START + 1));
    for (status, refused) in [(429, true), (503, false)] {
        for (retry_after, seconds) in [("30", 30), (date.as_str(), 30), ("0", 0), ("soon", 0)] {
            let mut limit = after(&minute(START, "50", RESET));
            let ticket = go(&mut limit, secs(1));
            let told = header_map(&[("retry-after", retry_after), ("date", &here)]);
            let received = Received {
                status: StatusCode::from_u16(status).unwrap(),
                ..response(&told, epoch(START + 1), refused)
            };
            limit.received(ticket, secs(1), received);
            let wait = match limit.ask(secs(1), Share::default()) {
                Decision::Wait(wait) => wait.as_secs(),
                _ => 0,
            };
            assert_eq!(wait, seconds, "{status} {retry_after}");
        }
    }
}

#[test]
fn unexplained_refusals_triple_the_interval_up_to_a_minute() {
    let mut limit = RateLimit::default();
    let mut now = secs(0);
    for pause in [250, 750, 2_250, 6_750, 20_250, 60_000, 60_000] {
        let ticket = go(&mut limit, now);
        refuse(&mut limit, ticket, now, &HeaderMap::new());
        assert_eq!(wait(&mut limit, now), Duration::from_millis(pause));
        now += Duration::from_millis(pause);
    }
    let ticket = go(&mut limit, now);
    assert!(
        matches!(limit.ask(now, Share::default()), Decision::AwaitResponse),
        "one at a time"
    );
    answer(&mut limit, ticket, now, &HeaderMap::new());
    assert_eq!(wait(&mut limit, now), secs(60), "a shorter one was refused");
}

#[test]
fn refusals_of_requests_sent_together_count_once() {
    let mut limit = after(&HeaderMap::new());
    let tickets: Vec<_> = (0..5).map(|_| go(&mut limit, secs(1))).collect();
    for ticket in tickets {
        refuse(&mut limit, ticket, secs(2), &HeaderMap::new());
    }
    let wait = wait(&mut limit, secs(2));
    assert_eq!(
        wait,
        Duration::from_millis(125),
        "half of the first interval"
    );
}

#[test]
fn a_refusal_of_the_last_window_does_not_stop_this_one() {
    let mut limit = after(&minute(START, "50", RESET));
    let (slow, quick) = (go(&mut limit, secs(39)), go(&mut limit, secs(39)));
    answer(
        &mut limit,
        quick,
        secs(41),
        &minute(START + 41, "99", RESET + 60),
    );
    refuse(&mut limit, slow, secs(42), &minute(START + 39, "0", RESET));
    assert_eq!(left(&limit, secs(42)), 99);
    let _both = (go(&mut limit, secs(42)), go(&mut limit, secs(42)));
}

#[test]
fn a_spent_day_is_told_at_once() {
    let write = Share {
        reserve: Reserve::Requests(0),
        keep_back: 1,
    };
    let mut limit = after(&day(START, "1", &MIDNIGHT.to_string()));
    let spent = |decision| matches!(decision, Decision::DaySpent { retry_at } if retry_at == epoch(MIDNIGHT));
    assert!(spent(limit.ask(secs(1), write)));
    let read = go(&mut limit, secs(1));
    assert!(
        matches!(
            limit.ask(secs(1), Share::default()),
            Decision::AwaitResponse
        ),
        "in flight, perhaps counted already"
    );
    answer(
        &mut limit,
        read,
        secs(2),
        &day(START + 2, "0", &MIDNIGHT.to_string()),
    );
    assert!(spent(limit.ask(secs(2), Share::default())));
    // Nearly over: wait. Over: go on.
    let nearly = secs(MIDNIGHT - START);
    assert!(matches!(
        limit.ask(secs(MIDNIGHT - START - 60), write),
        Decision::DaySpent { .. }
    ));
    assert!(matches!(
        limit.ask(nearly + secs(9), write),
        Decision::Go(_) | Decision::Wait(_)
    ));
    let _ticket = go(&mut limit, nearly + secs(12));
}

#[test]
fn a_refused_day_is_spent() {
    let mut limit = RateLimit::default();
    let ticket = go(&mut limit, secs(0));
    refuse(
        &mut limit,
        ticket,
        secs(0),
        &day(START, "0", &MIDNIGHT.to_string()),
    );
    let decision = limit.ask(secs(0), Share::default());
    assert!(matches!(decision, Decision::DaySpent { retry_at } if retry_at == epoch(MIDNIGHT)));
}

#[test]
fn a_spent_day_without_an_end_is_back_within_a_day() {
    for reset in ["never", "4070908800", "4070908800000"] {
        let mut limit = after(&day(START, "-1", reset));
        let Decision::DaySpent { retry_at } =
            limit.ask(Duration::from_millis(100), Share::default())
        else {
            panic!("{reset}: not spent");
        };
        assert_eq!(retry_at, epoch(START + 86_400), "{reset}");
    }
    let mut limit = after(&day(START, "0", &(START + 86_402).to_string()));
    let decision = limit.ask(Duration::from_millis(100), Share::default());
    assert!(
        matches!(decision, Decision::DaySpent { retry_at } if retry_at == epoch(START + 86_400))
    );
    // No answer ever told the time: our own clock must do.
    let mut told = day(START, "0", "never");
    told.remove("date");
    let mut limit = after(&told);
    let Decision::DaySpent { retry_at } = limit.ask(Duration::from_millis(100), Share::default())
    else {
        panic!("not spent");
    };
    assert_eq!(retry_at, epoch(START + 86_400) + Duration::from_millis(100));
}

#[test]
fn the_quota_is_told_for_a_plan() {
    let mut told = minute(START, "42", RESET);
    told.extend(day(START, "4200", &MIDNIGHT.to_string()));
    let mut limit = after(&told);
    let _in_flight = go(&mut limit, secs(1));
    let quota = limit.quota(secs(1)).unwrap();
    let minute = WindowQuota {
        limit: 100,
        remaining: 41,
        resets_at: Some(epoch(RESET)),
    };
    let day = WindowQuota {
        limit: 10_000,
        remaining: 4_199,
        resets_at: Some(epoch(MIDNIGHT)),
    };
    assert_eq!(
        quota,
        Quota {
            minute: Some(minute),
            day: Some(day)
        }
    );
    let later = WindowQuota {
        limit: 100,
        remaining: 99,
        resets_at: None,
    };
    assert_eq!(limit.quota(secs(50)).unwrap().minute, Some(later));
}

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

    /// Whatever the headers hold: no panic, no long wait, no loop without a pause, and in the end a request
    /// or a spent day.
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
