//! What the firmware reports, as values with units.

use std::fmt;

/// A temperature, held in thousandths of a degree Celsius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Celsius(i32);

impl Celsius {
    /// From thousandths of a degree, as the firmware and the kernel give it.
    #[must_use]
    pub const fn from_thousandths(thousandths: i32) -> Self {
        Self(thousandths)
    }

    /// From whole degrees.
    #[must_use]
    pub const fn from_degrees(degrees: i16) -> Self {
        Self(degrees as i32 * 1000)
    }

    /// Thousandths of a degree.
    #[must_use]
    pub const fn thousandths(self) -> i32 {
        self.0
    }

    /// Degrees.
    #[must_use]
    pub fn degrees(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl fmt::Display for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} °C", self.degrees())
    }
}

/// Bits of under-voltage and throttling (Raspberry Pi documentation, `vcgencmd get_throttled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled(pub u32);

impl Throttled {
    /// The supply is too weak now.
    #[must_use]
    pub const fn under_voltage(self) -> bool {
        self.0 & 1 != 0
    }

    /// The processor is slowed down now, for whatever reason (bits 1 to 3: frequency capped, throttled, soft
    /// temperature limit).
    #[must_use]
    pub const fn slowed(self) -> bool {
        self.0 & 0b1110 != 0
    }

    /// The supply was too weak at some time since the start.
    #[must_use]
    pub const fn under_voltage_since_start(self) -> bool {
        self.0 & 1 << 16 != 0
    }

    /// The processor was slowed down at some time since the start.
    #[must_use]
    pub const fn slowed_since_start(self) -> bool {
        self.0 & 0b1110 << 16 != 0
    }
}

/// Flags that the firmware reads and clears at the next reset (rpi-eeprom: `tryboot`). Lost on power-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebootFlags(pub u32);

impl RebootFlags {
    /// Boot the `[tryboot]` choice of `autoboot.txt` once.
    pub const TRY_ONCE: Self = Self(1);

    /// Whether the next boot is a trial.
    #[must_use]
    pub const fn try_once(self) -> bool {
        self.0 & Self::TRY_ONCE.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units() {
        assert_eq!(Celsius::from_thousandths(45_250).to_string(), "45.2 °C");
        assert!((Celsius::from_thousandths(-500).degrees() + 0.5).abs() < f64::EPSILON);
        assert!(Celsius::from_thousandths(80_000) > Celsius::from_thousandths(79_999));
    }

    #[test]
    fn bits_are_told_apart() {
        let rows = [
            (0, [false, false, false, false]),
            (0x1, [true, false, false, false]),
            (0x4, [false, true, false, false]),
            (0x1_0000, [false, false, true, false]),
            (0x8_0000, [false, false, false, true]),
            (0x5_0005, [true, true, true, true]),
        ];
        for (bits, wanted) in rows {
            let seen = Throttled(bits);
            let seen = [
                seen.under_voltage(),
                seen.slowed(),
                seen.under_voltage_since_start(),
                seen.slowed_since_start(),
            ];
            assert_eq!(seen, wanted, "{bits:#x}");
        }
        assert!(RebootFlags(3).try_once() && !RebootFlags(2).try_once());
    }
}
