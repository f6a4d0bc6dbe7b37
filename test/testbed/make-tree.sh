#!/bin/sh
# Makes one root tree of Debian packages at TREE_TARGET: from nothing, or from TREE_PARENT by adding packages.
# Runs in mount and process namespaces of its own, so that no mount or process of it outlives it.
#
# TREE_SUITE, TREE_MIRROR (may be empty), TREE_APT_OPTIONS (lines of apt.conf), TREE_PACKAGES (by spaces),
# TREE_SCRIPT (run inside at the end).
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# What nobody reads in a test host stays out.
lean='path-exclude=/usr/share/man/*
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
force-unsafe-io'

# The exclusions are not given as --dpkgopt: mmdebstrap would filter each archive with a Python program, which takes
# longer than all the rest. This way dpkg applies them, and what the first extraction left is removed.
make_from_nothing() {
  echo "$TREE_APT_OPTIONS" > "$TREE_TARGET.apt-options"
  export lean
  mmdebstrap --mode=root --format=directory --variant=minbase \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' --aptopt="$TREE_TARGET.apt-options" \
    --setup-hook='mkdir -p "$1/etc/dpkg/dpkg.cfg.d" && echo "$lean" > "$1/etc/dpkg/dpkg.cfg.d/lean"' \
    --include="$(echo "$TREE_PACKAGES" | tr ' ' ',')" \
    "$TREE_SUITE" "$TREE_TARGET" ${TREE_MIRROR:+"$TREE_MIRROR"}
  rm "$TREE_TARGET.apt-options"
  for path in man doc info locale; do rm -rf "$TREE_TARGET/usr/share/$path"; done
}

add_packages() {
  cp /etc/resolv.conf "$TREE_TARGET/etc/resolv.conf"
  inside apt-get -q update
  inside apt-get -q -y install $TREE_PACKAGES
  rm -rf "$TREE_TARGET"/var/lib/apt/lists/* "$TREE_TARGET"/var/cache/apt/*
}

inside() {
  chroot "$TREE_TARGET" "$@"
}

# Package scripts must not start services of the machine this runs on.
enter() {
  mount -t proc proc "$TREE_TARGET/proc"
  mount --rbind /dev "$TREE_TARGET/dev"
  printf '#!/bin/sh\nexit 101\n' > "$TREE_TARGET/usr/sbin/policy-rc.d"
  chmod 755 "$TREE_TARGET/usr/sbin/policy-rc.d"
}

leave() {
  rm "$TREE_TARGET/usr/sbin/policy-rc.d"
  umount -R "$TREE_TARGET/dev" "$TREE_TARGET/proc"
}

# A tree is nobody's yet: no name, no identity, no resolver of the machine it was made on.
make_anonymous() {
  rm -f "$TREE_TARGET/etc/hostname" "$TREE_TARGET/etc/resolv.conf" "$TREE_TARGET/var/lib/dbus/machine-id"
  : > "$TREE_TARGET/etc/machine-id"
  printf '%s\n' '127.0.0.1 localhost' '::1 localhost ip6-localhost ip6-loopback' > "$TREE_TARGET/etc/hosts"
  rm -rf "$TREE_TARGET"/var/log/journal/*
  # What systemd does once after an update (ldconfig, users, the journal's catalog) is done: it would do it again at every
  # boot of a guest that forgets what it wrote.
  touch -r "$TREE_TARGET/usr" "$TREE_TARGET/etc/.updated" "$TREE_TARGET/var/.updated"
}

if [ -n "$TREE_PARENT" ]; then
  cp -a "$TREE_PARENT" "$TREE_TARGET"
  enter
  add_packages
else
  make_from_nothing
  enter
fi
inside sh -eu -c "$TREE_SCRIPT"
leave
make_anonymous
