//! Tests how the rate limit handles refusals by the API and by a gateway.

use super::*;

/// Simulates four requests that are sent at local time 1 s, and that the server refuses immediately.
fn refuse_four(limit: &mut RateLimit, reported: &HeaderMap) {
    let tickets: Vec<_> = (0..4).map(|_| go(limit, secs(1))).collect();
    for ticket in tickets {
        refuse(limit, ticket, secs(1), reported);
    }
}

#[test]
fn sends_one_request_at_the_reset_after_a_refusal_that_the_window_explains() {
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
    receive(&mut limit, probe, secs(43), &all);
    let _free: Vec<_> = (0..99).map(|_| go(&mut limit, secs(43))).collect();
}

#[test]
fn a_refusal_that_no_window_explains_slows_down_and_keeps_the_window() {
    for reported in [minute(START + 1, "46", RESET), HeaderMap::new()] {
        let mut limit = after(&minute(START, "50", RESET));
        refuse_four(&mut limit, &reported);
        assert!(left(&limit, secs(1)) > 40, "{reported:?}");
        assert!(
            wait(&mut limit, secs(1)) <= Duration::from_millis(250),
            "{reported:?}"
        );
        let now = Duration::from_millis(1_500);
        let probe = go(&mut limit, now);
        assert!(matches!(
            limit.ask(now, Share::default()),
            Decision::AwaitResponse
        ));
        receive(&mut limit, probe, now, &reported);
        let quarter = Duration::from_millis(250);
        assert_eq!(wait(&mut limit, now), quarter, "after a long pause");
        let next = go(&mut limit, now + quarter);
        receive(&mut limit, next, now + quarter, &reported);
        assert_eq!(wait(&mut limit, now + quarter), quarter / 2, "halved");
    }
}

#[test]
fn obeys_retry_after_on_429_and_503() {
    let date = httpdate::fmt_http_date(epoch(START + 31));
    let now = httpdate::fmt_http_date(epoch(START + 1));
    for (status, refused) in [(429, true), (503, false)] {
        for (retry_after, seconds) in [("30", 30), (date.as_str(), 30), ("0", 0), ("soon", 0)] {
            let mut limit = after(&minute(START, "50", RESET));
            let ticket = go(&mut limit, secs(1));
            let reported = header_map(&[("retry-after", retry_after), ("date", &now)]);
            let received = Received {
                status: StatusCode::from_u16(status).unwrap(),
                ..response(&reported, epoch(START + 1), refused)
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
        "one request at a time"
    );
    receive(&mut limit, ticket, now, &HeaderMap::new());
    assert_eq!(
        wait(&mut limit, now),
        secs(60),
        "a shorter interval was refused"
    );
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
fn a_refusal_by_the_last_window_does_not_stop_this_one() {
    let mut limit = after(&minute(START, "50", RESET));
    let (slow, quick) = (go(&mut limit, secs(39)), go(&mut limit, secs(39)));
    receive(
        &mut limit,
        quick,
        secs(41),
        &minute(START + 41, "99", RESET + 60),
    );
    refuse(&mut limit, slow, secs(42), &minute(START + 39, "0", RESET));
    assert_eq!(left(&limit, secs(42)), 99);
    let _both = (go(&mut limit, secs(42)), go(&mut limit, secs(42)));
}
