import type { Suite } from './suite.ts';
import type { TreeRecipe } from './tree.ts';

/** What cannot work or only costs time in a test host; a host is to reach `running`. */
const maskedOnHosts = [
  'systemd-modules-load.service',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'console-getty.service',
  'getty@.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
];

/** A bootable Debian with what tests do in a guest: look at its network, listen, connect. */
export function guestTree(suite: Suite): TreeRecipe {
  return {
    name: 'guest',
    suite,
    packages: ['systemd', 'systemd-sysv', 'dbus', 'iproute2', 'iputils-ping', 'procps', 'netcat-openbsd'],
    script: '',
  };
}

/** A Debian as an administrator of nspawnd would have it, without nspawnd. */
export function hostTree(suite: Suite): TreeRecipe {
  return {
    name: 'host',
    suite,
    parent: guestTree(suite),
    packages: [
      'systemd-container',
      'nftables',
      'ca-certificates',
      'curl',
      'util-linux',
      // Real terminals to type into, and chattr.
      'tmux',
      'e2fsprogs',
      ...(nodeIsTooOld(suite) ? [] : ['nodejs']),
    ],
    script: [
      `cd /etc/systemd/system`,
      ...maskedOnHosts.map(unit => `ln -sf /dev/null ${unit}`),
      'mkdir -p /etc/systemd/journald.conf.d',
      `printf '%s\\n' '[Journal]' 'RateLimitIntervalSec=0' > /etc/systemd/journald.conf.d/all-of-it.conf`,
    ].join('\n'),
    ...(nodeIsTooOld(suite) ? { npmProgram: nodeFromNpm } : {}),
  };
}

/** What a host may have besides, by the name that `with` takes. */
export const EXTRAS = ['nix', 'shells', 'kubectl', 'git', 'bench'] as const;
export type Extra = (typeof EXTRAS)[number];

/**
 * A host with Debian's Nix, for one user and without a network: builds run in the open, with the shell as their builder.
 * A static busybox is a guest's whole userland.
 */
export function nixHostTree(suite: Suite): TreeRecipe {
  const settings = [
    'sandbox = false',
    'build-users-group =',
    'substituters =',
    'experimental-features = nix-command flakes',
  ];
  return {
    name: 'nix-host',
    suite,
    parent: hostTree(suite),
    packages: ['nix-bin', 'busybox-static'],
    script: [
      'mkdir -p /etc/nix',
      `printf '%s\\n' ${settings.map(setting => `'${setting}'`).join(' ')} > /etc/nix/nix.conf`,
    ].join('\n'),
  };
}

/** A host whose people do not all use bash. */
export function shellsHostTree(suite: Suite): TreeRecipe {
  return { name: 'shells-host', suite, parent: hostTree(suite), packages: ['zsh', 'fish'], script: '' };
}

/** A host with what others talk to nspawnd with: Kubernetes' command, Prometheus' reader of metrics, and git. */
export function kubectlHostTree(suite: Suite): TreeRecipe {
  return {
    name: 'kubectl-host',
    suite,
    parent: hostTree(suite),
    packages: ['kubectl', 'promtool', 'git'],
    script: '',
  };
}

/** A host that has its manifests from git. */
export function gitHostTree(suite: Suite): TreeRecipe {
  return { name: 'git-host', suite, parent: hostTree(suite), packages: ['git'], script: '' };
}

/** A host whose clock can be made to jump for one program: test hosts share the machine's. */
export function faultsHostTree(suite: Suite): TreeRecipe {
  return { name: 'faults-host', suite, parent: hostTree(suite), packages: ['faketime'], script: '' };
}

export function treeOf(suite: Suite, extra: Extra | null): TreeRecipe {
  return extra === null ? hostTree(suite) : TREE_WITH[extra](suite);
}

const TREE_WITH: Readonly<Record<Extra, (suite: Suite) => TreeRecipe>> = {
  nix: nixHostTree,
  shells: shellsHostTree,
  kubectl: kubectlHostTree,
  git: gitHostTree,
  bench: benchHostTree,
};

/** A host with what nspawnd is measured against: Podman, on `runc`'s smaller sibling, LXC, and kubectl. */
export function benchHostTree(suite: Suite): TreeRecipe {
  return {
    name: 'bench-host',
    suite,
    parent: hostTree(suite),
    packages: ['podman', 'crun', 'lxc', 'kubectl'],
    // The kernel of a nested host lets no pids controller through.
    script: `printf '%s\\n' '[containers]' 'pids_limit=0' > /etc/containers/containers.conf`,
  };
}

/** Debian 12 has Node 18; nspawnd needs 20.19. */
function nodeIsTooOld(suite: Suite): boolean {
  return suite === 'bookworm';
}

const nodeFromNpm = {
  package: `node-linux-${process.arch}`,
  version: '20.20.2',
  program: 'bin/node',
  installs: ['usr/bin/node', 'usr/bin/nodejs'],
  as: 'nodejs',
  depends: 'libc6, libstdc++6',
};
