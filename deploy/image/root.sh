#!/bin/sh
# root.sh ARCH VARIANT NODE ROOT: makes the file system of the image, for amd64 or arm64, out of Debian's packages and a
# Node.js. It holds Node.js, iptables, nft, wireguard-go and charon, the libraries and plugins that they load, and nothing
# else. Nothing of ARCH is run.
#
#   VARIANT  nft or legacy: which iptables
#   NODE     the file of Node.js, of that architecture
#   ROOT     a folder that is not there yet
set -eu

arch=$1 variant=$2 node=$3 root=$4
fail() {
  echo "root.sh: $1" >&2
  exit 2
}
case $arch in
  amd64) triplet=x86_64-linux-gnu ;;
  arm64) triplet=aarch64-linux-gnu ;;
  *) fail "no image for the architecture '$arch': amd64 or arm64" ;;
esac
case $variant in
  nft | legacy) ;;
  *) fail "no iptables of the variant '$variant': nft or legacy" ;;
esac
[ ! -e "$root" ] || fail "$root is there already"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=$work/packages
tools=$work/tools

# unpack FOLDER ARCH PACKAGE...: with all that they depend on. From this machine's sources, under its keys, with lists of
# its own: the machine's own stay as they are, and it may be of another architecture.
unpack() {
  to=$1 of=$2
  shift 2
  apt=$work/apt-$(basename "$to")
  mkdir -p "$to" "$apt/lists/partial" "$apt/archives/partial"
  : > "$apt/status"
  cat > "$apt/apt.conf" <<EOF
APT::Architecture "$of";
APT::Architectures { "$of"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache::archives "$apt/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
EOF
  APT_CONFIG=$apt/apt.conf apt-get -q update
  APT_CONFIG=$apt/apt.conf apt-get -q -y --no-install-recommends --download-only install "$@"
  for deb in "$apt"/archives/*.deb; do dpkg-deb -x "$deb" "$to"; done
}

unpack "$tools" "$(dpkg --print-architecture)" patchelf
# libatomic1 is for Node.js from 26 on.
unpack "$packages" "$arch" iptables nftables wireguard-go libc6 libstdc++6 libatomic1 \
  strongswan-charon strongswan-swanctl libstrongswan-standard-plugins libcharon-extra-plugins

# The programs' libraries are links to the plugin's, of which there are more.
runtime=$root/opt/selvedge/cni
libraries=$root/lib/$triplet
mkdir -p "$root/usr/sbin" "$root/usr/bin" "$root/usr/lib/$triplet" "$libraries" "$runtime"
# The places where a container's files and volumes are mounted.
mkdir -p "$root/etc" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/var/lib" "$root/opt/cni/bin"
mkdir -m 1777 "$root/tmp"

# find_library NAME: prints its path.
find_library() {
  for folder in "lib/$triplet" "usr/lib/$triplet" usr/lib/ipsec lib64 lib; do
    [ ! -e "$packages/$folder/$1" ] || { echo "$packages/$folder/$1"; return; }
  done
  fail "no package of '$arch' has $1"
}

# add_libraries FILE FOLDER: what a program or library needs, and what that needs, goes into FOLDER, unless it is there.
add_libraries() {
  for name in $("$tools/usr/bin/patchelf" --print-needed "$1"); do
    case $name in ld-linux*) continue ;; esac
    [ ! -e "$2/$name" ] || continue
    cp -L "$(find_library "$name")" "$2/$name"
    add_libraries "$2/$name" "$2"
  done
}

# Node.js, and beside it all that it needs: it finds its libraries there, in the image and on a node.
cp "$node" "$runtime/node"
add_libraries "$runtime/node" "$runtime"
loader=$("$tools/usr/bin/patchelf" --print-interpreter "$runtime/node")
cp -L "$packages/$loader" "$runtime/ld.so"
# shellcheck disable=SC2016 # the loader's own variable
"$tools/usr/bin/patchelf" --force-rpath --set-rpath '$ORIGIN' "$runtime/node"
chmod 755 "$runtime/node" "$runtime/ld.so"
mkdir -p "$(dirname "$root$loader")"
# Relative, since they are followed here as well.
ln -sr "$runtime/node" "$root/usr/bin/node"
ln -sr "$runtime/ld.so" "$root$loader"
for library in "$runtime"/*.so.*; do ln -sr "$library" "$libraries/"; done

# There is no /usr/bin/env, and no shell: the kernel runs Node.js by the first line.
printf '#!/usr/bin/node\nimport("/opt/selvedge/selvedged/bin/selvedge.js")\n' > "$root/usr/bin/selvedge"
chmod 755 "$root/usr/bin/selvedge"

cp "$packages/usr/sbin/nft" "$packages/usr/sbin/xtables-$variant-multi" "$root/usr/sbin/"
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s "xtables-$variant-multi" "$root/usr/sbin/$name"
done
# The extensions are loaded by name, such as that of MASQUERADE.
cp -R "$packages/usr/lib/$triplet/xtables" "$root/usr/lib/$triplet/"
cp "$packages/usr/bin/wireguard-go" "$root/usr/bin/"
for file in "$root"/usr/sbin/nft "$root"/usr/bin/wireguard-go "$root"/usr/sbin/xtables-*-multi "$root/usr/lib/$triplet"/xtables/*.so; do
  add_libraries "$file" "$libraries"
done

# charon finds its plugins beside it. The ones that packages/backend-ipsec/src/charon/config.ts loads, if Debian has them as
# files of their own.
mkdir -p "$root/usr/lib/ipsec/plugins"
cp "$packages/usr/lib/ipsec/charon" "$root/usr/lib/ipsec/"
for name in random nonce openssl kdf hmac sha1 sha2 aes gcm cmac xcbc gmp kernel-netlink kernel-libipsec socket-default vici; do
  plugin=$packages/usr/lib/ipsec/plugins/libstrongswan-$name.so
  [ ! -e "$plugin" ] || cp "$plugin" "$root/usr/lib/ipsec/plugins/"
done
for file in "$root/usr/lib/ipsec/charon" "$root"/usr/lib/ipsec/plugins/*.so; do
  add_libraries "$file" "$libraries"
done

# What the licences of all of this ask for.
for folder in "$packages"/usr/share/doc/*; do
  [ -e "$folder/copyright" ] || continue
  mkdir -p "$root/usr/share/doc/$(basename "$folder")"
  cp -L "$folder/copyright" "$root/usr/share/doc/$(basename "$folder")/"
done
