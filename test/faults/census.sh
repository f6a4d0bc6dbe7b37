#!/bin/sh
# Counts what a host holds, one `name number` a line: nspawnd's own first, then all that a container might leave behind.
# What is under `foreign` is text, not a number: it belongs to others and stays as it is.
set -u

count() { printf '%s %s\n' "$1" "$(eval "$2" 2> /dev/null | grep -c .)"; }

pid=$(systemctl show -P MainPID nspawnd)
connection=$(busctl list --no-legend | awk -v pid="$pid" '$2 == pid && $1 ~ /^:/ { print $1; exit }')
rules=$(busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.Debug.Stats GetConnectionStats s "$connection" |
  grep -o '"MatchRules" u [0-9]*' | grep -o '[0-9]*$')
all=$(busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.Debug.Stats GetStats)

echo "rules ${rules:-0}"
echo "connections $(echo "$all" | grep -o '"ActiveConnections" u [0-9]*' | grep -o '[0-9]*$')"
count fds "ls /proc/$pid/fd"
count threads "ls /proc/$pid/task"
count children "cat /proc/$pid/task/*/children | tr ' ' '\n'"
count netns 'ls /run/netns'
count links 'ip -o link'
count addresses 'ip -o address'
# Of both families; without those that each link gives itself a second or two after it came up.
count routes 'ip route show table all | grep -v -e fe80: -e ff00:'
# Words, since a list of elements is broken into lines by their length.
count nft "nft list ruleset | tr -s ' ,\t' '\n'"
# Units that no file is behind any more, loaded for as long as somebody names them, are no leftovers of ours.
count units "systemctl list-units --all --plain --no-legend 'container@*' 'nspawnd-build@*' 'machine-*' '*.scope'"
count unitfiles "ls /run/systemd/system | grep -e '^container@' -e '^nspawnd-build@'"
count failed 'systemctl list-units --failed --plain --no-legend'
count machines 'ls /run/systemd/machines | grep -v "^unit:"'
count cgroups 'find /sys/fs/cgroup/machine.slice -type d'
count mounts 'cat /proc/self/mounts'
count runfiles 'find /run/nspawnd -mindepth 2 ! -type d'
count statefiles 'find /var/lib/nspawnd ! -type d'
count copies "find /var/lib/machines /srv -maxdepth 2 -name '.#*'"
count nspawnfiles 'find /run/systemd/nspawn -mindepth 1 ! -path "*/locks*" | head -1000'
count hosts 'grep containers /etc/hosts'
count processes 'ps -eo comm= | grep -v -x -e ps -e sh -e grep -e systemd-userwor -e systemd-hostnam -e "(.*)"'
echo "memory $(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")"

echo foreign
grep foreign /etc/hosts
ip -o link show foreign0 | cut -d' ' -f2-
ip netns exec foreign ip -o link show lo 2>&1 | cut -d' ' -f2-5
nft list table inet foreign
cat /run/systemd/system/container@foreign.service
systemctl show -P MainPID container@foreign.service
ls -l --time-style=full-iso /srv/foreign
