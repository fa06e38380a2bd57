//! The stack: what is declared, what runs, and what a change would do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComposeFile {
    /// Its text, up to 32 KiB; `docs/operating/stack.md` says what is understood of the Compose Specification.
    pub compose: String,
    /// The files that its `env_file` names, by these names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_files: BTreeMap<String, String>,
}

/// What a compose file would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StackPlan {
    /// The services that are touched; none when everything is as the file says.
    pub changes: Vec<ServiceChange>,
    /// What is allowed and yet unwise.
    pub warnings: Vec<StackWarning>,
}

/// A service that is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceChange {
    /// Its name.
    pub service: String,
    /// What happens to it.
    pub change: ChangeKind,
}

/// What happens to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is started.
    Start,
    /// It is stopped, and started as it is declared now.
    Replace,
    /// It is stopped. What it keeps stays.
    Stop,
    /// The new version starts beside it, and takes its place without a gap.
    Roll,
}

impl ChangeKind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Replace => "stopped and started",
            Self::Stop => "stopped",
            Self::Roll => "replaced without a gap",
        }
    }
}

/// Something unwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StackWarning {
    /// The line of the compose file, from 1.
    pub line: u64,
    /// What, why, and what to do.
    pub sentence: String,
}

/// The stack now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StackState {
    /// Whose declaration it is.
    pub source: StackSource,
    /// The compose file that is declared; none runs if absent.
    pub compose: Option<String>,
    /// The files that its `env_file` names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env_files: BTreeMap<String, String>,
    /// The gateway serves the ports 80 and 443; else the device's own pages are there.
    pub gateway_serves: bool,
    /// There is a declaration before this one to go back to.
    pub can_roll_back: bool,
    /// Services are being changed to what is declared.
    pub busy: bool,
    /// Why that did not succeed, the last time it was tried.
    pub problem: Option<String>,
    /// The services.
    pub services: Vec<ServiceState>,
}

/// Whose declaration holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StackSource {
    /// There is none.
    #[default]
    Nothing,
    /// The stack that comes with the system; it follows updates.
    System,
    /// The owner's.
    Own,
}

/// A service now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceState {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// How it is.
    pub health: ServiceHealth,
    /// The same in a sentence, with the reason.
    pub sentence: String,
    /// Memory in use, in bytes; absent when it does not run.
    pub memory_bytes: Option<u64>,
    /// Memory at most, in bytes.
    pub memory_limit_bytes: u64,
    /// How often it was started again by itself.
    pub restarts: u32,
}

/// Which service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichService {
    /// Its name.
    pub service: String,
}

/// Which secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichSecrets {
    /// Their names; all random ones of the declared stack if absent.
    #[serde(default)]
    #[schema(max_items = 64)]
    pub secrets: Option<Vec<String>>,
}

/// What the data partition holds of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StackData {
    /// Bytes that services can still write.
    pub free_bytes: u64,
    /// Bytes of the data partition.
    pub total_bytes: u64,
    /// The largest first.
    pub volumes: Vec<Volume>,
    /// Those that were fetched or handed in; the largest first.
    pub images: Vec<StoredImage>,
}

/// An image of containers on the data partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoredImage {
    /// Its number.
    pub id: String,
    /// Its names; none once another one has them.
    pub names: Vec<String>,
    /// Its files in bytes, with those that other images have, too.
    pub bytes: u64,
    /// The declared stack has it, or the one before it, to which the owner can go back. Others can be removed.
    pub declared: bool,
}

/// What a service keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Volume {
    /// The service.
    pub service: String,
    /// The volume.
    pub volume: String,
    /// Its files, in bytes on the disk.
    pub bytes: u64,
    /// The declared stack has it, or the one before it, to which the owner can go back. Others can be removed.
    pub declared: bool,
}

/// An archive of container images, as `podman save` writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Its length in bytes.
    pub bytes: u64,
}

/// The images on the data partition, beside those of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Images {
    /// Their names.
    pub images: Vec<String>,
}

/// Registries that are believed by their own certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Registries {
    /// `HOST` or `HOST:PORT`.
    pub registries: Vec<String>,
}

/// By which certificate a registry is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryTrust {
    /// `HOST` or `HOST:PORT`, as names of its images begin.
    #[schema(max_length = 255)]
    pub registry: String,
    /// The certificate of the authority that signs its own, PEM; absent to believe none of its own any more.
    #[serde(default)]
    #[schema(max_length = 16_384)]
    pub certificate: Option<String>,
}

/// Which volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichVolume {
    /// The service that kept it.
    pub service: String,
    /// The volume.
    pub volume: String,
}

/// Which image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichImage {
    /// Its number, or one of its names.
    #[schema(max_length = 512)]
    pub image: String,
}

/// What is to be removed of what the data partition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhichStored {
    /// What a service kept.
    Volume(WhichVolume),
    /// An image.
    Image(WhichImage),
}

/// What a service said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceLog {
    /// The last lines with their times, the newest last; up to 200 of them, and 32 KiB.
    pub lines: Vec<String>,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceHealth {
    /// It runs, and its check is passed if it has one.
    Healthy,
    /// It is starting.
    Starting,
    /// It ended, and is started again.
    Restarting,
    /// It ended, and is not started again.
    Failed,
    /// It does not run.
    Stopped,
}
