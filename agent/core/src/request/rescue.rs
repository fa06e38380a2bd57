//! Rescue, as its page and scripts see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{Kind, Problem};

/// A device in rescue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rescue {
    /// Why it is there.
    pub cause: Cause,
    /// The same in one sentence.
    pub sentence: String,
    /// Both slots.
    pub slots: Vec<RescueSlot>,
    /// Why the data partition cannot be used; absent if it can.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub data_problem: Option<String>,
    /// The name to type for a factory reset.
    pub name: String,
}

/// Why a device is in rescue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Neither slot holds a system that is whole.
    BothDamaged,
    /// The default slot is whole, but its system does not come up.
    DoesNotStart,
    /// Somebody held the button while the power came on.
    Button,
}

impl Cause {
    /// In one sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BothDamaged => "The systems in both slots are damaged.",
            Self::DoesNotStart => "The system is whole, but did not come up several times.",
            Self::Button => {
                "The button was held while the power came on; if nobody did, take its wires off (pins 29, 30)."
            }
        }
    }
}

/// A slot, as rescue found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RescueSlot {
    /// `A` or `B`.
    pub slot: String,
    /// The firmware starts it.
    pub default: bool,
    /// What is wrong with it; absent if it is whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// The wish to erase all data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// The device's name, typed by a person: there is no way back.
    #[schema(max_length = 64)]
    pub name: String,
    /// The owner's password; not asked for in rescue, where nobody can sign in by anything else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 1024)]
    pub password: Option<String>,
}

impl Erase {
    /// That the device `name` is meant, and no other.
    ///
    /// # Errors
    /// With what to type.
    pub fn means(&self, name: &str) -> Result<(), Problem> {
        if self.name.trim().to_lowercase() == name {
            return Ok(());
        }
        Err(Problem::new(Kind::NotAllowed, format!("Type the name of the device: {name}.")))
    }
}
