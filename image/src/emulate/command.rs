//! What can be done to a board from outside.

/// What the world does to the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Pull the plug.
    Cut,
    /// Plug it in again.
    PowerOn,
    /// Press the Pi 5's own power button.
    PowerButton,
    /// The same, but a board that is off stays off.
    ShutDown,
    /// Pull the plug in the middle of the last recorded write, of which so many bytes reach the disk; half without a
    /// number.
    Tear(Option<u64>),
    /// Plug the network cable in, or pull it. It stays so when the board goes off.
    Cable(bool),
    /// The first NVMe drive says these things of its health: bits of byte 0 of its page (NVM Express base specification, log 02h).
    Smart(u8),
    /// Write the board to its run folder ([`super::saved`]), and leave it off.
    Save,
    /// End the emulator; the board goes off at once.
    Quit,
}
