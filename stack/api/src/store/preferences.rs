//! What each person likes.

use mongodb::Collection;
use mongodb::bson::doc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Store;

/// Preferences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preferences {
    /// Language of the pages.
    #[serde(default)]
    pub(crate) language: Option<Language>,
    /// Colours of the pages.
    #[serde(default)]
    pub(crate) theme: Option<Theme>,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Language {
    De,
    En,
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Theme {
    Dark,
    Light,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "_id")]
    owner: String,
    preferences: Preferences,
}

impl Store {
    fn preferences(&self) -> Collection<Kept> {
        self.0.collection("preferences")
    }

    pub(crate) async fn preferences_of(&self, owner: &str) -> Result<Preferences, mongodb::error::Error> {
        let kept = self.preferences().find_one(doc! { "_id": owner }).await?;
        Ok(kept.map(|kept| kept.preferences).unwrap_or_default())
    }

    pub(crate) async fn keep_preferences(
        &self,
        owner: &str,
        preferences: Preferences,
    ) -> Result<(), mongodb::error::Error> {
        let kept = Kept { owner: owner.to_owned(), preferences };
        self.preferences().replace_one(doc! { "_id": owner }, kept).upsert(true).await.map(drop)
    }
}
