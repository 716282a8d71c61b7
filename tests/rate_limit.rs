//! Tests that the client obeys the rate limits of an account, against a server that enforces the limits. The tests use
//! real time. A test that waits for the end of a rate-limit window therefore uses a short window.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{Client, ErrorKind, Pack};
use futures_util::future::join_all;
use std::time::{Duration, SystemTime};
use support::{MOST, Server, Window, pack_id};

fn client(server: &Server) -> Client {
    support::builder(server).build().expect("a client")
}

fn pack(client: &Client) -> Pack {
    client.pack(pack_id())
}

#[tokio::test]
async fn no_request_is_refused_with_a_wrong_local_clock() {
    for skew in [0, 36_000, -36_000] {
        let server = Server::start();
        server.with(|world| (world.minute, world.skew) = (Some(Window::new(8, 2.0)), skew));
        let client = client(&server);
        let lists = join_all((0..12).map(|_| {
            let pack = pack(&client);
            async move { pack.assignments().await }
        }));
        assert!(lists.await.iter().all(Result::is_ok));
        assert_eq!(
            server.with(|world| world.refused_for_rate),
            0,
            "skew {skew}"
        );
        assert_eq!(server.requests(), 12);
    }
}

#[tokio::test]
async fn a_spent_day_is_an_error_with_the_time_of_its_end() {
    let server = Server::start();
    server
        .users(1..=10 * MOST)
        .with(|world| world.day = Some(Window::new(6, 5_000.0)));
    let client = client(&server);
    let error = pack(&client)
        .assign(1..=10 * MOST)
        .await
        .expect_err("ten chunks do not fit");
    assert_eq!(error.cause().kind(), ErrorKind::QuotaSpent);
    let wait = error
        .cause()
        .retry_at()
        .expect("a time")
        .duration_since(SystemTime::now())
        .expect("ahead");
    assert!((4_900..=5_010).contains(&wait.as_secs()), "{wait:?}");
    // The run sends one read request and four assign requests. The run reserves the sixth request for reading the pack
    // back.
    assert_eq!((server.gets(), server.posts()), (1, 4));
    assert_eq!(error.report().assigned().count() as u64, 4 * MOST);
    assert_eq!(error.report().not_assigned().count() as u64, 6 * MOST);
    assert_eq!(server.with(|world| world.refused_for_rate), 0);
    pack(&client)
        .assignments()
        .await
        .expect("the request that was kept");

    let plan = pack(&client)
        .assign(1..=10 * MOST)
        .plan()
        .await
        .expect_err("no request is left");
    assert_eq!(plan.kind(), ErrorKind::QuotaSpent);
}

#[tokio::test]
async fn a_plan_knows_whether_it_fits_today() {
    let server = Server::start();
    server
        .users(1..=10 * MOST)
        .with(|world| world.day = Some(Window::new(12, 5_000.0)));
    let client = client(&server);
    let fits = pack(&client)
        .assign(1..=8 * MOST)
        .plan()
        .await
        .expect("a plan");
    assert_eq!((fits.requests, fits.fits_today), (9, Some(true)));
    let not = pack(&client)
        .assign(1..=10 * MOST)
        .plan()
        .await
        .expect("a plan");
    assert_eq!((not.requests, not.fits_today), (11, Some(false)));
}

#[tokio::test]
async fn leaves_the_reserve_to_others() {
    let server = Server::start();
    server
        .users(1..=10 * MOST)
        .with(|world| world.day = Some(Window::new(10, 5_000.0)));
    let client = client(&server);
    let error = pack(&client)
        .assign(1..=10 * MOST)
        .reserve(5)
        .await
        .expect_err("not enough");
    assert_eq!(error.cause().kind(), ErrorKind::QuotaSpent);
    assert_eq!(
        server.requests(),
        4,
        "ten minus five for others minus one for a read-back"
    );
}

#[tokio::test]
async fn a_wait_above_the_limit_is_an_error_with_the_time_of_its_end() {
    let server = Server::start();
    server.with(|world| world.minute = Some(Window::new(2, 50.0)));
    let client = support::builder(&server)
        .max_rate_limit_wait(Duration::from_secs(5))
        .build()
        .expect("a client");
    for _ in 0..2 {
        pack(&client).assignments().await.expect("within the limit");
    }
    let error = pack(&client)
        .assignments()
        .await
        .expect_err("fifty seconds");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let wait = error
        .retry_at()
        .expect("a time")
        .duration_since(SystemTime::now())
        .expect("ahead");
    assert!((40..=55).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(server.requests(), 2);
}
