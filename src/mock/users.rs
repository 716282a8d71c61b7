//! Methods that simulate actions of the account's users and admins.

use super::FakeOnboarding;
use crate::api::AssignmentStatus;
use crate::api::types::Assignment;
use crate::id::{InvalidId, PackId, UserId};

impl FakeOnboarding {
    /// Adds users to the account of the fake.
    ///
    /// # Panics
    /// Panics if an id is invalid.
    pub fn add_users<I>(&self, users: I) -> &Self
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        self.change(|state| state.packs.users.extend(users.into_iter().map(user_id)))
    }

    /// Assigns users to a pack directly, without an API request. A user may be assigned several times and does not have
    /// to exist in the account.
    ///
    /// # Panics
    /// Panics if the pack is unknown or an id is invalid.
    pub fn put_on_pack<I>(&self, pack: PackId, users: I) -> &Self
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        self.change(|state| {
            let users = users.into_iter().map(user_id);
            users.for_each(|user| state.packs.put(pack, user));
        })
    }

    /// Returns all assignments of a pack.
    ///
    /// # Panics
    /// Panics if the pack is unknown.
    #[must_use]
    pub fn assignments(&self, pack: PackId) -> Vec<Assignment> {
        self.state().packs.assignments(pack).to_vec()
    }

    /// Marks all steps of the user as completed, so that the user waits for an admin's approval.
    ///
    /// ```
    /// use connecteam_onboarding::{ChangeKind, PackId, UserId, mock::FakeOnboarding};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (pack, user) = (PackId::try_from(1001)?, UserId::try_from(7)?);
    /// let fake = FakeOnboarding::start();
    /// fake.add_pack(pack).put_on_pack(pack, [7]);
    /// let before = fake.client().pack(pack).snapshot().await?;
    ///
    /// fake.finish_steps(pack, user); // then `approve`, `reopen`, `set_status`, `remove`
    ///
    /// let after = fake.client().pack(pack).snapshot().await?;
    /// assert_eq!(after.changes_since(&before)?[0].kind(), ChangeKind::Submitted);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Panics if the user is not on the pack.
    pub fn finish_steps(&self, pack: PackId, user: UserId) -> &Self {
        self.set(pack, user, &AssignmentStatus::InProgress, true)
    }

    /// Approves the user and sets the status to `completed`.
    ///
    /// # Panics
    /// Panics if the user is not on the pack.
    pub fn approve(&self, pack: PackId, user: UserId) -> &Self {
        self.set(pack, user, &AssignmentStatus::Completed, false)
    }

    /// Sets the status of the user back to `in_progress` and clears a pending approval.
    ///
    /// # Panics
    /// Panics if the user is not on the pack.
    pub fn reopen(&self, pack: PackId, user: UserId) -> &Self {
        self.set(pack, user, &AssignmentStatus::InProgress, false)
    }

    /// Sets the status of the user and clears a pending approval. The status may be a value that this crate does not
    /// know.
    ///
    /// # Panics
    /// Panics if the user is not on the pack.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a test writes the value in the call"
    )]
    pub fn set_status(&self, pack: PackId, user: UserId, status: AssignmentStatus) -> &Self {
        self.set(pack, user, &status, false)
    }

    /// Removes all assignments of the user from the pack.
    ///
    /// # Panics
    /// Panics if the user is not on the pack.
    pub fn remove(&self, pack: PackId, user: UserId) -> &Self {
        self.change(|state| state.packs.remove(pack, user))
    }

    fn set(&self, pack: PackId, user: UserId, status: &AssignmentStatus, waits: bool) -> &Self {
        self.change(|state| {
            state.packs.change(pack, user, |row| {
                row.status.clone_from(status);
                row.is_waiting_approval = waits;
            });
        })
    }
}

fn user_id<T: TryInto<UserId, Error: Into<InvalidId>>>(user: T) -> UserId {
    user.try_into()
        .unwrap_or_else(|error| panic!("{}", error.into()))
}
