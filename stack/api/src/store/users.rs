//! Users of the console beside the owner, who is the device's and not ours.

use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::doc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Store;

/// Users at most.
pub(crate) const MOST: u64 = 200;

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Looks.
    Viewer,
    /// Also keeps dashboards.
    Operator,
    /// Also decides who the others are. Only the device says who that is.
    Owner,
}

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    /// The name in small letters: two users differ in it.
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// Name.
    pub(crate) name: String,
    /// What the user may do; never the owner's.
    pub(crate) role: Role,
    /// The password's hash.
    pub(crate) hash: String,
    /// When it was made, in seconds since 1970.
    pub(crate) created_at: i64,
}

impl Store {
    fn users(&self) -> Collection<User> {
        self.0.collection("users")
    }

    pub(crate) async fn user(&self, name: &str) -> Result<Option<User>, mongodb::error::Error> {
        self.users().find_one(doc! { "_id": name.to_lowercase() }).await
    }

    pub(crate) async fn all_users(&self) -> Result<Vec<User>, mongodb::error::Error> {
        let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
        self.users().find(doc! {}).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    /// Adds one.
    ///
    /// # Errors
    /// Also when there is one of that name ([`super::is_duplicate`]).
    pub(crate) async fn add_user(&self, user: &User) -> Result<(), mongodb::error::Error> {
        self.users().insert_one(user).await.map(drop)
    }

    /// Removes one. False when there is none.
    pub(crate) async fn remove_user(&self, name: &str) -> Result<bool, mongodb::error::Error> {
        let done = self.users().delete_one(doc! { "_id": name.to_lowercase() }).await?;
        Ok(done.deleted_count > 0)
    }
}
