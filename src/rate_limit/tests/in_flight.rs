//! Tests how requests in flight, lost requests and out-of-order responses affect the remaining quota.

use super::*;

#[test]
fn sends_one_request_before_the_first_response() {
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
    // A response without rate-limit headers sets no limit.
    receive(&mut limit, third, secs(2), &HeaderMap::new());
    let free: Vec<_> = (0..500).map(|_| go(&mut limit, secs(2))).collect();
    assert_eq!((free.len(), limit.quota(secs(2))), (500, None));
}

#[test]
fn requests_in_flight_and_lost_requests_count_as_spent() {
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
    receive(&mut limit, one, secs(2), &minute(START + 2, "2", RESET));
    assert_eq!(left(&limit, secs(2)), 0);
    receive(&mut limit, three, secs(2), &minute(START + 2, "1", RESET));
    assert_eq!(
        left(&limit, secs(2)),
        0,
        "the lost request may be counted later"
    );
    // In the next window, the lost request is no longer subtracted from the remaining requests.
    assert_eq!(left(&limit, secs(42)), 100);
}

#[test]
fn a_request_sent_well_after_a_loss_includes_it() {
    let mut limit = after(&minute(START, "50", RESET));
    let lost = go(&mut limit, secs(1));
    limit.lost(lost, secs(2));
    let early = go(&mut limit, secs(4));
    receive(&mut limit, early, secs(5), &minute(START + 5, "49", RESET));
    assert_eq!(left(&limit, secs(5)), 48);
    let later = go(&mut limit, secs(5));
    receive(&mut limit, later, secs(6), &minute(START + 6, "47", RESET));
    assert_eq!(left(&limit, secs(6)), 47);
}

#[test]
fn responses_may_arrive_in_any_order() {
    let mut limit = after(&minute(START, "50", RESET));
    let tickets: Vec<_> = (0..4).map(|_| go(&mut limit, secs(39))).collect();
    // On the server, the next window has already begun, but the client is still in the previous window.
    let now = Duration::from_millis(40_500);
    let reported = [
        ("46", RESET),
        ("48", RESET),
        ("99", RESET + 60),
        ("45", RESET),
    ];
    let expected = [43, 44, 98, 99];
    for ((ticket, (remaining, reset)), expected) in tickets.into_iter().zip(reported).zip(expected)
    {
        receive(
            &mut limit,
            ticket,
            now,
            &minute(START + 40, remaining, reset),
        );
        assert_eq!(left(&limit, now), expected, "{remaining} until {reset}");
    }
}

#[test]
fn the_response_to_a_later_request_counts() {
    for first in [RESET + 15, u64::MAX] {
        let mut limit = after(&minute(START, "10", first));
        let later = go(&mut limit, secs(1));
        receive(&mut limit, later, secs(2), &minute(START + 2, "60", RESET));
        assert_eq!(left(&limit, secs(2)), 60);
    }
}

#[test]
fn a_request_lost_near_the_reset_is_charged_to_both_windows() {
    let mut limit = after(&minute(START, "50", RESET));
    let lost = go(&mut limit, secs(39));
    limit.lost(lost, Duration::from_millis(40_500));
    assert_eq!(left(&limit, secs(42)), 99);
}
