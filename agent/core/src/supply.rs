//! The power supply, as the firmware judges it. Asking it is left to the agent.

use crate::firmware::Throttled;
use crate::request::metrics::Supply;

/// The firmware's flags, for people.
#[must_use]
pub const fn read(throttled: Throttled) -> Supply {
    Supply {
        under_voltage: throttled.under_voltage(),
        slowed: throttled.slowed(),
        under_voltage_since_start: throttled.under_voltage_since_start(),
        slowed_since_start: throttled.slowed_since_start(),
    }
}

/// What the owner should know. Heat has its own words; a supply that is too weak costs data sooner or later.
#[must_use]
pub fn warning(supply: Supply) -> Option<String> {
    let when = match supply {
        Supply { under_voltage: true, .. } => "is too weak",
        Supply { under_voltage_since_start: true, .. } => "was too weak at some time since the start",
        Supply { .. } => return None,
    };
    Some(format!("The power supply {when}: use one with 5 A at 5.1 V, and a short cable."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_supply_is_worth_a_word() {
        assert_eq!(warning(read(Throttled(0))), None);
        assert_eq!(warning(read(Throttled(0b1110))), None, "heat");
        assert!(warning(read(Throttled(1))).is_some_and(|said| said.contains("is too weak")));
        assert!(warning(read(Throttled(1 << 16))).is_some_and(|said| said.contains("was too weak")));
    }
}
