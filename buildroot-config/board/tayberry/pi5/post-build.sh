#!/bin/sh
# Takes out of the root file system what the image assembler puts there itself, the same for every base.
set -eu
target=$1
rm -rf "${target:?}/etc/fstab" "$target/etc/hostname" "$target/etc/machine-id" "$target/etc/resolv.conf" "$target/etc/localtime"
# The assembler looks for device trees and overlays beside the modules of their kernel.
for modules in "$target"/lib/modules/*; do
	mkdir -p "$modules/dtb/broadcom" "$modules/dtb/overlays"
	cp "$BINARIES_DIR"/bcm2712*.dtb "$modules/dtb/broadcom/"
	cp "$BINARIES_DIR"/bcm2712*.dtbo "$modules/dtb/overlays/"
done
