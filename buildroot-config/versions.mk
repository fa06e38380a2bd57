################################################################################
#
# Versions that the LTS release does not have yet
#
################################################################################

# Read before the packages. The agent needs a newer Rust.
override RUST_BIN_VERSION = 1.95.0
# What makes units of containers is not built by the package.
override PODMAN_BUILD_TARGETS = cmd/podman cmd/quadlet
