//! Lines of the Pi's header that the device uses, by their BCM numbers.

/// The button: pin 29, beside the ground of pin 30 (overlays/device-tree/tayberry-button.dts says why).
pub const BUTTON: u8 = 5;
