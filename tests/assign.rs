//! Tests `Pack::assign` through the public API, against an independent test server.
#![allow(missing_docs)]
#![cfg(any(feature = "ring", not(feature = "rustls")))]

mod support;

use connecteam_onboarding::{
    Client, ErrorKind, Executed, MAX_USERS_PER_REQUEST, Outcome, Pack, PackId, UserId,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fault, MOST, Naming, Reassign, Server, pack_id};

const MS: Duration = Duration::from_millis(1);

fn client(server: &Server) -> Client {
    support::builder(server).build().expect("a client")
}

fn pack(server: &Server) -> Pack {
    client(server).pack(pack_id())
}

fn id(number: u64) -> UserId {
    UserId::try_from(number).expect("an id")
}

/// The client assigns these users in two full requests and a third request with three users.
const UNIQUE: u64 = 2 * MOST + 3;

fn messy() -> Vec<u64> {
    (1..=UNIQUE).chain(1..=200).collect()
}

#[tokio::test]
async fn assigns_each_user_of_a_messy_list_once() {
    let server = Server::start();
    server.users(1..=UNIQUE).already(1001, [5, MOST + 200]);
    let report = pack(&server)
        .assign(messy())
        .await
        .expect("all users are assigned");
    assert_eq!(
        (report.len() as u64, report.duplicates(), report.requests()),
        (UNIQUE, 200, 4)
    );
    assert_eq!(
        (
            report.assigned().count() as u64,
            report.already_assigned().count()
        ),
        (UNIQUE - 2, 2)
    );
    assert_eq!(report.outcome(id(5)), Some(&Outcome::AlreadyAssigned));
    assert_eq!(report.outcome(id(6)), Some(&Outcome::Assigned));
    assert_eq!(report.outcome(id(UNIQUE + 1)), None);
    let order: Vec<u64> = report.outcomes().map(|(id, _)| id.get()).collect();
    assert_eq!(order, (1..=UNIQUE).collect::<Vec<_>>(), "input order");

    assert_eq!((server.gets(), server.posts()), (1, 3));
    let mut sizes = server.sizes();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, MAX_USERS_PER_REQUEST, MAX_USERS_PER_REQUEST]);
    assert_eq!(server.assigned(1001), (1..=UNIQUE).collect::<Vec<_>>());

    let again = pack(&server).assign(messy()).await.expect("a second run");
    assert_eq!(
        (again.already_assigned().count() as u64, server.posts()),
        (UNIQUE, 3)
    );
}

