#!/bin/sh
# The life of one test host. Runs in a mount namespace of its own, so that its mounts end with it.
#
#   supervise.sh run     makes the host's disk, boots it, boots it again whenever it reboots; ends by sweeping
#   supervise.sh sweep   ends what is left of a host and removes it; safe to repeat
#
# All it needs comes in TESTBED_* variables; see supervisor.ts for their meaning.
set -eu

run() {
  stopped=
  trap 'stopped=yes' TERM INT HUP
  # An owner that died before this script could be told to die with it.
  if [ -n "$TESTBED_OWNER" ] && [ "$PPID" != "$TESTBED_OWNER" ]; then stopped=yes; fi
  mkdir -p "$TESTBED_CGROUP" "$TESTBED_DISK"
  if [ -z "$stopped" ]; then
    in_background prepare || [ -n "$stopped" ] || fail
  fi
  while [ -z "$stopped" ]; do
    in_background boot && code=0 || code=$?
    # 133 is a reboot of the host; anything else is its end.
    [ "$code" = 133 ] || break
  done
  sweep
}

# Runs a step as a process of the host's cgroup, which is how all of them are found and ended, whatever became of
# this script. `wait` returns early when a signal arrives; `stopped` says so.
in_background() {
  { echo 0 > "$TESTBED_CGROUP/cgroup.procs"; "$1"; } >> "$TESTBED_STATE/console" 2>&1 < /dev/null &
  wait $!
}

prepare() {
  cd "$TESTBED_DISK"
  mount_writable "$TESTBED_HOST_TREE" root
  mount_writable "$TESTBED_MACHINES" machines
  for entry in $TESTBED_EXTRA_TREES; do
    mount_writable "${entry#*=}" "machines/${entry%%=*}"
  done
  # The package enables it.
  if [ -z "$TESTBED_START_SERVICE" ]; then rm -f root/etc/systemd/system/multi-user.target.wants/nspawnd.service; fi
  # nspawn leaves directories in its run-time directory; here they end with the mount namespace.
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs tmpfs /run/systemd/nspawn
}

# A view of a tree that keeps what is written to it elsewhere on the disk, and in which directories can be renamed as on
# an administrator's disk. `volatile` spares it all syncing: nobody needs the disk after a crash of this machine.
mount_writable() {
  own=$(echo "$2" | tr / -)
  mkdir -p "$2" "written/$own" "work/$own"
  mount -t overlay overlay \
    -o "lowerdir=$1,upperdir=written/$own,workdir=work/$own,redirect_dir=on,volatile" "$2"
}

boot() {
  exec systemd-nspawn --quiet --register=no --keep-unit --boot --capability=all --private-network \
    --machine="$TESTBED_NAME" --directory="$TESTBED_DISK/root" \
    --bind="$TESTBED_DISK/machines:/var/lib/machines" \
    --system-call-filter='@keyring bpf' \
    --link-journal=no --resolv-conf=off --timezone=off --console=pipe
}

# Whoever waits for the host reads why in the console, and sweeps.
fail() {
  touch "$TESTBED_STATE/failed"
  exit 1
}

sweep() {
  if [ -d "$TESTBED_CGROUP" ]; then
    echo 1 > "$TESTBED_CGROUP/cgroup.kill"
    while grep -q 'populated 1' "$TESTBED_CGROUP/cgroup.events"; do sleep 0.02; done
  fi
  umount -R "$TESTBED_DISK/root" "$TESTBED_DISK/machines" 2> /dev/null || true
  # nspawn makes the same groups in every hierarchy the outer machine has.
  find /sys/fs/cgroup -depth -type d \
    \( -path "*/nspawnd-testbed/$TESTBED_NAME" -o -path "*/nspawnd-testbed/$TESTBED_NAME/*" \) -exec rmdir {} +
  # Their parent goes with the last host.
  find /sys/fs/cgroup -depth -type d -name nspawnd-testbed -exec rmdir {} + 2> /dev/null || true
  cd /
  rm -rf --one-file-system "$TESTBED_DISK" "$TESTBED_STATE"
}

case $1 in
  run) run ;;
  sweep) sweep ;;
esac
