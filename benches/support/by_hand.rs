//! The baseline of the benchmarks is a minimal program with `reqwest` and `serde` that reads a pack and assigns users.

use connecteam_onboarding::{Assignment, MAX_USERS_PER_REQUEST};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashSet;

#[derive(Deserialize)]
struct Body {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    assignments: Vec<Assignment>,
}

pub async fn read(client: &Client, url: &str) -> Vec<Assignment> {
    let response = send(client.get(url)).await.json::<Body>().await;
    response.expect("a list").data.assignments
}

/// Only one request is in flight at a time.
pub async fn assign(client: &Client, url: &str, ids: Vec<u64>) {
    let mut seen = HashSet::new();
    let unique: Vec<u64> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    for chunk in unique.chunks(MAX_USERS_PER_REQUEST) {
        let request = client.post(url).json(&json!({ "userIds": chunk }));
        // `reqwest` reuses the connection only if the body of the response is read.
        send(request).await.bytes().await.expect("a body");
    }
}

async fn send(request: RequestBuilder) -> Response {
    let response = request.header("X-API-KEY", "key").send().await;
    let response = response.expect("a response");
    response.error_for_status().expect("a success")
}
