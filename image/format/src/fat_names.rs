//! Directory entries of FAT: short names, long names and their checksums (specification sections 6 and 7).
//! Where the files lie is [`crate::fat`]'s work.

/// A file or folder as its parent lists it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) short: [u8; 11],
    pub(crate) folder: bool,
    pub(crate) cluster: u32,
    pub(crate) size: u32,
}

impl Entry {
    /// Directory slots of 32 bytes that the entry takes.
    pub(crate) fn slots(&self) -> usize {
        1 + if self.needs_long_name() { self.name.len().div_ceil(13) } else { 0 }
    }

    fn needs_long_name(&self) -> bool {
        display(&self.short) != self.name
    }
}

/// The short name as a reader without long names shows it.
fn display(short: &[u8; 11]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (name, extension) = (text(&short[..8]), text(&short[8..]));
    if extension.is_empty() { name } else { format!("{name}.{extension}") }
}

/// A short name for `name` that no sibling has; none if the name cannot be stored.
pub(crate) fn short_name(name: &str, siblings: &[Entry]) -> Option<[u8; 11]> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    if name.is_empty()
        || name.len() > 255
        || name.starts_with('.')
        || name.ends_with('.')
        || !name.chars().all(allowed)
    {
        return None;
    }
    if siblings.iter().any(|sibling| sibling.name.eq_ignore_ascii_case(name)) {
        return None;
    }
    let upper = name.to_ascii_uppercase().replace('+', "_");
    let (stem, extension) = upper.rsplit_once('.').unwrap_or((&upper, ""));
    let stem = stem.replace('.', "");
    let free = |short: &[u8; 11]| siblings.iter().all(|sibling| sibling.short != *short);
    let exact = upper.matches('.').count() <= 1 && stem.len() <= 8 && extension.len() <= 3;
    if exact {
        let short = pack(&stem, extension);
        if free(&short) {
            return Some(short);
        }
    }
    (1..=99)
        .map(|n| {
            let tail = format!("~{n}");
            pack(&format!("{}{tail}", &stem[..stem.len().min(8 - tail.len())]), extension)
        })
        .find(free)
}

fn pack(stem: &str, extension: &str) -> [u8; 11] {
    let mut short = [b' '; 11];
    for (place, byte) in short[..8].iter_mut().zip(stem.bytes()) {
        *place = byte;
    }
    for (place, byte) in short[8..].iter_mut().zip(extension.bytes()) {
        *place = byte;
    }
    short
}

/// The bytes of a folder. `dots` are the clusters of the folder itself and of its parent; the root has none
/// and carries the volume label instead.
pub(crate) fn directory_entries(label: &[u8; 11], dots: Option<(u32, u32)>, entries: &[Entry]) -> Vec<u8> {
    const VOLUME_ID: u8 = 0x08;
    const FOLDER: u8 = 0x10;
    const ARCHIVE: u8 = 0x20;
    let mut out = Vec::new();
    match dots {
        None => out.extend(short_entry(label, VOLUME_ID, 0, 0)),
        Some((own, parent)) => {
            out.extend(short_entry(b".          ", FOLDER, own, 0));
            out.extend(short_entry(b"..         ", FOLDER, parent, 0));
        }
    }
    for entry in entries {
        if entry.needs_long_name() {
            out.extend(long_entries(entry));
        }
        let kind = if entry.folder { FOLDER } else { ARCHIVE };
        out.extend(short_entry(&entry.short, kind, entry.cluster, entry.size));
    }
    out
}

fn short_entry(name: &[u8; 11], kind: u8, cluster: u32, size: u32) -> [u8; 32] {
    // 1980-01-01, the first date that FAT knows: files have no other time, so that builds are identical.
    const FIRST_DAY: [u8; 2] = [0x21, 0x00];
    let cluster = cluster.to_le_bytes();
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = kind;
    for at in [16, 18, 24] {
        entry[at..at + 2].copy_from_slice(&FIRST_DAY);
    }
    entry[20..22].copy_from_slice(&cluster[2..]);
    entry[26..28].copy_from_slice(&cluster[..2]);
    entry[28..].copy_from_slice(&size.to_le_bytes());
    entry
}

fn long_entries(entry: &Entry) -> Vec<u8> {
    const LAST: u8 = 0x40;
    const LONG_NAME: u8 = 0x0f;
    let checksum = entry.short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let units: Vec<u16> = entry.name.encode_utf16().collect();
    let count = units.len().div_ceil(13);
    let mut out = Vec::new();
    for (index, chunk) in units.chunks(13).enumerate().rev() {
        let mut padded = [0xffff_u16; 13];
        padded[..chunk.len()].copy_from_slice(chunk);
        if let Some(end) = padded.get_mut(chunk.len()) {
            *end = 0;
        }
        let order = u8::try_from(index + 1).unwrap_or(LAST - 1);
        let mut slot = [0; 32];
        slot[0] = if index + 1 == count { order | LAST } else { order };
        slot[11] = LONG_NAME;
        slot[13] = checksum;
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        for (place, unit) in places.zip(padded) {
            slot[place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        out.extend(slot);
    }
    out
}
