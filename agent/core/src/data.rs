//! What to do with the data partition before it is mounted at `/var`.

use tayberry_format::boot_report::Data;

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// Make a file system, mark it as made, go on.
    Format {
        /// Kernel name of the decrypted device.
        device: &'a str,
        /// Kernel name of the partition that holds the key blocks.
        partition: &'a str,
    },
    /// Check the file system and repair what is safe to repair.
    Check {
        /// Kernel name of the decrypted device.
        device: &'a str,
    },
    /// Run without data: `/var` is memory and forgets everything.
    Forgetful {
        /// Why, in one sentence.
        why: &'a str,
    },
}

/// Decides. A partition that ever held a file system is never formatted, whatever it looks like now.
#[must_use]
pub fn decide(data: &Data) -> Step<'_> {
    match data {
        Data::Open { device, partition, blank: true } => Step::Format { device, partition },
        Data::Open { device, blank: false, .. } => Step::Check { device },
        Data::Unavailable { why } => Step::Forgetful { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_blank_partition_is_formatted() {
        let open = |blank| Data::Open { device: "dm-1".into(), partition: "nvme0n1p6".into(), blank };
        assert!(matches!(decide(&open(true)), Step::Format { .. }));
        assert!(matches!(decide(&open(false)), Step::Check { .. }));
        assert!(matches!(decide(&Data::Unavailable { why: "gone".into() }), Step::Forgetful { .. }));
    }
}
