#!/bin/sh
# Says how the root file system becomes an image: by the assembler that makes all of them, so that partitions, verity, bundles and updates
# are the same whatever the base is.
set -eu
images=$1
project=$(CDPATH='' cd "$(dirname "$0")/../../../.." && pwd)
echo "Now, in $project:"
echo "    cargo run --package tayberry -- build --base $images/rootfs.tar --kernel $images/Image --flavour raspberrypi"
