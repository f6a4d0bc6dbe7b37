#!/bin/sh
# Installs a package into a tree that stays as it is: install-package.sh TREE PACKAGE DIRECTORY leaves in DIRECTORY/written
# what that changes. Runs in a mount namespace of its own.
set -eu

tree=$1 package=$2 directory=$3
root=$directory/root
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

mkdir -p "$directory/written" "$directory/work" "$root"
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$directory/written,workdir=$directory/work,volatile" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
cp "$package" "$root/tmp/package.deb"
chroot "$root" dpkg --force-unsafe-io --install /tmp/package.deb
# As on a host where it was started before: what V8 makes of the program is kept.
chroot "$root" nspawnd --check-config
touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated"
umount "$root/tmp" "$root/run"
umount -R "$root/dev" "$root/proc"
umount "$root"