#[tokio::test]
async fn an_empty_list_sends_nothing() {
    let server = Server::start();
    let report = pack(&server)
        .assign(Vec::<u64>::new())
        .await
        .expect("no error");
    assert!(report.is_empty());
    let plan = pack(&server)
        .assign(Vec::<u64>::new())
        .plan()
        .await
        .expect("no error");
    assert_eq!((plan.unique, plan.requests), (0, 0));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn an_id_that_cannot_exist_is_refused_before_anything_is_sent() {
    let server = Server::start();
    for bad in [0, -5, i64::MIN] {
        let error = pack(&server).assign([7, 8, bad]).await.expect_err("no id");
        assert_eq!(error.cause().kind(), ErrorKind::InvalidInput);
        assert!(
            error
                .to_string()
                .contains(&format!("id 3 of the list: `{bad}`")),
            "{error}"
        );
        assert!(error.report().is_empty());
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn sends_several_chunks_at_once_after_the_first_response() {
    let server = Server::start();
    server.users(1..=5_000).delay(MS * 30);
    pack(&server).assign(1..=5_000_u64).await.expect("all");
    assert_eq!(server.most_at_once(), 4);
    let server = Server::start();
    server.users(1..=5_000).delay(MS * 5);
    pack(&server)
        .assign(1..=5_000_u64)
        .max_in_flight(1)
        .await
        .expect("all");
    assert_eq!(server.most_at_once(), 1);
}

#[tokio::test]
async fn assigns_the_other_users_when_some_do_not_exist() {
    for naming in [
        Naming::Nothing,
        Naming::Index,
        Naming::FirstIndex,
        Naming::Text,
        Naming::Echo,
    ] {
        let server = Server::start();
        server
            .users((1..=1_200).filter(|user| user % 400 != 0))
            .with(|world| world.naming = naming);
        let report = pack(&server)
            .assign(1..=1_200_u64)
            .await
            .expect("rejected users are no error");
        let rejected: Vec<u64> = report.rejected().map(|(user, _)| user.get()).collect();
        assert_eq!(rejected, [400, 800, 1_200], "{naming:?}");
        assert_eq!(report.assigned().count(), 1_197, "{naming:?}");
        assert_eq!(server.assigned(1001).len(), 1_197, "{naming:?}");
        let reason = report.rejected().next().expect("one").1.reason().to_owned();
        assert!(!reason.is_empty());
        // The API refuses the requests for all three chunks. Further requests isolate the rejected users.
        let most = match naming {
            Naming::Index => 3 + 3,
            Naming::Text => 3 + 3 + 3,
            Naming::FirstIndex => 3 + 3 + 3,
            Naming::Nothing | Naming::Echo => 3 + 45,
        };
        assert!(
            server.posts() <= most,
            "{naming:?}: {} posts",
            server.posts()
        );
        assert!(
            server
                .sizes()
                .iter()
                .all(|size| (1..=MAX_USERS_PER_REQUEST).contains(size))
        );
    }
}

#[tokio::test]
async fn users_on_the_pack_are_never_rejected() {
    for reassign in [
        Reassign::Nothing,
        Reassign::Refuse,
        Reassign::SecondAssignment,
    ] {
        let server = Server::start();
        server
            .users(1..=20)
            .already(1001, 1..=3)
            .with(|world| world.reassign = reassign);
        // Another program assigns users 4 and 5 between the first read and the first write of this run.
        server.fault("GET", Fault::Delay(Duration::ZERO));
        let run = {
            let pack = pack(&server);
            server.fault("POST", Fault::Delay(MS * 40));
            tokio::spawn(pack.assign(1..=21_u64).into_future())
        };
        while server.gets() == 0 {
            tokio::time::sleep(MS).await;
        }
        server.already(1001, [4, 5]);
        let report = run.await.expect("no panic").expect("a report");
        assert_eq!(
            report
                .rejected()
                .map(|(user, _)| user.get())
                .collect::<Vec<_>>(),
            [21],
            "{reassign:?}"
        );
        assert_eq!(
            report.assigned().count() + report.already_assigned().count(),
            20,
            "{reassign:?}"
        );
    }
}

#[tokio::test]
async fn all_or_nothing_sends_one_request() {
    let server = Server::start();
    server.users(1..=MOST);
    let error = pack(&server)
        .assign(1..=MOST + 1)
        .all_or_nothing()
        .await
        .expect_err("too many");
    assert_eq!(
        (error.cause().kind(), server.requests()),
        (ErrorKind::TooManyUsers, 0)
    );
    assert!(
        [MOST, MOST + 1]
            .iter()
            .all(|count| error.to_string().contains(&count.to_string())),
        "{error}"
    );

    let error = pack(&server)
        .assign([1, 2, MOST + 1, 1])
        .all_or_nothing()
        .await
        .expect_err("refused");
    assert_eq!(
        (error.cause().kind(), error.cause().executed()),
        (ErrorKind::Validation, Executed::No)
    );
    assert_eq!(error.report().not_assigned().count(), 3);
    assert_eq!((server.posts(), server.assigned(1001).len()), (1, 0));

    server.with(|world| world.naming = Naming::Index);
    let error = pack(&server)
        .assign([1, 2, MOST + 1])
        .all_or_nothing()
        .await
        .expect_err("refused");
    assert_eq!(
        error
            .report()
            .rejected()
            .map(|(user, _)| user.get())
            .collect::<Vec<_>>(),
        [MOST + 1]
    );

    let report = pack(&server)
        .assign(1..=MOST)
        .all_or_nothing()
        .await
        .expect("all");
    assert_eq!(
        (report.assigned().count(), server.posts()),
        (MAX_USERS_PER_REQUEST, 3)
    );
}

#[tokio::test]
async fn a_plan_sends_no_write() {
    let server = Server::start();
    server.users(1..=UNIQUE).already(1001, 1..=3);
    let plan = pack(&server).assign(messy()).plan().await.expect("a plan");
    assert_eq!(
        (
            plan.unique,
            plan.duplicates,
            plan.already_assigned,
            plan.to_assign
        ),
        (UNIQUE, 200, 3, UNIQUE - 3)
    );
    assert_eq!((plan.requests, plan.fits_today), (3, None));
    assert_eq!((server.gets(), server.posts()), (1, 0));
}

#[tokio::test]
async fn a_permanent_error_ends_the_run_and_reports_all_users() {
    for (status, kind) in [
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
    ] {
        for method in ["GET", "POST"] {
            let server = Server::start();
            server.users(1..=2_000);
            for _ in 0..4 {
                server.fault(
                    method,
                    Fault::Status(status, "application/json", "{}".to_owned()),
                );
            }
            let error = pack(&server)
                .assign(1..=2_000_u64)
                .await
                .expect_err("a permanent error");
            assert_eq!(error.cause().kind(), kind);
            assert!(error.cause().is_permanent());
            assert_eq!(error.report().not_assigned().count(), 2_000);
            assert!(server.requests() <= 5, "{} requests", server.requests());
        }
    }
}

#[tokio::test]
async fn reports_progress_and_the_outcomes_after_a_stop() {
    let server = Server::start();
    server.users(1..=3_000).delay(MS * 20);
    let reported = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (seen, mut stop) = (Arc::clone(&reported), Some(stop));
    let error = pack(&server)
        .assign(1..=3_000_u64)
        .max_in_flight(1)
        .on_progress(move |progress| {
            seen.lock().expect("no panic").push((
                progress.settled,
                progress.total,
                progress.requests,
            ));
            if progress.settled >= 1_000
                && let Some(stop) = stop.take()
            {
                let _ = stop.send(());
            }
        })
        .stop_when(async {
            let _ = stopped.await;
        })
        .await
        .expect_err("stopped");
    assert_eq!(error.cause().kind(), ErrorKind::Stopped);
    let assigned = error.report().assigned().count();
    assert!((1_000..3_000).contains(&assigned), "{assigned}");
    assert_eq!(
        server.assigned(1001).len(),
        assigned,
        "the requests in flight are reported"
    );
    assert_eq!(
        reported.lock().expect("no panic")[..2],
        [(0, 3_000, 1), (MOST, 3_000, 2)]
    );
    let rest = pack(&server)
        .assign(error.report().retry_ids())
        .await
        .expect("the rest");
    assert_eq!(rest.assigned().count() + assigned, 3_000);
}

#[tokio::test]
async fn keeps_the_request_limit_of_the_run() {
    let server = Server::start();
    server.users((1..=2_000).filter(|user| user % 2 == 0));
    let error = pack(&server)
        .assign(1..=2_000_u64)
        .max_requests(30)
        .await
        .expect_err("out of requests");
    assert_eq!(error.cause().kind(), ErrorKind::RunLimit);
    assert!(server.requests() <= 30, "{}", server.requests());
    assert_eq!(error.report().requests(), server.requests() as u64);
    assert_eq!(
        error.report().unknown().count(),
        0,
        "one request was reserved for the last read"
    );
    for (user, outcome) in error.report().outcomes() {
        match outcome {
            Outcome::Assigned => assert_eq!(user.get() % 2, 0),
            Outcome::Rejected(_) => assert_eq!(user.get() % 2, 1),
            other => assert_eq!(*other, Outcome::NotAssigned),
        }
    }
    // A run with one user needs one read request and one write request.
    let server = Server::start();
    server.users([7]);
    assert!(pack(&server).assign([7]).max_requests(2).await.is_ok());
}

#[tokio::test]
async fn a_list_of_unknown_users_does_not_use_up_the_day_quota() {
    let server = Server::start();
    let error = pack(&server)
        .assign(1..=3_000_u64)
        .await
        .expect_err("no user exists");
    assert_eq!(error.cause().kind(), ErrorKind::RunLimit);
    assert_eq!(
        server.posts(),
        3_000_usize.div_ceil(MAX_USERS_PER_REQUEST) + 300,
        "every chunk, and a tenth of the list"
    );
    assert!(
        error
            .to_string()
            .contains("check that the list holds user ids"),
        "{error}"
    );
}

#[tokio::test]
async fn the_generated_client_signs_its_requests() {
    let server = Server::start();
    server.users([7]).already(1001, [7]);
    let response = client(&server)
        .api()
        .get_pack_assignments(&pack_id())
        .await
        .expect("signed");
    assert_eq!(response.data.assignments[0].user_id, id(7));
    let wrong = PackId::try_from(9).expect("an id");
    let error = client(&server)
        .api()
        .get_pack_assignments(&wrong)
        .await
        .expect_err("no such pack");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(404));
    assert_eq!(
        connecteam_onboarding::Error::from(error).kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn keeps_an_unknown_status() {
    let server = Server::start();
    server
        .already(1001, [7])
        .with(|world| world.packs.get_mut(&1001).expect("known")[0].status = "paused".to_owned());
    let assignments = pack(&server).assignments().await.expect("a list");
    assert_eq!(assignments[0].status.to_string(), "paused");
    let text = serde_json::to_string(&assignments[0]).expect("plain data");
    let back: connecteam_onboarding::Assignment = serde_json::from_str(&text).expect("round trip");
    assert_eq!(back, assignments[0]);
}
