#!/bin/sh
# Installs nspawnd on a host that has no dpkg, or below DESTDIR: the same files as the Debian package. Run
# `npm run build` first.
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
built=$here/../dist/root
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

[ -f "$built/usr/lib/nspawnd/nspawnd.mjs" ] || fail "dist/root does not exist; run: npm run build"
# dpkg has this only while the package is installed.
[ ! -e "$root/var/lib/dpkg/info/nspawnd.prerm" ] || fail "nspawnd is installed as a Debian package; use apt"

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

# Paths of all files that are installed. What only some uses of the command need comes before the command.
files() {
  (cd "$built" && find . \( -type f -o -type l \) | sed 's/^\.//' | LC_ALL=C sort)
}

# Where one goes on this host: what is not the same everywhere.
place() {
  case $1 in
    /usr/lib/systemd/system/*) echo "$unit_dir/${1##*/}" ;;
    /usr/share/zsh/vendor-completions/*)
      if [ -e "$root/etc/debian_version" ]; then echo "$1"; else echo "/usr/share/zsh/site-functions/${1##*/}"; fi ;;
    *) echo "$1" ;;
  esac
}

# Written aside and renamed, so that a program in use is never half old and half new.
put() {
  target=$root$(place "$1")
  mkdir -p "$(dirname "$target")"
  case $1 in
    /usr/lib/nspawnd/*/*) cp -P "$built$1" "$target.new" ;;
    /usr/lib/nspawnd/*.mjs) { sed -n "1s|^#![^ ]*|#!$node|p" "$built$1"; sed 1d "$built$1"; } > "$target.new"; chmod 0755 "$target.new" ;;
    *) cp -P "$built$1" "$target.new" ;;
  esac
  mv -f "$target.new" "$target"
}

install_files() {
  [ -n "$node" ] || node=$(find_node)
  files | while read -r path; do
    case $path in
      # What an administrator has written stays.
      /etc/*) [ -e "$root$path" ] || put "$path" ;;
      *) put "$path" ;;
    esac
  done
  # Parts of an older command stay for a week: one may still run. The other two are names of older versions.
  find "$root/usr/lib/nspawnd/nspawnctl" -type f -mtime +7 -delete
  rm -f "$root/usr/lib/sysctl.d/70-nspawnd.conf"
  if [ ! -d "$root/etc/nspawnd/manifests" ]; then
    mkdir -p "$root/etc/nspawnd/manifests"
    chmod 0755 "$root/etc/nspawnd" "$root/etc/nspawnd/manifests"
  fi
  deny_dhcpcd
  on_this_host systemd-sysusers nspawnd.conf || true
  on_this_host systemd-tmpfiles --create nspawnd.conf || true
  on_this_host systemctl daemon-reload
  on_this_host sysctl -q -p /usr/lib/sysctl.d/20-nspawnd.conf ||
    echo "install.sh: the kernel's limits could not be raised; nspawnctl doctor says what that means" >&2
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

# Stops the daemon, which never stops a container. Manifests, settings that were changed, state and root trees stay.
uninstall_files() {
  on_this_host systemctl disable --now nspawnd.service || true
  files | while read -r path; do
    case $path in
      /etc/*) if cmp -s "$built$path" "$root$path"; then rm -f "$root$path"; fi ;;
      *) rm -f "$root$(place "$path")" ;;
    esac
  done
  rm -rf "$root/usr/lib/nspawnd" "$root/usr/share/nspawnd" "$root/usr/share/doc/nspawnd" "$root/var/cache/nspawnd"
  rm -f "$root/etc/systemd/system/multi-user.target.wants/nspawnd.service" "$root/usr/lib/sysctl.d/70-nspawnd.conf"
  if [ -f "$root/etc/dhcpcd.conf" ]; then
    sed -i '/^# nspawnd addresses the links/,/^denyinterfaces ve-\*$/d' "$root/etc/dhcpcd.conf"
  fi
  rmdir "$root/etc/nspawnd/manifests" "$root/etc/nspawnd" 2>/dev/null || true
  on_this_host systemctl daemon-reload
  echo "Removed. Containers that run keep running; to stop one: systemctl stop container@NAME"
}

if [ -n "$uninstall" ]; then uninstall_files; else install_files; fi
