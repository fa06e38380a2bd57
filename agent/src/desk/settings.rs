//! The owner's settings. Acting on a change is left to whoever watches the keeper.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::settings::{Settings, SettingsChange};
use tayberry_core::request::status::EventKind;

use super::{Desk, Sender};
use crate::device::{clock, network};

impl Desk {
    pub(super) fn settings(&self) -> Settings {
        let state = self.state();
        Settings {
            language: state.language,
            name: network::name(),
            timezone: state.timezone.as_ref().map_or("UTC", AsRef::as_ref).to_owned(),
            channel: state.channel,
        }
    }

    pub(super) async fn change_settings(
        &self,
        sender: &Sender,
        change: SettingsChange,
    ) -> Result<Settings, Problem> {
        if let Some(zone) = &change.timezone
            && !clock::knows(zone)
        {
            return Err(Problem::new(Kind::NotAllowed, "This device does not know that time zone."));
        }
        self.keeper
            .change(|state| -> Result<(), Problem> {
                state.language = change.language.unwrap_or(state.language);
                state.channel = change.channel.unwrap_or(state.channel);
                state.hostname = change.name.or(state.hostname.take());
                state.timezone = change.timezone.or(state.timezone.take());
                Ok(())
            })
            .await?;
        self.happened(EventKind::SettingsChanged, sender);
        Ok(self.settings())
    }
}
