//! How long each stage of the boot took, from points in time that different programs wrote down.

/// A stage and its length in milliseconds.
pub type Stage = (String, u64);

/// Turns the ends of consecutive stages (milliseconds since the kernel started) into lengths. A point that lies before
/// its predecessor was taken from another clock; its stage counts as nothing.
#[must_use]
pub fn stages(ends: &[(String, u64)]) -> Vec<Stage> {
    let mut last = 0;
    let mut stages = Vec::new();
    for (name, end) in ends {
        stages.push((name.clone(), end.saturating_sub(last)));
        last = last.max(*end);
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_become_lengths() {
        let ends = [("kernel", 900), ("disk", 1500), ("odd", 1400), ("agent", 4000)];
        let ends: Vec<_> = ends.map(|(name, end)| (name.to_owned(), end)).to_vec();
        let lengths: Vec<u64> = stages(&ends).into_iter().map(|(_, length)| length).collect();
        assert_eq!(lengths, [900, 600, 0, 2500]);
    }
}
