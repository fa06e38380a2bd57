//! Random bytes from the kernel (getrandom(2)).

use std::io;

/// `N` fresh random bytes.
///
/// # Errors
/// When the kernel has none.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}
