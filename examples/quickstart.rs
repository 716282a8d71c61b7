//! The main job without a credential or a network: starts the fake and assigns a messy list.

use connecteam_onboarding::mock::FakeOnboarding;
use connecteam_onboarding::{Outcome, PackId, UserId};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // An account with one pack and 1,200 people; three of them are on the pack already.
    let pack = PackId::try_from(1001)?;
    let fake = FakeOnboarding::start_async().await;
    fake.add_pack(pack)
        .add_users(1..=1_200)
        .put_on_pack(pack, [7, 8, 9])
        .limits(100, 10_000);

    // An export as it comes: 200 repeated, and two who have left.
    let mut ids: Vec<u64> = (1..=1_000).chain(1..=200).collect();
    ids.extend([4_711, 4_712]);
    println!("a list of {} ids:", ids.len());

    let client = fake.client(); // yours: Client::from_env()?
    let assign = client.pack(pack).assign(ids.iter().copied());
    println!("plan:   {}", assign.plan().await?);

    let report = client.pack(pack).assign(ids).await?;
    println!("report: {report}");
    for (user, why) in report.rejected() {
        println!("        user {user} rejected: {why}");
    }
    let eight = UserId::try_from(8)?;
    println!(
        "        user {eight}: {}",
        report.outcome(eight).unwrap_or(&Outcome::Unknown)
    );
    println!(
        "on the pack now: {} people, each once",
        fake.assignments(pack).len()
    );
    Ok(())
}
