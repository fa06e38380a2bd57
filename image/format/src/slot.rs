//! The two slots and their partitions. Which slot is used when is decided elsewhere (firmware, agent).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two copies of the operating system on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// Boot partition 2, system partition 4.
    A,
    /// Boot partition 3, system partition 5.
    B,
}

impl Slot {
    /// Both slots, in the order of their partitions.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The slot that this one is updated from.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Number of the slot's boot partition in the partition table (DESIGN section 4), counted from 1.
    #[must_use]
    pub const fn boot_partition(self) -> u32 {
        match self {
            Self::A => 2,
            Self::B => 3,
        }
    }

    /// Number of the slot's system partition in the partition table, counted from 1.
    #[must_use]
    pub const fn system_partition(self) -> u32 {
        match self {
            Self::A => 4,
            Self::B => 5,
        }
    }

    /// Name of the device under which device-mapper verifies the slot's system partition.
    #[must_use]
    pub const fn verity_device(self) -> &'static str {
        match self {
            Self::A => "tayberry-a",
            Self::B => "tayberry-b",
        }
    }

    /// The slot whose boot partition has this number, if it is one of ours.
    #[must_use]
    pub const fn from_boot_partition(number: u32) -> Option<Self> {
        match number {
            2 => Some(Self::A),
            3 => Some(Self::B),
            _ => None,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// The text was neither `a` nor `b`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a slot: write a or b")]
pub struct NotASlot(String);

impl FromStr for Slot {
    type Err = NotASlot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "a" | "A" => Ok(Self::A),
            "b" | "B" => Ok(Self::B),
            other => Err(NotASlot(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_name_their_slot() {
        for slot in Slot::ALL {
            assert_eq!(Slot::from_boot_partition(slot.boot_partition()), Some(slot));
            assert_eq!(slot.other().other(), slot);
            assert_eq!(slot.to_string().parse(), Ok(slot));
        }
        assert_eq!(Slot::from_boot_partition(4), None);
        assert!("c".parse::<Slot>().is_err());
    }
}
