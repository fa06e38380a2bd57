#!/bin/sh
# Takes out of the root file system what the image assembler puts there itself, the same for every base.
set -eu
target=$1
rm -rf "${target:?}/etc/fstab" "$target/etc/hostname" "$target/etc/machine-id" "$target/etc/resolv.conf" "$target/etc/localtime"
# Podman's helpers where our units look for them, as on Debian; and its generator of units, which Buildroot installs as a program.
mkdir -p "$target/usr/lib/podman" "$target/usr/lib/systemd/system-generators"
ln -sf ../../bin/aardvark-dns "$target/usr/lib/podman/aardvark-dns"
ln -sf ../../../bin/quadlet "$target/usr/lib/systemd/system-generators/podman-system-generator"
# All certificates are in one file, which stays; what each of these leads to does not (image/trim.toml).
find "$target/etc/ssl/certs" -type l -delete
# Debian's name, which our units and presets know, without making keys in a root that cannot be written (tayberry-ssh-key.service does).
if [ -e "$target/usr/lib/systemd/system/sshd.service" ]; then
	sed '/ssh-keygen/d' "$target/usr/lib/systemd/system/sshd.service" >"$target/usr/lib/systemd/system/ssh.service"
	rm "$target/usr/lib/systemd/system/sshd.service"
	find "$target/etc/systemd" "$target/usr/lib/systemd" -type l -name sshd.service -delete
fi
# The assembler looks for device trees and overlays beside the modules of their kernel.
for modules in "$target"/lib/modules/*; do
	mkdir -p "$modules/dtb/broadcom" "$modules/dtb/overlays"
	cp "$BINARIES_DIR"/bcm2712*.dtb "$modules/dtb/broadcom/"
	cp "$BINARIES_DIR"/bcm2712*.dtbo "$modules/dtb/overlays/"
done
