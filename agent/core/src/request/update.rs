//! Updates, as pages and scripts see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::stack::ServiceChange;
use crate::update::progress::Progress;

/// Where updates are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Updates {
    /// The version that runs.
    pub version: String,
    /// The slot that runs, `A` or `B`.
    pub slot: String,
    /// What is under way.
    pub phase: UpdatePhase,
    /// The version that is under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target: Option<String>,
    /// How far it is, while bytes are moved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub progress: Option<Progress>,
    /// The byte of the bundle that an upload that broke off goes on with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub offset: Option<u64>,
    /// What its restart will do, once it is written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<UpdatePlan>,
    /// Why the other slot cannot be written to yet; one sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_use: Option<String>,
    /// How the last one ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last: Option<LastUpdate>,
    /// The version that the other slot holds, to roll back to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<String>,
    /// What it takes for that one to run again; absent until that was looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub way_back: Option<UpdatePlan>,
    /// Address of the repository; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub repository: Option<String>,
    /// When the repository was asked, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked: Option<i64>,
    /// Why it could not be asked, or offers nothing that this device takes; one sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
    /// The version that it offers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub available: Option<Available>,
}

/// What it takes for a version to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UpdatePlan {
    /// The services go on meanwhile; else the device restarts.
    pub live: bool,
    /// What needs the restart: files that the firmware reads and that changed, or why that is not known.
    pub why: Vec<String>,
    /// What becomes of each service.
    pub services: Vec<ServiceChange>,
    /// How long services were away at this device's last update of this kind, in seconds; absent before the first. When live, those
    /// that are stopped before they are started anew.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap_seconds: Option<f64>,
}

/// The wish to have it run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartWish {
    /// Restart the device, even if services could go on.
    #[serde(default)]
    pub reboot: bool,
}

/// A version on offer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Available {
    /// The version.
    pub version: String,
    /// Bytes to fetch: what neither slot holds.
    pub download_bytes: u64,
    /// Bytes of the whole version.
    pub full_bytes: u64,
    /// What is new, by language (`en`, `de`).
    pub notes: BTreeMap<String, String>,
    /// It was tried before and did not stay: it needs the owner's word.
    pub tried_before: bool,
    /// What it will take for it to run; absent where its manifest does not say what the firmware reads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<UpdatePlan>,
}

/// The wish to fetch and write what is on offer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallWish {
    /// The owner's word to try a version once more that did not stay.
    #[serde(default)]
    pub again: bool,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpdatePhase {
    /// Nothing.
    Idle,
    /// Signatures and compatibility are judged; nothing was changed yet.
    Judging,
    /// It is compared with what the device holds.
    Planning,
    /// It is received and written to the slot that does not run.
    Writing,
    /// It is read back.
    Checking,
    /// It is ready: a restart tries it.
    Staged,
    /// The restart has begun.
    Restarting,
    /// It runs, and its health is being judged.
    Trial,
    /// It was judged well and becomes the default.
    Committing,
    /// It was judged badly: the device restarts into the old one.
    GoingBack,
}

/// How an update ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastUpdate {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The version.
    pub version: String,
    /// It stayed.
    pub stayed: bool,
    /// One sentence.
    pub sentence: String,
    /// The last lines of the log, if something was wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log: Vec<String>,
}

/// A piece of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// Its first byte in the bundle.
    pub offset: u64,
    /// Its length in bytes; it ends the bundle.
    pub bytes: u64,
    /// The owner's word to try a version once more that did not stay.
    #[serde(default)]
    pub again: bool,
}
