//! Why a wireless network was not joined, from what NetworkManager says of it.

use crate::request::network::JoinFailure;

/// `NM_DEVICE_STATE_REASON_…` (NetworkManager's D-Bus types).
mod code {
    pub(super) const CONFIG_FAILED: u32 = 4;
    pub(super) const IP_UNAVAILABLE: u32 = 5;
    pub(super) const IP_EXPIRED: u32 = 6;
    pub(super) const NO_SECRETS: u32 = 7;
    pub(super) const SUPPLICANT_DISCONNECT: u32 = 8;
    pub(super) const SUPPLICANT_TIMEOUT: u32 = 11;
    pub(super) const DHCP_START_FAILED: u32 = 15;
    pub(super) const DHCP_ERROR: u32 = 16;
    pub(super) const DHCP_FAILED: u32 = 17;
    pub(super) const SSID_NOT_FOUND: u32 = 53;
}

/// Translates the reason of a failed activation. A wrong password is seen as missing secrets: the handshake failed, the
/// supplicant asked for another password, and there is nobody to ask.
#[must_use]
pub const fn of(reason: u32, secured: bool) -> JoinFailure {
    match reason {
        code::NO_SECRETS if secured => JoinFailure::WrongPassword,
        // An open network asked for a password.
        code::NO_SECRETS => JoinFailure::PasswordNeeded,
        code::SSID_NOT_FOUND => JoinFailure::NotFound,
        code::IP_UNAVAILABLE
        | code::IP_EXPIRED
        | code::DHCP_START_FAILED
        | code::DHCP_ERROR
        | code::DHCP_FAILED => JoinFailure::NoAddress,
        code::CONFIG_FAILED | code::SUPPLICANT_DISCONNECT | code::SUPPLICANT_TIMEOUT => JoinFailure::Refused,
        _ => JoinFailure::Other,
    }
}

/// The same in one sentence.
#[must_use]
pub const fn sentence(failure: JoinFailure) -> &'static str {
    match failure {
        JoinFailure::WrongPassword => "The password is wrong.",
        JoinFailure::PasswordNeeded => "This network wants a password.",
        JoinFailure::NotFound => "No such network is in reach.",
        JoinFailure::NoAddress => "The network gave the device no address.",
        JoinFailure::Refused => "The network did not let the device in.",
        JoinFailure::NoRadio => "The device has no radio.",
        JoinFailure::NotConfirmed => "Nobody confirmed the new network in time.",
        JoinFailure::Other => "The network could not be joined.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart() {
        let rows = [
            (7, true, JoinFailure::WrongPassword),
            (7, false, JoinFailure::PasswordNeeded),
            (53, true, JoinFailure::NotFound),
            (5, true, JoinFailure::NoAddress),
            (8, true, JoinFailure::Refused),
            (0, true, JoinFailure::Other),
        ];
        for (reason, secured, failure) in rows {
            assert_eq!(of(reason, secured), failure);
            assert!(sentence(failure).ends_with('.'));
        }
    }
}
