//! What is shown of the network.

use tayberry_core::network::heard::networks;
use tayberry_core::network::{profile, trial};
use tayberry_core::request::network::{Interface, Network, Trial};
use tayberry_core::request::problem::Problem;

use super::actor::{Actor, failed, is_radio};
use crate::device::network::addresses_of;
use crate::device::network::manager::Seen;

impl Actor {
    /// Everything, as it is now. Asks the radio to listen anew, for the next time.
    pub(super) async fn view(&mut self) -> Result<Network, Problem> {
        let devices = self.manager.devices().await.map_err(failed)?;
        if let Some(radio) = devices.iter().find(|device| is_radio(device)).filter(|_| !self.setup_is_open())
        {
            self.remember_heard(radio).await;
            if let Err(error) = self.manager.scan(radio).await {
                tracing::debug!("no new scan: {error}");
            }
        }
        let links = self.links().await;
        let trial = match &self.trial {
            trial::State::Trying(trying) => Some(Trial {
                id: trying.id.clone(),
                reverts_in_s: trying.until.saturating_sub(self.now()).as_secs(),
                addresses: trial::addresses(&links),
            }),
            trial::State::Stable => None,
        };
        Ok(Network {
            interfaces: devices.iter().map(interface).collect(),
            wifi: self.heard.clone(),
            wanted_wifi: self.keeper.get().wifi.as_ref().map(|wifi| wifi.ssid.clone()),
            trial,
            failure: self.failure,
        })
    }

    /// Keeps the list of networks in reach, as long as the radio can hear them.
    pub(super) async fn remember_heard(&mut self, radio: &Seen) {
        let heard = match self.manager.heard(radio).await {
            Ok(heard) => heard,
            Err(error) => return tracing::debug!("{error}"),
        };
        let state = self.keeper.get();
        let wifi = match &self.trial {
            trial::State::Trying(trying) => trying.wanted.as_ref(),
            trial::State::Stable => state.wifi.as_ref(),
        };
        let joined = wifi.filter(|wifi| {
            let uuid = profile::wifi_uuid(wifi);
            radio.connected && radio.active.as_ref().is_some_and(|(_, active)| active == uuid.as_ref())
        });
        let own = state.setup_network.as_ref().map(|network| &network.ssid);
        self.heard = networks(&heard, joined.map(|wifi| &wifi.ssid), own);
    }
}

fn interface(device: &Seen) -> Interface {
    Interface {
        name: device.name.clone(),
        kind: device.kind,
        connected: device.connected,
        addresses: addresses_of(&device.name),
    }
}
