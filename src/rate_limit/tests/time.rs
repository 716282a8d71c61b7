//! Tests how the end of a rate-limit window is computed from the `Date` and reset headers, even if a clock is wrong.

use super::*;

#[test]
fn waits_until_the_server_has_certainly_reached_the_reset() {
    let mut limit = after(&minute(START, "0", RESET));
    let wait = wait(&mut limit, secs(10));
    // The reset is 40 s after the response. The client adds a safety margin of 1 s, and a few milliseconds for clock
    // drift.
    let end = Duration::from_millis(100) + secs(41);
    assert!(
        (end..end + Duration::from_millis(20)).contains(&(secs(10) + wait)),
        "{wait:?}"
    );
    let _ticket = go(&mut limit, secs(10) + wait);
    assert_eq!(left(&limit, secs(10) + wait), 99);
}

#[test]
fn the_best_date_counts_and_the_clock_may_be_set_back() {
    let mut limit = after(&minute(START, "9", RESET));
    // The `Date` of the next response is one second later, so it gives a better estimate of the server time.
    let ticket = go(&mut limit, Duration::from_millis(100));
    receive(
        &mut limit,
        ticket,
        Duration::from_millis(200),
        &minute(START + 1, "0", RESET),
    );
    assert!(wait(&mut limit, Duration::from_millis(200)) < Duration::from_millis(40_100));

    let mut limit = after(&minute(START + 100_000_000, "50", START + 100_000_040));
    let ticket = go(&mut limit, secs(1));
    receive(&mut limit, ticket, secs(2), &minute(START + 2, "0", RESET));
    let wait = wait(&mut limit, secs(2));
    assert!((secs(38)..secs(41)).contains(&wait), "{wait:?}");
}

#[test]
fn a_single_date_far_ahead_is_forgotten() {
    let mut limit = after(&minute(START, "50", RESET));
    let ticket = go(&mut limit, secs(1));
    receive(
        &mut limit,
        ticket,
        secs(2),
        &minute(START + 100_000_000, "49", RESET),
    );
    let ticket = go(&mut limit, secs(2));
    receive(&mut limit, ticket, secs(3), &minute(START + 3, "0", RESET));
    let wait = wait(&mut limit, secs(3));
    assert!((secs(37)..secs(40)).contains(&wait), "{wait:?}");
}

#[test]
fn a_slow_response_does_not_set_the_clock_back() {
    let mut limit = after(&minute(START, "50", RESET));
    let slow = go(&mut limit, secs(1));
    receive(&mut limit, slow, secs(20), &minute(START + 1, "0", RESET));
    let wait = wait(&mut limit, secs(20));
    assert!((secs(21)..secs(22)).contains(&wait), "{wait:?}");
}

#[test]
fn without_a_date_the_reset_bounds_the_time() {
    let mut reported = minute(START, "0", RESET);
    reported.remove("date");
    for wrong in [0, 36_000] {
        let mut limit = RateLimit::default();
        let ticket = go(&mut limit, secs(0));
        limit.received(
            ticket,
            secs(0),
            response(&reported, epoch(START - wrong), false),
        );
        let wait = wait(&mut limit, secs(0));
        assert!((secs(60)..secs(63)).contains(&wait), "{wait:?}");
    }
}

#[test]
fn a_reset_that_cannot_be_read_bounds_the_wait() {
    for reset in ["4070908800", "18446744073709551615", "1e30", "soon", ""] {
        let mut reported = minute(START, "0", 0);
        reported.insert(headers::MINUTE.reset, reset.parse().unwrap());
        let mut limit = after(&reported);
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
            receive(
                &mut limit,
                ticket,
                now,
                &minute(START + now.as_secs(), "0", reset),
            );
        }
        // The client paused after each response with a reset in the past. A response with a reset in the future ends
        // these pauses.
        now += secs(1);
        let ticket = go(&mut limit, now);
        receive(
            &mut limit,
            ticket,
            now,
            &minute(START + now.as_secs(), "60", RESET),
        );
        let _free: Vec<_> = (0..10).map(|_| go(&mut limit, now)).collect();
    }
}
