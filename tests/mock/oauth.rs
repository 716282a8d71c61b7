//! Tests OAuth 2.0 in the fake API server, including apps, tokens and scopes.

use crate::{JSON, PATH, Response, TOKEN_PATH, fake, pack, send, users, validated};
use connecteam_onboarding::mock::FakeOnboarding;
use connecteam_onboarding::{Client, ErrorKind};
use serde_json::json;
use std::time::Duration;

const FORM: &str = "content-type: application/x-www-form-urlencoded";
/// The HTTP Basic header for the credentials `id:secret`.
const BASIC: &str = "authorization: Basic aWQ6c2VjcmV0";

fn token(fake: &FakeOnboarding, headers: &[&str], form: &str) -> Response {
    send(fake, "POST", TOKEN_PATH, headers, form)
}

#[test]
fn checks_token_requests() {
    let fake = fake();
    fake.add_oauth_client("id", "secret");
    let grant = "grant_type=client_credentials";
    for (headers, form, status, error) in [
        (&[BASIC, FORM][..], "", 400, "invalid_request"),
        (&[BASIC, JSON], grant, 400, "invalid_request"),
        (&[BASIC], grant, 400, "invalid_request"),
        (
            &[BASIC, FORM],
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
        (&[FORM], grant, 401, "invalid_client"),
        (
            &["authorization: Basic aWQ6d3Jvbmc=", FORM],
            grant,
            401,
            "invalid_client",
        ),
        (
            &["authorization: Basic ?", FORM],
            grant,
            401,
            "invalid_client",
        ),
        (
            &["authorization: Bearer aWQ6c2VjcmV0", FORM],
            grant,
            401,
            "invalid_client",
        ),
    ] {
        let response = token(&fake, headers, form);
        let found = response.json();
        assert_eq!(
            (response.status, found["error"].as_str()),
            (status, Some(error)),
            "{form}"
        );
    }
    let with_charset = "content-type: application/x-www-form-urlencoded; charset=utf-8";
    for (content_type, form) in [
        (FORM, grant),
        (with_charset, grant),
        (
            FORM,
            "grant%5Ftype=client%5fcredentials&scope=onboarding.read+onboarding%2Ewrite",
        ),
        (FORM, "scope=&grant_type=client_credentials&audience=x"),
    ] {
        let response = token(
            &fake,
            &["Authorization: basic aWQ6c2VjcmV0", content_type],
            form,
        );
        let found = response.json();
        assert_eq!(
            (response.status, &found["expires_in"]),
            (200, &json!(86_400)),
            "{form}"
        );
        assert_eq!(found["scope"], "onboarding.read onboarding.write");
        assert_eq!(response.header("cache-control"), ["no-store"]);
    }
}

#[test]
fn grants_scopes_that_the_app_has() {
    let fake = fake();
    let both = ["onboarding.read", "onboarding.write"];
    for (app, requested, granted) in [
        (&both[..], "", Some(&both[..])),
        (&both, "onboarding.read", Some(&both[..1])),
        (&both, "onboarding.write", Some(&both[1..])),
        (&both[..1], "", Some(&both[..1])),
        (&both[..1], "onboarding.read onboarding.write", None),
        (&both, "onboarding.read users.read", None),
        (&["users.read"], "", Some(&["users.read"])),
    ] {
        fake.add_oauth_client_with_scopes("id", "secret", app.iter().copied());
        let scope = requested.replace(' ', "+");
        let form = format!("grant_type=client_credentials&scope={scope}");
        let response = token(&fake, &[BASIC, FORM], &form);
        let Some(granted) = granted else {
            assert_eq!(
                (response.status, &*response.message()),
                (403, "Unauthorized scopes requested")
            );
            continue;
        };
        assert_eq!(response.json()["scope"], granted.join(" "));
        let bearer = response.json()["access_token"]
            .as_str()
            .map(|token| format!("authorization: Bearer {token}"));
        let headers = [&*bearer.expect("a token"), JSON];
        for (method, scope) in [("GET", both[0]), ("POST", both[1])] {
            let response = validated(method, send(&fake, method, PATH, &headers, &users([3])));
            if granted.contains(&scope) {
                assert_eq!(response.status, 200, "{method} with {granted:?}");
            } else {
                let message = format!("Token missing required scope: {scope}");
                assert_eq!((response.status, response.message()), (403, message));
            }
        }
    }
}

#[tokio::test]
async fn ends_and_revokes_tokens() {
    let fake = fake();
    fake.add_oauth_client("id", "secret")
        .token_lifetime(Duration::from_secs(600));
    let client = |secret: &str| -> Client {
        let builder = fake.client_builder().client_credentials("id", secret);
        builder.build().expect("a client")
    };
    let right = client("secret").pack(pack());
    for (expected, change) in [(1, 0), (2, 700), (3, 0)] {
        fake.clock().advance(Duration::from_secs(change));
        if expected == 3 {
            fake.revoke_tokens();
        }
        right.assignments().await.expect("a list");
        assert_eq!(fake.tokens(), expected);
    }
    let error = client("wrong")
        .pack(pack())
        .assignments()
        .await
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}
