#!/bin/sh
# Installs nspawnd on this host, or below DESTDIR. Run `npm run build` first.
#
#   [DESTDIR=/some/tree] deploy/install.sh [--node PATH] [--unit-dir PATH]
#   [DESTDIR=/some/tree] deploy/install.sh --uninstall
#
# Safe to run again: that is how to upgrade. Containers keep running through an upgrade and through an uninstallation.
set -eu

usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" | sed '/^set /d'
}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR-}
root=${root%/}
unit_dir=/usr/lib/systemd/system
node=
uninstall=

while [ $# -gt 0 ]; do
  case $1 in
    --node) [ $# -ge 2 ] || fail "--node needs a path"; node=$2; shift ;;
    --unit-dir) [ $# -ge 2 ] || fail "--unit-dir needs a path"; unit_dir=$2; shift ;;
    --uninstall) uninstall=yes ;;
    --help | -h) usage; exit 0 ;;
    *) fail "unknown argument: $1 (see --help)" ;;
  esac
  shift
done

# The node the programs are bound to at installation: the first one of the host that is new enough. A host may have
# several, and which one `env` would find depends on whose environment it is.
find_node() {
  for candidate in /usr/local/bin/node /usr/bin/node /usr/bin/nodejs; do
    if [ -x "$root$candidate" ] && is_new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  fail "no Node.js >= 20.19 in ${root:-/}usr/local/bin or /usr/bin; name one with --node PATH"
}

is_new_enough() {
  if [ -n "$root" ]; then
    version=$(chroot "$root" "$1" --version 2>/dev/null) || return 1
  else
    version=$("$1" --version 2>/dev/null) || return 1
  fi
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }
}

# The running host's systemd, never that of the machine a tree is prepared on.
on_this_host() {
  if [ -z "$root" ] && [ -d /run/systemd/system ]; then "$@"; fi
}

# Where shells look for completions; zsh's place is the distribution's choice.
bash_completion=/usr/share/bash-completion/completions/nspawnctl
fish_completion=/usr/share/fish/vendor_completions.d/nspawnctl.fish
zsh_completion=/usr/share/zsh/site-functions/_nspawnctl
if [ -e "$root/etc/debian_version" ]; then zsh_completion=/usr/share/zsh/vendor-completions/_nspawnctl; fi

# put MODE SOURCE TARGET: written aside and renamed, so that a program in use is never half old and half new.
put() {
  mkdir -p "$root$(dirname "$3")"
  cp "$2" "$root$3.new"
  chmod "$1" "$root$3.new"
  mv "$root$3.new" "$root$3"
}

put_program() {
  mkdir -p "$root/usr/lib/nspawnd"
  { echo "#!$node"; sed 1d "$here/../dist/$1.mjs"; } > "$root/usr/lib/nspawnd/$1.mjs.new"
  chmod 0755 "$root/usr/lib/nspawnd/$1.mjs.new"
  mv "$root/usr/lib/nspawnd/$1.mjs.new" "$root/usr/lib/nspawnd/$1.mjs"
}

# The parts of the command that not every use of it needs. Those of an older version stay for a week: one of its commands
# may still run.
put_parts() {
  parts=$root/usr/lib/nspawnd/nspawnctl
  mkdir -p "$parts"
  rm -rf "$parts.new"
  cp -r "$here/../dist/nspawnctl" "$parts.new"
  chmod 0644 "$parts.new"/*.mjs
  mv -f "$parts.new"/*.mjs "$parts/"
  rm -rf "$parts.new"
  find "$parts" -type f -mtime +7 -delete
}

install_files() {
  for built in nspawnd.mjs nspawnctl.mjs nspawnctl.sh container.schema.json completion.bash completion.zsh completion.fish; do
    [ -f "$here/../dist/$built" ] || fail "dist/$built does not exist; run: npm run build"
  done
  [ -n "$node" ] || node=$(find_node)
  put_program nspawnd
  put_parts
  put_program nspawnctl
  mkdir -p "$root/usr/sbin" "$root/usr/bin"
  ln -sfn ../lib/nspawnd/nspawnd.mjs "$root/usr/sbin/nspawnd"
  put 0755 "$here/../dist/nspawnctl.sh" /usr/bin/nspawnctl
  put 0644 "$here/../dist/container.schema.json" /usr/share/nspawnd/container.schema.json
  put 0644 "$here/../dist/completion.bash" "$bash_completion"
  put 0644 "$here/../dist/completion.zsh" "$zsh_completion"
  put 0644 "$here/../dist/completion.fish" "$fish_completion"
  put 0644 "$here/nspawnd.service" "$unit_dir/nspawnd.service"
  put 0644 "$here/host/sysctl.conf" /usr/lib/sysctl.d/70-nspawnd.conf
  put 0644 "$here/host/networkd.network" /usr/lib/systemd/network/70-nspawnd.network
  put 0644 "$here/host/networkmanager.conf" /usr/lib/NetworkManager/conf.d/70-nspawnd.conf
  deny_dhcpcd
  if [ ! -d "$root/etc/nspawnd/manifests" ]; then
    mkdir -p "$root/etc/nspawnd/manifests"
    chmod 0755 "$root/etc/nspawnd" "$root/etc/nspawnd/manifests"
  fi
  on_this_host systemctl daemon-reload
  on_this_host sysctl -q -p /usr/lib/sysctl.d/70-nspawnd.conf ||
    echo "install.sh: the kernel's inotify limits could not be raised; nspawnd will say so if they are too low" >&2
  if [ -z "$root" ]; then
    on_this_host systemctl try-restart nspawnd.service
    echo "Installed. To run it now and at every boot: systemctl enable --now nspawnd"
  fi
}

# dhcpcd has one configuration file and no directory of pieces.
deny_dhcpcd() {
  if [ -f "$root/etc/dhcpcd.conf" ] && ! grep -q '^denyinterfaces.*ve-\*' "$root/etc/dhcpcd.conf"; then
    printf '%s\n' '# nspawnd addresses the links of its containers itself' 'denyinterfaces ve-*' >> "$root/etc/dhcpcd.conf"
  fi
}

# Stops the daemon, which never stops a container. Manifests, state and root trees are the owner's and stay.
uninstall_files() {
  on_this_host systemctl disable --now nspawnd.service || true
  rm -rf "$root/usr/lib/nspawnd" "$root/usr/share/nspawnd"
  rm -f "$root/usr/sbin/nspawnd" "$root/usr/bin/nspawnctl" "$root$unit_dir/nspawnd.service" \
    "$root/etc/systemd/system/multi-user.target.wants/nspawnd.service" \
    "$root/usr/lib/sysctl.d/70-nspawnd.conf" \
    "$root/usr/lib/systemd/network/70-nspawnd.network" \
    "$root/usr/lib/NetworkManager/conf.d/70-nspawnd.conf" \
    "$root$bash_completion" "$root$zsh_completion" "$root$fish_completion"
  if [ -f "$root/etc/dhcpcd.conf" ]; then
    sed -i '/^# nspawnd addresses the links/,/^denyinterfaces ve-\*$/d' "$root/etc/dhcpcd.conf"
  fi
  rmdir "$root/etc/nspawnd/manifests" "$root/etc/nspawnd" 2>/dev/null || true
  on_this_host systemctl daemon-reload
  echo "Removed. Containers that run keep running; to stop one: systemctl stop container@NAME"
}

if [ -n "$uninstall" ]; then uninstall_files; else install_files; fi
