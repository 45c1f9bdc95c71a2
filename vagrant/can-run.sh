#!/bin/bash
# can-run.sh: whether this machine can run virtual machines, emulated ones at least; if not, says why and ends with 1. As root,
# with the packages of .ci/e2e-vagrant.
set -uo pipefail
no() {
  printf 'virtual machines can not be run here: %s\n' "$*"
  exit 1
}
memory=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
((memory > 2500)) || no "3 of them need 2500 MB of memory, and $memory MB are available"
cache=${XDG_CACHE_HOME:-$HOME/.cache}
mkdir -p "$cache"
disk=$(df --output=avail -m "$cache" | tail -n 1)
((disk > 4000)) || no "4000 MB of disk are needed below $cache, and $((disk)) MB are free"
said=$(timeout 60 qemu-system-x86_64 -accel tcg -machine none -nodefaults -display none -monitor stdio <<<quit 2>&1) ||
  no "qemu-system-x86_64 does not start: $said"
# What sandbox.sh and libvirt do.
inside='ip link set lo up && mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run &&
  ip link add test-br type bridge && ip tuntap add test-tap mode tap && ip link set test-tap master test-br'
said=$(timeout 60 unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private sh -ec "$inside" 2>&1) ||
  no "namespaces with a bridge and a tap device can not be made: $said"
