//! Tests the daily limit and the reported quota.

use super::*;

#[test]
fn reports_a_spent_day_at_once() {
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
        "the server may have counted the read"
    );
    receive(
        &mut limit,
        read,
        secs(2),
        &day(START + 2, "0", &MIDNIGHT.to_string()),
    );
    assert!(spent(limit.ask(secs(2), Share::default())));
    // When the day is about to end, the caller waits for the reset of the daily quota instead of failing.
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
fn a_refusal_spends_the_day() {
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
fn a_spent_day_without_a_reset_ends_within_a_day() {
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
    // Without a `Date` header, `retry_at` is computed from the local clock.
    let mut reported = day(START, "0", "never");
    reported.remove("date");
    let mut limit = after(&reported);
    let Decision::DaySpent { retry_at } = limit.ask(Duration::from_millis(100), Share::default())
    else {
        panic!("not spent");
    };
    assert_eq!(retry_at, epoch(START + 86_400) + Duration::from_millis(100));
}

#[test]
fn reports_the_quota_of_both_windows() {
    let mut reported = minute(START, "42", RESET);
    reported.extend(day(START, "4200", &MIDNIGHT.to_string()));
    let mut limit = after(&reported);
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
