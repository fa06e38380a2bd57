//! Fixed-width numbers out of byte slices, without panics. What they mean is left to the callers.

/// `N` bytes at `offset`, or `None` past the end.
pub(crate) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset.checked_add(N)?)?.try_into().ok()
}

/// The byte at `offset`; 0 past the end (callers check the length first).
pub(crate) fn u8_at(bytes: &[u8], offset: usize) -> u8 {
    bytes.get(offset).copied().unwrap_or(0)
}

/// Little-endian number at `offset`; 0 past the end (callers check the length first).
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    array(bytes, offset).map_or(0, u16::from_le_bytes)
}

/// Little-endian number at `offset`; 0 past the end (callers check the length first).
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    array(bytes, offset).map_or(0, u32::from_le_bytes)
}

/// Little-endian number at `offset`; 0 past the end (callers check the length first).
pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    array(bytes, offset).map_or(0, u64::from_le_bytes)
}

/// Big-endian number at `offset` (device trees); 0 past the end.
pub(crate) fn be32_at(bytes: &[u8], offset: usize) -> u32 {
    array(bytes, offset).map_or(0, u32::from_be_bytes)
}
