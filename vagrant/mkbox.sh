#!/bin/bash
# mkbox.sh [SUITE]: makes a Vagrant box for the libvirt provider from Debian packages alone, and prints its path; again only
# after a change. No mount, no loop device, no hardware support. Needs root, and the packages of .ci/e2e-vagrant.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${1:-trixie}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/margay
box=$cache/margay-$suite-$(cat vagrant/mkbox.sh <(date +%G-%V) | sha256sum | cut -c1-12).box
mkdir -p "$cache"
exec 9>"$cache/margay-$suite.lock"
flock 9
if [[ -f $box ]]; then
  printf '%s\n' "$box"
  exit
fi
rm -rf --one-file-system "$cache/margay-$suite-"*.box "$cache"/box.*
build=$(mktemp -d "$cache/box.XXXXXX")
trap 'rm -rf --one-file-system "$build"' EXIT
root=$build/root

packages=systemd,systemd-sysv,dbus,udev,kmod,nftables,iproute2,conntrack,nodejs,procps,iputils-ping
packages+=,openssh-server,sudo,rsync,linux-image-cloud-amd64,initramfs-tools,zstd
# Only what the virtual disk and network need: the initial file system is unpacked by an emulated processor.
modules='mkdir -p "$1/etc/initramfs-tools/conf.d"; echo MODULES=list >"$1/etc/initramfs-tools/conf.d/modules"
  printf "virtio_pci\nvirtio_blk\nvirtio_net\next4\n" >"$1/etc/initramfs-tools/modules"'
test/e2e/debian.sh "$suite" "$root" "$packages" --essential-hook="$modules"

# What Vagrant expects of every box: this user, its well-known key, sudo without a password.
chroot "$root" useradd -m -s /bin/bash vagrant
install -d -m700 "$root/home/vagrant/.ssh"
find /usr/share -path '*vagrant*/keys/vagrant.pub' -exec cat {} + >"$root/home/vagrant/.ssh/authorized_keys"
[[ -s $root/home/vagrant/.ssh/authorized_keys ]]
chmod 600 "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant/.ssh
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"
echo 'UseDNS no' >"$root/etc/ssh/sshd_config.d/vagrant.conf"
printf '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n[DHCPv4]\nClientIdentifier=mac\n' \
  >"$root/etc/systemd/network/eth0.network"
chroot "$root" systemctl enable -q systemd-networkd
# A boot is bound by the processor where that is emulated: nothing that these machines do without.
chroot "$root" systemctl mask -q systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer getty@tty1.service serial-getty@ttyS0.service \
  systemd-logind.service sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  dev-hugepages.mount dev-mqueue.mount modprobe@.service
touch "$root/etc/.updated" "$root/var/.updated" # else the first start works through what the packages have done already
echo 'LABEL=root / ext4 defaults,noatime 0 1' >"$root/etc/fstab"
echo margay >"$root/etc/hostname"
echo '127.0.0.1 localhost margay' >"$root/etc/hosts"
: >"$root/etc/machine-id"

kernel=$(cd "$root/boot" && echo vmlinuz-*)
mkdir -p "$root/boot/grub"
# The last four are for emulated processors, too.
cat >"$root/boot/grub/grub.cfg" <<GRUB
set timeout=0
linux /boot/$kernel root=LABEL=root rw console=ttyS0 net.ifnames=0 quiet nokaslr cryptomgr.notests mitigations=off audit=0
initrd /boot/initrd.img-${kernel#vmlinuz-}
boot
GRUB

disk=$build/disk.raw offset=1048576
truncate -s 3G "$disk"
echo '2048,,L,*' | sfdisk -q "$disk"
mke2fs -q -t ext4 -L root -E offset=$offset -d "$root" "$disk" $((($(stat -c %s "$disk") - offset) / 1024))k
# GRUB without its installer: the boot code before the partition table, the rest in the gap before the first partition.
grub=/usr/lib/grub/i386-pc
grub-mkimage -O i386-pc -d $grub -p '(hd0,msdos1)/boot/grub' -o "$build/core.img" biosdisk part_msdos ext2 normal linux
dd if=$grub/boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$build/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
qemu-img convert -O qcow2 "$disk" "$build/box.img"
echo '{"provider": "libvirt", "format": "qcow2", "virtual_size": 3}' >"$build/metadata.json"
echo 'Vagrant.configure("2") { |config| config.ssh.insert_key = false }' >"$build/Vagrantfile"
tar -C "$build" -cf - metadata.json Vagrantfile box.img | gzip -1 >"$box.new"
mv "$box.new" "$box"
printf '%s\n' "$box"
