use crate::api::MAX_USERS_PER_REQUEST;
use crate::api::types::AssignUsersRequest;
use crate::error::{Error, ErrorKind};
use crate::id::{InvalidId, UserId};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::fmt;
use std::hash::BuildHasher;

/// A list of user ids without duplicates, in input order.
///
/// Pass the list to [`Pack::assign`](crate::Pack::assign). For the [typed client](crate::api),
/// [`requests`](Self::requests) splits the list into requests of the permitted size. The list takes about 18 bytes per
/// id: 8 for the id, and about 10 for the hash table that finds duplicates.
///
/// ```no_run
/// # async fn example(client: connecteam_onboarding::Client, pack: connecteam_onboarding::PackId) -> Result<(), connecteam_onboarding::Error> {
/// use connecteam_onboarding::UserList;
///
/// let users = UserList::new([7031021, 7031022, 7031021])?;
/// assert_eq!((users.len(), users.duplicates()), (2, 1));
/// for request in users.requests() {
///     client.api().assign_users_to_pack(&pack, &request).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # The list does not read the pack
/// [`requests`](Self::requests) includes every user of the list, even users who are already on the pack. If a program
/// sends the requests twice, for example after a crash, the API may assign the same users again.
///
/// [`Pack::assign`](crate::Pack::assign) reads the pack first and skips users who are already on the pack. With the
/// typed client, read the pack before each run, and keep only the users who are not on the pack yet:
///
/// ```no_run
/// # async fn example(client: connecteam_onboarding::Client, pack: connecteam_onboarding::PackId, users: connecteam_onboarding::UserList) -> Result<(), connecteam_onboarding::Error> {
/// use connecteam_onboarding::{UserId, UserList};
/// use std::collections::HashSet;
///
/// let response = client.api().get_pack_assignments(&pack).await?;
/// let assignments = response.data.assignments.iter();
/// let on_pack: HashSet<UserId> = assignments.map(|assignment| assignment.user_id).collect();
/// let missing: UserList = users.iter().filter(|user| !on_pack.contains(user)).collect();
/// for request in missing.requests() {
///     client.api().assign_users_to_pack(&pack, &request).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// Creating a list from more than 2³² ids panics.
#[derive(Clone, Default)]
pub struct UserList {
    ids: Vec<UserId>,
    /// Maps each id to its position in `ids`.
    positions: HashTable<u32>,
    /// Uses a random seed, so that crafted input cannot cause hash collisions.
    hasher: RandomState,
    duplicates: u64,
}

impl UserList {
    /// Collects user ids and removes duplicates. The items may be [`UserId`]s, integers, or references to [`UserId`]s
    /// or integers.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidInput`] if an id is invalid, such as 0 or a negative number. The error message
    /// contains the position of the invalid id in the list.
    pub fn new<I>(ids: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
    {
        let ids = ids.into_iter().enumerate().map(|(index, id)| {
            id.try_into().map_err(|error| {
                let message = format!("id {} of the list: {}", index + 1, error.into());
                Error::new(ErrorKind::InvalidInput, message)
            })
        });
        ids.collect::<Result<_, _>>().map(Self::from_ids)
    }

    /// Removes duplicates in place, because allocating a second list would be slower.
    pub(crate) fn from_ids(mut ids: Vec<UserId>) -> Self {
        let given = position(ids.len());
        let hasher = RandomState::default();
        let mut positions = HashTable::with_capacity(ids.len());
        let mut unique = 0;
        for next in 0..given {
            let id = ids[next as usize];
            if let Entry::Vacant(entry) = entry(&mut positions, &hasher, &ids, id) {
                entry.insert(unique);
                ids[unique as usize] = id;
                unique += 1;
            }
        }
        ids.truncate(unique as usize);
        Self {
            ids,
            positions,
            hasher,
            duplicates: u64::from(given - unique),
        }
    }

    /// Returns the number of unique ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the number of duplicate ids that were removed from the input.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Returns whether an id is in the list. Takes constant time.
    #[must_use]
    pub fn contains(&self, id: UserId) -> bool {
        self.position(id).is_some()
    }

    /// Iterates over the ids, in input order.
    pub fn iter(&self) -> std::iter::Copied<std::slice::Iter<'_, UserId>> {
        self.ids.iter().copied()
    }

    /// Splits the list into requests with at most [`MAX_USERS_PER_REQUEST`] users each. An empty list yields no
    /// requests.
    ///
    /// The requests include users who are already on the pack, because the list [does not read the
    /// pack](Self#the-list-does-not-read-the-pack).
    #[must_use]
    pub fn requests(&self) -> impl ExactSizeIterator<Item = AssignUsersRequest> {
        let chunks = self.ids.chunks(MAX_USERS_PER_REQUEST);
        chunks.map(|ids| AssignUsersRequest::new(ids.to_vec()))
    }

    pub(crate) fn get(&self, position: u32) -> UserId {
        self.ids[position as usize]
    }

