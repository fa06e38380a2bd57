//! A model of the Raspberry Pi 5 boot firmware.
