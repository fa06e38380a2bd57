//! The document database. What was acknowledged is on its disk: every write waits for the journal. It may be away: each question then
//! fails after a while with a sentence, and the next one finds it again.

mod audit;
mod dashboards;
mod preferences;
mod users;

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, Credential, IndexOptions, WriteConcern};
use mongodb::{Client, Database, IndexModel};

pub(crate) use audit::{Act, Entry};
pub(crate) use dashboards::{Dashboard, MOST as MOST_DASHBOARDS, Tile};
pub(crate) use preferences::Preferences;
pub(crate) use users::{MOST as MOST_USERS, Role, User};

use crate::settings::{Address, USER};

/// The one that is ours, and knows us.
const DATABASE: &str = "console";
/// How long a question may wait for the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at most.
const POOL: u32 = 8;
/// Version of what is stored.
const SCHEMA: i32 = 1;
/// How long to wait before the schema is looked at again.
const AGAIN: Duration = Duration::from_secs(3);

/// The database; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store(Database);

impl Store {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) async fn open(address: &Address) -> Result<Self, mongodb::error::Error> {
        let mut options = ClientOptions::parse(&address.url).await?;
        let credential = Credential::builder().username(USER.to_owned()).password(address.password.clone());
        options.credential = Some(credential.source(DATABASE.to_owned()).build());
        options.app_name = Some("tayberry-api".to_owned());
        options.max_pool_size = Some(POOL);
        options.server_selection_timeout = Some(PATIENCE);
        options.connect_timeout = Some(PATIENCE);
        // Only what a single server offers.
        options.retry_writes = Some(false);
        options.retry_reads = Some(true);
        let concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern = Some(concern);
        Ok(Self(Client::with_options(options)?.database(DATABASE)))
    }

    /// Whether it keeps `mark` and gives it back.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn probe(&self, mark: &str) -> Result<bool, mongodb::error::Error> {
        let probes = self.0.collection::<Document>("probe");
        let set = doc! { "$set": { "mark": mark } };
        probes.update_one(doc! { "_id": "api" }, set).upsert(true).await?;
        let kept = probes.find_one(doc! { "_id": "api" }).await?;
        Ok(kept.is_some_and(|kept| kept.get_str("mark").is_ok_and(|kept| kept == mark)))
    }

    /// Brings what is stored to this version, as soon as the database answers.
    pub(crate) async fn prepare(self) {
        while let Err(error) = self.migrate().await {
            tracing::warn!("the document database is not ready: {error}");
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Each step can be taken twice; the version is written last.
    async fn migrate(&self) -> Result<(), mongodb::error::Error> {
        let schema = self.0.collection::<Document>("schema");
        let found = schema.find_one(doc! { "_id": "console" }).await?;
        let version = found.and_then(|found| found.get_i32("version").ok()).unwrap_or_default();
        if version > SCHEMA {
            tracing::error!(version, "a newer version wrote this data; it is left as it is");
            return Ok(());
        }
        if version < 1 {
            let by =
                |keys: Document| IndexModel::builder().keys(keys).options(IndexOptions::default()).build();
            self.0.collection::<Document>("dashboards").create_index(by(doc! { "owner": 1 })).await?;
        }
        if version < SCHEMA {
            let set = doc! { "$set": { "version": SCHEMA } };
            schema.update_one(doc! { "_id": "console" }, set).upsert(true).await?;
            tracing::info!(from = version, to = SCHEMA, "the data is that of this version");
        }
        Ok(())
    }
}

/// Whether an error says that there is such a document already (code 11000).
pub(crate) fn is_duplicate(error: &mongodb::error::Error) -> bool {
    use mongodb::error::{ErrorKind, WriteFailure};
    matches!(error.kind.as_ref(), ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == 11_000)
}
