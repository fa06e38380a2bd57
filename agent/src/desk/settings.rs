//! The owner's settings. Acting on a change is left to whoever watches the keeper.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::settings::{Settings, SettingsChange};
use tayberry_core::request::status::EventKind;
use tayberry_core::thermal::Wish;
use tayberry_format::state::UpdateSettings;

use super::{Desk, Sender, failed};
use crate::device::{clock, network};

impl Desk {
    pub(super) fn settings(&self) -> Settings {
        let state = self.state();
        let updates = state.updates.clone().unwrap_or_default();
        let fan = self.thermal.wish();
        Settings {
            language: state.language,
            name: network::name(),
            timezone: state.timezone.as_ref().map_or("UTC", AsRef::as_ref).to_owned(),
            channel: state.channel.clone(),
            repository: self.updates.repository().map(String::from),
            automatic_updates: updates.automatic,
            update_window: updates.window,
            fan: fan.policy,
            fan_line: fan.line,
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
        let before = self.thermal.wish();
        let fan = Wish {
            policy: change.fan.unwrap_or_else(|| before.policy.clone()),
            line: change.fan_line.unwrap_or(before.line),
        };
        if fan != before {
            self.thermal.wishes(fan).await.map_err(failed)?;
        }
        self.keeper
            .change(|state| -> Result<(), Problem> {
                state.language = change.language.unwrap_or(state.language);
                let mut updates = state.updates.clone().unwrap_or_default();
                updates.repository = change.repository.unwrap_or(updates.repository);
                updates.automatic = change.automatic_updates.unwrap_or(updates.automatic);
                updates.window = change.update_window.unwrap_or(updates.window);
                state.updates = Some(updates).filter(|updates| *updates != UpdateSettings::default());
                state.channel = change.channel.unwrap_or_else(|| state.channel.clone());
                state.hostname = change.name.or(state.hostname.take());
                state.timezone = change.timezone.or(state.timezone.take());
                Ok(())
            })
            .await?;
        self.happened(EventKind::SettingsChanged, sender);
        Ok(self.settings())
    }
}
