#!/bin/bash
# debian-root.sh SUITE: prints the directory of a small Debian with systemd, nftables and Node.js, made if it is not there.
# Needs root and: mmdebstrap. Debian 12 has Node.js 18: there this machine's own comes as a package of that name.
set -euo pipefail
cd "$(dirname "$0")/../../.."
suite=$1
packages=systemd,systemd-sysv,dbus,nftables,iproute2,conntrack,procps,iputils-ping,libcap2-bin,libstdc++6,libfaketime
# What is tested beside Margay over one Debian is enough.
[[ $suite == bookworm ]] || packages+=,nodejs,firewalld,etcd-server
recipe=$(cat test/e2e/systemd/debian-root.sh <(date +%G-%V) <(node --version) | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/margay
root=$cache/debian-$suite-$recipe
mkdir -p "$cache"
exec 9>"$cache/debian-$suite.lock"
flock 9
if [[ -d $root ]]; then
  printf '%s\n' "$root"
  exit
fi
# Nothing is ever mounted on these: they are only the lower layer of overlays in a mount namespace that ends with its run.
rm -rf --one-file-system "$cache/debian-$suite-"*

new=$root.new
trap 'rm -rf --one-file-system "$new" "$new.packages"' EXIT
mkdir "$new.packages"
hooks=(--customize-hook='for unit in firewalld etcd; do
  [ ! -e "$1/lib/systemd/system/$unit.service" ] || chroot "$1" systemctl disable -q "$unit"; done')
if [[ $suite == bookworm ]]; then
  version=$(node --version)
  deb=$new.packages/nodejs.deb
  mkdir -p "$new.packages/nodejs"/{DEBIAN,usr/bin}
  install -m755 "$(node -p process.execPath)" "$new.packages/nodejs/usr/bin/node"
  cat >"$new.packages/nodejs/DEBIAN/control" <<CONTROL
Package: nodejs
Version: ${version#v}
Architecture: $(dpkg --print-architecture)
Maintainer: Margay <margay@localhost>
Depends: libc6, libstdc++6
Description: Node.js of the machine that runs the tests
CONTROL
  dpkg-deb --root-owner-group -Znone --build "$new.packages/nodejs" "$deb" >/dev/null
  hooks+=(--customize-hook="upload '$deb' /tmp/nodejs.deb"
    --customize-hook='chroot "$1" dpkg -i /tmp/nodejs.deb >/dev/null && rm "$1/tmp/nodejs.deb"')
fi
test/e2e/debian.sh "$suite" "$new" "$packages" "${hooks[@]}"
chroot "$new" env -i /usr/bin/node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
rm -f "$new/etc/machine-id" && touch "$new/etc/machine-id" # each start of a container gets its own
mv "$new" "$root"
printf '%s\n' "$root"
