//! Starts the fake API server and assigns a list of users that contains duplicates and unknown users. The program needs
//! no credentials, no network and no CA certificates.

#![forbid(unsafe_code)]

use connecteam_onboarding::mock::FakeOnboarding;
use connecteam_onboarding::{Outcome, PackId, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The account has one pack and 1,200 users. Three users are already on the pack.
    let pack = PackId::try_from(1001)?;
    let fake = FakeOnboarding::start_async().await;
    fake.add_pack(pack)
        .add_users(1..=1_200)
        .put_on_pack(pack, [7, 8, 9])
        .limits(100, 10_000);

    // As in a typical export, 200 ids are repeated and two users have left the company.
    let mut ids: Vec<u64> = (1..=1_000).chain(1..=200).collect();
    ids.extend([4_711, 4_712]);
    println!("a list of {} ids:", ids.len());

    let client = fake.client(); // in your program: Client::from_env()?
    let assign = client.pack(pack).assign(ids.iter().copied());
    println!("plan:   {}", assign.plan().await?);

    let report = client.pack(pack).assign(ids).await?;
    println!("report: {report}");
    for (user, reason) in report.rejected() {
        println!("        user {user} rejected: {reason}");
    }
    let eight = UserId::try_from(8)?;
    println!(
        "        user {eight}: {}",
        report.outcome(eight).unwrap_or(&Outcome::Unknown)
    );
    println!(
        "on the pack now: {} users, each once",
        fake.assignments(pack).len()
    );
    Ok(())
}
