################################################################################
#
# Versions that the LTS release does not have yet
#
################################################################################

# Read before the packages. The agent needs a newer Rust.
override RUST_BIN_VERSION = 1.95.0
