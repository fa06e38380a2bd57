//! In which steps a file of the config partition is replaced on the block device, so that a power cut after any of them
//! leaves the old text, the new one, or one that tells that it is to be emptied. Never a mixture.

/// One sector: a drive writes it as a whole or not at all.
const SECTOR: usize = 512;

/// First line of a file that is being replaced. The state is saved by then, so the text is not needed any more.
const MARK: &[u8] = b"# Being replaced by the device.\n";

/// One write, to be on the disk before the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where in the file.
    pub at: usize,
    /// What.
    pub bytes: Vec<u8>,
}

/// The steps that make a file `new`, which is as long as the file.
#[must_use]
pub fn steps(new: &[u8]) -> Vec<Step> {
    let Some((first, rest)) = new.split_at_checked(SECTOR).filter(|(_, rest)| !rest.is_empty()) else {
        return vec![Step { at: 0, bytes: new.to_vec() }];
    };
    let mut mark = vec![b'\n'; SECTOR];
    mark[..MARK.len()].copy_from_slice(MARK);
    vec![
        Step { at: 0, bytes: mark },
        Step { at: SECTOR, bytes: rest.to_vec() },
        Step { at: 0, bytes: first.to_vec() },
    ]
}

/// Whether the replacement of this file was cut off: then it is to be emptied.
#[must_use]
pub fn was_cut_off(file: &[u8]) -> bool {
    file.starts_with(MARK)
}

/// The text of an emptied file: newlines, which decide nothing in TOML and in YAML.
#[must_use]
pub fn emptied(length: usize) -> Vec<u8> {
    vec![b'\n'; length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_cut_leaves_old_new_or_the_mark(
            old in proptest::collection::vec(any::<u8>(), 0..3000), fill in any::<u8>(), cut in 0usize..20,
        ) {
            let new = vec![fill; old.len()];
            let mut file = old.clone();
            // Sector by sector, as the drive writes.
            let sectors = steps(&new).into_iter().flat_map(|step| {
                let chunks: Vec<_> = step.bytes.chunks(SECTOR).map(<[u8]>::to_vec).collect();
                chunks.into_iter().enumerate().map(move |(index, bytes)| (step.at + index * SECTOR, bytes))
            });
            for (at, bytes) in sectors.take(cut) {
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            prop_assert!(file == old || file == new || was_cut_off(&file));
            for step in steps(&new) {
                file[step.at..step.at + step.bytes.len()].copy_from_slice(&step.bytes);
            }
            prop_assert_eq!(file, new);
        }
    }
}