    pub(crate) fn position(&self, id: UserId) -> Option<u32> {
        let is_same = |position: &u32| self.ids[*position as usize] == id;
        let found = self.positions.find(self.hasher.hash_one(id), is_same);
        found.copied()
    }

    pub(crate) fn set_duplicates(&mut self, duplicates: u64) {
        self.duplicates = duplicates;
    }
}

/// Returns the hash-table entry for an id. The entry is vacant if the id is new.
#[inline] // Without `#[inline]`, removing duplicates takes 1.5 times as long.
fn entry<'a>(
    positions: &'a mut HashTable<u32>,
    hasher: &RandomState,
    ids: &[UserId],
    id: UserId,
) -> Entry<'a, u32> {
    let is_same = |position: &u32| ids[*position as usize] == id;
    let hash = |position: &u32| hasher.hash_one(ids[*position as usize]);
    positions.entry(hasher.hash_one(id), is_same, hash)
}

fn position(index: usize) -> u32 {
    u32::try_from(index).expect("a list of at most 2^32 ids")
}

impl fmt::Debug for UserList {
    /// Formats only the counts, because a list of all ids would be too long for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserList")
            .field("len", &self.len())
            .field("duplicates", &self.duplicates)
            .finish_non_exhaustive()
    }
}

/// Compares the ids and their order, but not the number of duplicates.
impl PartialEq for UserList {
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

impl Eq for UserList {}

impl<'a> IntoIterator for &'a UserList {
    type Item = UserId;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, UserId>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<UserId> for UserList {
    fn from_iter<I: IntoIterator<Item = UserId>>(ids: I) -> Self {
        Self::from_ids(ids.into_iter().collect())
    }
}

impl Extend<UserId> for UserList {
    fn extend<I: IntoIterator<Item = UserId>>(&mut self, ids: I) {
        for id in ids {
            let next = position(self.ids.len());
            match entry(&mut self.positions, &self.hasher, &self.ids, id) {
                Entry::Occupied(_) => self.duplicates += 1,
                Entry::Vacant(entry) => {
                    entry.insert(next);
                    self.ids.push(id);
                }
            }
        }
    }
}

/// A list of users that can be passed to [`Pack::assign`](crate::Pack::assign). This trait is implemented for
/// [`UserList`] and for every iterator that [`UserList::new`] accepts.
pub trait IntoUserList {
    /// Converts the value into a list of unique user ids.
    ///
    /// # Errors
    /// Returns the same errors as [`UserList::new`].
    fn into_user_list(self) -> Result<UserList, Error>;
}

impl IntoUserList for UserList {
    fn into_user_list(self) -> Result<UserList, Error> {
        Ok(self)
    }
}

impl<I> IntoUserList for I
where
    I: IntoIterator<Item: TryInto<UserId, Error: Into<InvalidId>>>,
{
    fn into_user_list(self) -> Result<UserList, Error> {
        UserList::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn list(ids: &[u64]) -> UserList {
        UserList::new(ids).unwrap()
    }

    #[test]
    fn keeps_each_id_once_in_input_order() {
        let users = list(&[3, 1, 3, 2, 1]);
        let ids: Vec<u64> = users.iter().map(UserId::get).collect();
        assert_eq!((ids, users.duplicates()), (vec![3, 1, 2], 2));
        assert!(users.contains(UserId::try_from(2).unwrap()));
        assert!(!users.contains(UserId::try_from(4).unwrap()));
    }

    #[test]
    fn an_invalid_id_is_named_with_its_position() {
        let error = UserList::new([5_i64, 7, -3, 0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(
            text.contains("id 3 of the list") && text.contains("`-3`"),
            "{text}"
        );
    }

    #[test]
    fn requests_hold_at_most_the_permitted_number() {
        let most = MAX_USERS_PER_REQUEST as u64;
        for (len, sizes) in [
            (0, vec![]),
            (1, vec![1]),
            (most, vec![most]),
            (2 * most + 1, vec![most, most, 1]),
        ] {
            let users: UserList = (1..=len).map(|id| UserId::try_from(id).unwrap()).collect();
            let requests = users.requests();
            assert_eq!(requests.len(), sizes.len());
            let found: Vec<u64> = requests
                .map(|request| request.user_ids.len() as u64)
                .collect();
            assert_eq!(found, sizes);
        }
    }

    proptest! {
        #[test]
        fn extending_is_the_same_as_collecting(ids in prop::collection::vec(1..40_u64, 0..90), at in 0..90_usize) {
            let whole = list(&ids);
            let (first, rest) = ids.split_at(at.min(ids.len()));
            let mut users = list(first);
            users.extend(rest.iter().map(|id| UserId::try_from(*id).unwrap()));
            prop_assert_eq!((&users, users.duplicates()), (&whole, whole.duplicates()));
            prop_assert_eq!(whole.len(), ids.iter().collect::<HashSet<_>>().len());
            prop_assert_eq!(whole.len() as u64 + whole.duplicates(), ids.len() as u64);
            for (position, id) in (0..).zip(&whole) {
                prop_assert_eq!(whole.position(id), Some(position));
            }
        }
    }
}
