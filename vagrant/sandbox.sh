#!/bin/bash
# sandbox.sh COMMAND...: runs a command beside a libvirtd of its own, in own network, mount and process namespaces: the host's
# libvirt, bridges and firewall are not touched, and machines, networks and daemons end with the command. Needs root.
# What it keeps, in $XDG_CACHE_HOME/margay/vagrant: the box $MARGAY_BOX as Vagrant and libvirt unpack it.
set -euo pipefail
state=${XDG_CACHE_HOME:-$HOME/.cache}/margay/vagrant
mkdir -p "$state"/{home,pool}
exec 9>"$state/lock"
flock 9
export VAGRANT_HOME=$state/home VAGRANT_CHECKPOINT_DISABLE=1 VAGRANT_DEFAULT_PROVIDER=libvirt
export MARGAY_POOL=margay MARGAY_BOX=${MARGAY_BOX:-margay} STATE=$state
# A /dev/kvm alone proves nothing: nested hosts offer one that starts no kernel of a distribution. Ask the processor, too.
if [[ -w /dev/kvm ]] && grep -qwE 'vmx|svm' /proc/cpuinfo; then export MARGAY_KVM=1; else export MARGAY_KVM=0; fi
inside=$(cat <<'INSIDE'
ip link set lo up
mount -t sysfs sysfs /sys
mkdir -p /etc/libvirt /var/lib/libvirt
own=/run/margay-vagrant
cp -a /etc/libvirt "$STATE/etc.new"
mount -t tmpfs tmpfs /run
mkdir -p $own/lib $own/dot /run/libvirt
mv "$STATE/etc.new" $own/etc
rm -rf $own/etc/qemu
mkdir -p $own/etc/qemu/networks
printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'cgroup_controllers = [ ]' 'namespaces = [ ]' \
  'remember_owner = 0' 'stdio_handler = "file"' >$own/etc/qemu.conf
mount --bind $own/etc /etc/libvirt
mount --bind $own/lib /var/lib/libvirt
export VAGRANT_DOTFILE_PATH=$own/dot
# What a killed run has left: disks, and a box that may be half unpacked. One that machines were started from stays.
box=${MARGAY_BOX//\//-VAGRANTSLASH-}
if [ -e "$STATE/complete-$box" ]; then
  find "$STATE/pool" -type f ! -name "${box}_vagrant_box_image_*" -delete
else
  rm -rf "$STATE"/complete-* "$STATE/pool"/* "$STATE/home/boxes" "$STATE/home/tmp"
fi
libvirtd --daemon --pid-file /run/libvirt/libvirtd.pid 2>$own/libvirtd.log
virsh() { command virsh -q -c qemu:///system "$@"; }
for _ in $(seq 600); do virsh list >/dev/null 2>&1 && break; sleep 0.1; done
virsh list >/dev/null || { echo 'sandbox.sh: libvirtd does not answer:' >&2; cat $own/libvirtd.log >&2; exit 1; }
virsh pool-define-as "$MARGAY_POOL" dir --target "$STATE/pool" >/dev/null
virsh pool-start "$MARGAY_POOL" >/dev/null
status=0
"$@" || status=$?
[ $status -ne 0 ] || touch "$STATE/complete-$box"
exit $status
INSIDE
)
rm -rf "$state/etc.new"
exec unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private bash -euc "$inside" bash "$@"
