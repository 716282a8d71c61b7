//! These tests run in a copy of the crate. The spec of the copy contains all changes of `edits.rs`, and permits at most
//! `LOWERED` users per request.
#![allow(unused_imports, reason = "the feature `mock` uses more of them")]

use connecteam_onboarding::api::types::{
    AssignUsersRequest, Assignment, ErrorItem, RehearsalResult,
};
use connecteam_onboarding::{
    AssignmentStatus, Client, Error, ErrorKind, MAX_USERS_PER_REQUEST, PackId, api,
};
use serde_json::json;

#[test]
fn types_have_the_changes() {
    assert_eq!(MAX_USERS_PER_REQUEST, LOWERED);
    assert_eq!(
        AssignmentStatus::from("rehearsed"),
        AssignmentStatus::Rehearsed
    );
    let row = json!({"id": 1, "userId": 7, "status": "rehearsed", "isWaitingApproval": false, "rehearsedOn": "2026-01-31"});
    let row: Assignment = serde_json::from_value(row).unwrap();
    assert_eq!(
        (row.status, row.rehearsed_on.as_deref()),
        (AssignmentStatus::Rehearsed, Some("2026-01-31"))
    );
    let item: ErrorItem = serde_json::from_value(json!({"loc": ["body"], "type": "gone"})).unwrap();
    assert_eq!(
        serde_json::to_value(item).unwrap(),
        json!({"loc": ["body"]})
    );
    let _ = api::Client::get_rehearsal;
}

#[cfg(feature = "schemars")]
#[test]
fn schemas_have_the_changes() {
    let request = schemars::schema_for!(AssignUsersRequest).to_value();
    assert_eq!(request["properties"]["userIds"]["maxItems"], LOWERED);
    let statuses = schemars::schema_for!(AssignmentStatus).to_value()["anyOf"][0]["enum"].clone();
    assert!(
        statuses.as_array().unwrap().contains(&json!("rehearsed")),
        "{statuses}"
    );
    assert!(schemars::schema_for!(RehearsalResult).to_value()["properties"]["owner"].is_object());
    assert!(
        schemars::schema_for!(ErrorItem).to_value()["properties"]
            .get("type")
            .is_none()
    );
}

#[cfg(feature = "mock")]
fn pack() -> PackId {
    PackId::try_from(1001).unwrap()
}

#[cfg(feature = "mock")]
#[tokio::test]
async fn requests_have_the_lowered_limit_and_the_fake_refuses_larger_ones() {
    let most = LOWERED as u64;
    let fake = connecteam_onboarding::mock::FakeOnboarding::start_async().await;
    fake.add_pack(pack()).add_users(1..=3 * most);
    let report = fake
        .client()
        .pack(pack())
        .assign(1..=2 * most + 1)
        .await
        .unwrap();
    assert_eq!(
        (
            report.assigned().count(),
            fake.writes(),
            fake.largest_request()
        ),
        (2 * LOWERED + 1, 3, LOWERED)
    );
    let error = fake
        .client()
        .pack(pack())
        .assign(1..=most + 1)
        .all_or_nothing()
        .await
        .unwrap_err();
    assert_eq!(
        (error.cause().kind(), fake.writes()),
        (ErrorKind::TooManyUsers, 3),
        "nothing is sent"
    );

    // The generated client does not limit the size of a request, so the fake API server must refuse a large request.
    let request = |count| {
        AssignUsersRequest::new((1..=count).map(|id: u64| id.try_into().unwrap()).collect())
    };
    let client = fake.client();
    let refused = client
        .api()
        .assign_users_to_pack(&pack(), &request(most + 1))
        .await
        .unwrap_err();
    assert_eq!(refused.status().map(|status| status.as_u16()), Some(422));
    assert!(
        Error::from(refused)
            .to_string()
            .contains(&format!("at most {LOWERED} items"))
    );
    client
        .api()
        .assign_users_to_pack(&pack(), &request(most))
        .await
        .unwrap();

    let user = 1.try_into().unwrap();
    fake.set_status(pack(), user, AssignmentStatus::Rehearsed);
    let rows = client.pack(pack()).assignments().await.unwrap();
    assert_eq!(rows[0].status, AssignmentStatus::Rehearsed);
    // The fake API server has no rules for the URL path of `get_rehearsal`. For unknown paths, the fake sends a web
    // page, as the vendor's hosts do.
    let unknown = client.api().get_rehearsal(&pack(), None).await.unwrap_err();
    assert_eq!(Error::from(unknown).kind(), ErrorKind::Unreadable);
}

#[cfg(feature = "mock")]
#[tokio::test]
async fn the_new_endpoint_is_signed_and_has_a_typed_mock() {
    use connecteam_onboarding::api::mock::MockServerExt as _;
    let server = httpmock::MockServer::start_async().await;
    let result = json!({"id": 1001, "kind": "long", "anything": [1], "owner": {"name": "Ada"}});
    let result: RehearsalResult = serde_json::from_value(result).unwrap();
    let rehearsal = server.get_rehearsal(|when, then| {
        let when = when.pack_id(&pack()).expand(true).into_inner();
        when.header(api::API_KEY_HEADER, "key");
        then.ok(&result);
    });
    let list = json!({"data": {"assignments": [
        {"id": 1, "userId": 7, "status": "rehearsed", "isWaitingApproval": false, "rehearsedOn": "2026-01-31"},
    ]}});
    server.get_pack_assignments(|when, then| {
        when.pack_id(&pack());
        then.ok(&serde_json::from_value(list).unwrap());
    });
    let client = Client::builder()
        .base_url(server.base_url())
        .api_key("key")
        .build()
        .unwrap();
    let got = client
        .api()
        .get_rehearsal(&pack(), Some(true))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (got.id, got.owner.unwrap().name),
        (pack(), "Ada".to_owned())
    );
    rehearsal.assert();
    let rows = client.pack(pack()).assignments().await.unwrap();
    assert_eq!(rows[0].rehearsed_on.as_deref(), Some("2026-01-31"));
}
