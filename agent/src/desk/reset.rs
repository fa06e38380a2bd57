//! The factory reset of a device whose system runs: asked for with name and password, or by the button.

use tayberry_core::request::problem::Problem;
use tayberry_core::request::rescue::Erase;

use super::{Desk, Sender, failed};
use crate::device::{network, reset, systemd};

impl Desk {
    pub(super) async fn factory_reset(&self, sender: &Sender, wish: Erase) -> Result<(), Problem> {
        wish.means(&network::name())?;
        self.confirm_password(sender, wish.password.unwrap_or_default()).await?;
        self.erase().await
    }

    /// Everything on the data partition is destroyed, and the device restarts. The systems in both slots stay.
    ///
    /// # Errors
    /// When the drive or systemd refuses.
    pub async fn erase(&self) -> Result<(), Problem> {
        reset::begin(&self.board.report.disk).await.map_err(failed)?;
        systemd::reboot(&zbus::Connection::system().await.map_err(failed)?).await.map_err(failed)
    }

    /// How the device is, for its screen.
    #[must_use]
    pub fn in_a_sentence(&self) -> String {
        let state = tayberry_core::status::State::derive(self.board.facts()).word();
        let owned = if self.state().owner.is_some() { "has an owner" } else { "waits for its owner" };
        let version = crate::device::system::version();
        format!("{}.local {owned}, version {version}, {state}.", network::name())
    }
}
