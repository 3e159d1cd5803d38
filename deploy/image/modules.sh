#!/bin/sh
# modules.sh ARCH: installs into ./node_modules what selvedged needs beside its bundle, as package-lock.json has it: the
# packages with native code, for amd64 or arm64. Nothing of ARCH is run, and no install script either.
set -eu

case $1 in
  amd64) cpu=x64 ;;
  arm64) cpu=arm64 ;;
  *) echo "modules.sh: no image for the architecture '$1': amd64 or arm64" >&2; exit 2 ;;
esac

npm ci --workspace=packages/selvedged --omit=dev --ignore-scripts --no-audit --no-fund \
  --os=linux --cpu="$cpu" --libc=glibc

# The link to the package itself, sources, documents, and code for other systems.
rm -rf node_modules/@selvedge node_modules/.bin node_modules/.package-lock.json
rm -rf node_modules/koffi/doc node_modules/koffi/vendor node_modules/lmdb/dependencies
for ending in c cc cpp h hh hpp gyp map md ts musl.node; do find node_modules -name "*.$ending" -type f -delete; done
find node_modules/netlink/prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$cpu" -exec rm -rf {} +
find node_modules/@koromix -type d -name 'musl_*' -prune -exec rm -rf {} +
