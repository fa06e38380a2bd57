//! Saved dashboards: which readings a person wants to see together.

use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::doc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Store;

/// Dashboards of one person at most.
pub(crate) const MOST: u64 = 10_000;

/// A dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Dashboard {
    /// Its name in addresses: the device makes it.
    #[serde(rename = "_id")]
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) owner: String,
    /// What it is called.
    pub(crate) title: String,
    /// What it shows.
    pub(crate) tiles: Vec<Tile>,
}

/// A reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tile {
    Temperature,
    Memory,
    Storage,
    Services,
    Updates,
    Audit,
}

impl Store {
    fn dashboards(&self) -> Collection<Dashboard> {
        self.0.collection("dashboards")
    }

    /// Those behind `after`, by their id.
    pub(crate) async fn dashboards_of(
        &self,
        owner: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Dashboard>, mongodb::error::Error> {
        let which = doc! { "owner": owner, "_id": { "$gt": after } };
        self.dashboards().find(which).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await
    }

    pub(crate) async fn count_dashboards(&self, owner: &str) -> Result<u64, mongodb::error::Error> {
        self.dashboards().count_documents(doc! { "owner": owner }).await
    }

    pub(crate) async fn keep_dashboard(&self, dashboard: &Dashboard) -> Result<(), mongodb::error::Error> {
        self.dashboards().insert_one(dashboard).await.map(drop)
    }

    /// Removes one. False when there is none of that person's.
    pub(crate) async fn remove_dashboard(
        &self,
        owner: &str,
        id: &str,
    ) -> Result<bool, mongodb::error::Error> {
        let done = self.dashboards().delete_one(doc! { "_id": id, "owner": owner }).await?;
        Ok(done.deleted_count > 0)
    }
}
