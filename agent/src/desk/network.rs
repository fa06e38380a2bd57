//! Networks: what there is, and changes on trial. The work is done by the network's own task.

use tayberry_core::request::network::{Confirmation, Network, WifiChoice};
use tayberry_core::request::problem::{Kind, Problem};

use super::{Desk, Sender};

impl Desk {
    pub(super) async fn network(&self) -> Result<Network, Problem> {
        self.network.network().await
    }

    pub(super) async fn join_wifi(&self, choice: WifiChoice) -> Result<Network, Problem> {
        self.network.join(choice).await
    }

    pub(super) async fn leave_wifi(&self) -> Result<Network, Problem> {
        self.network.leave().await
    }

    /// Only an answer that arrived over a network shows that this network reaches the device.
    pub(super) async fn confirm_network(&self, sender: &Sender, which: &Confirmation) -> Result<(), Problem> {
        let local = sender.local.ok_or_else(|| Problem::from(Kind::OtherNetwork))?;
        self.network.confirm(&which.id, local).await
    }
}
