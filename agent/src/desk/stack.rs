//! The stack: what runs, and what the owner declares.

use std::fs::File;

use tayberry_core::request::problem::Problem;
use tayberry_core::request::stack::{
    Archive, ComposeFile, Images, Registries, RegistryTrust, ServiceLog, StackData, StackPlan, StackState,
    WhichSecrets, WhichService, WhichStored,
};
use tayberry_core::request::status::EventKind;

use super::{Desk, Sender};

impl Desk {
    /// Whether services are being changed.
    #[must_use]
    pub fn stack_busy(&self) -> bool {
        self.stack.is_busy()
    }

    /// Whether a gateway of the stack serves the ports of browsers.
    #[must_use]
    pub fn gateway_serves(&self) -> bool {
        self.stack.gateway_serves()
    }

    pub(super) async fn stack(&self) -> Result<StackState, Problem> {
        self.stack.state().await
    }

    pub(super) async fn stack_log(&self, which: &WhichService) -> Result<ServiceLog, Problem> {
        self.stack.log(&which.service).await
    }

    pub(super) async fn plan_stack(&self, file: &ComposeFile) -> Result<StackPlan, Problem> {
        self.stack.plan(file).await
    }

    pub(super) async fn apply_stack(
        &self,
        sender: &Sender,
        file: ComposeFile,
    ) -> Result<StackState, Problem> {
        let now = self.stack.apply(file).await?;
        self.happened(EventKind::StackChanged, sender);
        Ok(now)
    }

    pub(super) async fn apply_system_stack(&self, sender: &Sender) -> Result<StackState, Problem> {
        let now = self.stack.apply_system().await?;
        self.happened(EventKind::StackChanged, sender);
        Ok(now)
    }

    pub(super) async fn roll_back_stack(&self, sender: &Sender) -> Result<StackState, Problem> {
        let now = self.stack.roll_back().await?;
        self.happened(EventKind::StackChanged, sender);
        Ok(now)
    }

    pub(super) async fn renew_secrets(
        &self,
        sender: &Sender,
        which: WhichSecrets,
    ) -> Result<StackState, Problem> {
        let now = self.stack.renew_secrets(which).await?;
        self.happened(EventKind::SecretsRenewed, sender);
        Ok(now)
    }

    pub(super) async fn load_images(
        &self,
        sender: &Sender,
        archive: Archive,
        file: File,
    ) -> Result<Images, Problem> {
        let images = self.stack.load_images(archive, file).await?;
        self.happened(EventKind::ImagesLoaded, sender);
        Ok(images)
    }

    pub(super) fn trust_registry(
        &self,
        sender: &Sender,
        trust: &RegistryTrust,
    ) -> Result<Registries, Problem> {
        let registries = self.stack.trust_registry(trust)?;
        self.happened(EventKind::RegistryTrusted, sender);
        Ok(registries)
    }

    pub(super) async fn remove_stored(
        &self,
        sender: &Sender,
        which: WhichStored,
    ) -> Result<StackData, Problem> {
        let (left, what) = match which {
            WhichStored::Volume(which) => (self.stack.remove_volume(which).await?, EventKind::VolumeRemoved),
            WhichStored::Image(which) => (self.stack.remove_image(&which).await?, EventKind::ImageRemoved),
        };
        self.happened(what, sender);
        Ok(left)
    }

    pub(super) async fn remove_stack(&self, sender: &Sender) -> Result<StackState, Problem> {
        let now = self.stack.remove().await?;
        self.happened(EventKind::StackChanged, sender);
        Ok(now)
    }
}
