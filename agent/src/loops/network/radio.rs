//! What the radio does: the setup network, the wanted network, or whatever NetworkManager finds.

use tayberry_core::network::profile;
use tayberry_format::state::State;

use super::actor::Actor;
use crate::device::network::manager::{ManagerError, Seen};

impl Actor {
    /// Brings the radio to what `state` and the setup network want. `changed`: the wireless network is another one.
    pub(super) async fn tune(
        &mut self,
        radio: &Seen,
        state: &State,
        changed: bool,
    ) -> Result<(), ManagerError> {
        let active = radio.active.as_ref().map(|(_, uuid)| uuid.as_str());
        let setup = state.setup_network.as_ref().map(profile::setup_uuid);
        let wifi = state.wifi.as_ref().map(profile::wifi_uuid);
        let setup = setup.as_ref().map(AsRef::as_ref);
        let is_setup = setup.is_some() && active == setup;
        self.tell_country(radio, state).await;
        match (setup, &wifi) {
            (Some(_), _) if self.setup_is_open() && is_setup => {}
            (Some(setup), _) if self.setup_is_open() => {
                self.remember_heard(radio).await;
                self.manager.activate(setup, radio).await?;
            }
            // NetworkManager takes the setup network down for it.
            (_, Some(wifi)) if changed || is_setup => self.manager.activate(wifi.as_ref(), radio).await?,
            _ if is_setup => self.manager.deactivate(radio).await?,
            _ => {}
        }
        Ok(())
    }

    /// Which channels may be used; without a country those that are free everywhere.
    async fn tell_country(&mut self, radio: &Seen, state: &State) {
        let country = state.wifi.as_ref().and_then(|wifi| wifi.country.as_ref()).map(AsRef::<str>::as_ref);
        if country.is_none() || country == self.country.as_deref() {
            return;
        }
        match self.manager.set_country(radio, country.unwrap_or_default()).await {
            Ok(()) => self.country = country.map(str::to_owned),
            Err(error) => tracing::warn!("the radio does not take the country: {error}"),
        }
    }
}
