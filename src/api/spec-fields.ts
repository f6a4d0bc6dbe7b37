import { z } from 'zod';
import { extraFlagsField, interfacesField } from './device-fields.ts';
import {
  absolutePath,
  command,
  config,
  containerNames,
  durationSec,
  environment,
  flake,
  ipv4,
  ipv6,
  priority,
  READINESS_MODES,
  RESOLV_CONF_MODES,
  RESTART_POLICIES,
  UPDATE_MODES,
  volatile,
} from './field-values.ts';
import { livenessProbe, readinessProbe, startupProbe } from './probe-fields.ts';

/**
 * The spec's fields. One flat table: a field that comes later is one entry here and one in `planning/change.ts`. The
 * descriptions are for whoever writes a manifest: editors, `nspawnctl explain` and the API show them.
 */
export const specFields = z.strictObject({
  root: absolutePath.optional().meta({
    description:
      "Directory of the guest's operating system tree on the host; no symlink, and no part of the host's own system. It is data: nspawnd never deletes it. With path, config or flake it is where the state of that system lives, by default /var/lib/nixos-containers/NAME.",
    examples: ['/var/lib/machines/web'],
  }),
  path: absolutePath.optional().meta({
    description:
      'A NixOS system in the Nix store of the host, or a symlink to one, such as a profile. It is followed: what it leads to next is the next generation. Excludes config and flake.',
    examples: ['/nix/var/nix/profiles/web'],
  }),
  config: config.optional().meta({
    description:
      "A NixOS module that the host's Nix builds: the absolute path of a file, or the module's text. It is built again when the text or the file changes, or by `nspawnctl update NAME`. Excludes path and flake.",
    examples: ['{ pkgs, ... }: { services.nginx.enable = true; }', '/etc/nixos/web.nix'],
  }),
  flake: flake.optional().meta({
    description:
      "A flake that the host's Nix builds, as REF or REF#ATTRIBUTE of its nixosConfigurations; the attribute is by default the container's name. Excludes path and config.",
    examples: ['/etc/nixos#web', 'github:you/systems'],
  }),
  update: z.enum(UPDATE_MODES).optional().meta({
    description:
      'With path, config or flake: what a new system does to a running guest. reload switches it without a restart, restart restarts it, none leaves it alone and reports RestartRequired.',
    default: 'reload',
  }),
  command: command.optional().meta({
    description:
      "A program and its arguments that run instead of the tree's init, without a shell, as PID 2 below nspawn's own init. Excludes path, config and flake, and readiness: notify.",
    examples: [['/usr/bin/sleep', 'infinity']],
  }),
  environment: environment.default({}).meta({
    description:
      "Variables of the guest's PID 1, besides PATH, PRIVATE_NETWORK, HOST_ADDRESS, LOCAL_ADDRESS, HOST_ADDRESS6 and LOCAL_ADDRESS6.",
    examples: [{ TZ: 'Europe/Berlin' }],
  }),
  autoStart: z.boolean().default(true).meta({
    description:
      'Whether it is started by itself, now and whenever the host boots. false: everything is prepared, and it starts only when you say so (`nspawnctl start NAME`).',
  }),
  dependsOn: containerNames.default([]).meta({
    description:
      'Names of containers that have to be Ready before this one is started. Only starts wait: one that runs goes on when they stop or fail. Names that lead back to the container itself are refused.',
    examples: [['db']],
  }),
  priority: priority.default(0).meta({
    description:
      'Which containers boot first while more wait than may boot at once (the setting maxConcurrentBoots): those with the higher number, and among equals those that came first.',
    examples: [100],
  }),
  restartPolicy: z.enum(RESTART_POLICIES).default('OnFailure').meta({
    description:
      'What happens when the guest ends. OnFailure starts it again, ever later, unless it powered itself off; Always also then; Never leaves it down. A stop that was asked for always holds, and a guest that reboots always starts again.',
  }),
  restartIfChanged: z.boolean().default(true).meta({
    description:
      'Whether a running guest is restarted when its manifest changes in a way that takes a restart. false: it is left alone, and RestartRequired says so.',
  }),
  privateNetwork: z.boolean().default(false).meta({
    description:
      "A network of the guest's own: eth0 in the guest, joined to ve-NAME on the host. Without it the guest shares the host's network.",
  }),
  hostAddress: ipv4.optional().meta({
    description:
      "IPv4 address of the host's end of the link; many containers may share one. Needs privateNetwork: true.",
    examples: ['10.231.136.1'],
  }),
  localAddress: ipv4.optional().meta({
    description:
      "IPv4 address of the guest's end of the link; no two containers may have the same. Without privateNetwork it is only written into the hosts file, as NAME.containers.",
    examples: ['10.231.136.2'],
  }),
  hostAddress6: ipv6.optional().meta({
    description:
      "IPv6 address of the host's end of the link; many containers may share one. Needs privateNetwork: true.",
    examples: ['fd00:231::1'],
  }),
  localAddress6: ipv6.optional().meta({
    description:
      "IPv6 address of the guest's end of the link; no two containers may have the same. Without privateNetwork it is only written into the hosts file, as NAME.containers.",
    examples: ['fd00:231::2'],
  }),
  macvlans: interfacesField.meta({
    description:
      'Interfaces of the host on each of which the guest gets a macvlan mv-INTERFACE, in bridge mode, to configure itself. Many containers may share an interface.',
    examples: [['eth1']],
  }),
  interfaces: interfacesField.meta({
    description:
      'Interfaces of the host that are in the guest while it runs, and on the host again when it has ended. Nobody else may have them meanwhile.',
    examples: [['eth2']],
  }),
  ephemeral: z.boolean().default(false).meta({
    description: 'Run on a copy of the root that is thrown away when the guest ends. Excludes volatile.',
  }),
  volatile: volatile.default('no').meta({
    description:
      'What of the root is only in memory, as systemd-nspawn --volatile= has it: no (nothing), state (/var), overlay (every change, over the whole tree), yes (all but /usr). Excludes ephemeral.',
  }),
  readiness: z.enum(READINESS_MODES).optional().meta({
    description:
      "What makes the container Ready. notify: the guest's init says so, the default. fifo: a line is written to /var/lib/startup-done in the guest. started: it runs, the default with command.",
  }),
  startupProbe: startupProbe.optional().meta({
    description:
      'What has to be good once before the guest counts as started, and before the other probes are asked. When it has failed failureThreshold times in a row, the guest is stopped, and restartPolicy says what becomes of it.',
    examples: [{ unit: { name: 'multi-user.target' }, periodSeconds: 2, failureThreshold: 30 }],
  }),
  readinessProbe: readinessProbe.optional().meta({
    description: 'What has to be good for the container to be Ready. Nothing is restarted when it fails.',
    examples: [{ tcpSocket: { port: 5432 } }, { httpGet: { path: '/healthz', port: 80 } }],
  }),
  livenessProbe: livenessProbe.optional().meta({
    description:
      'What has to be good for the guest to go on. When it has failed failureThreshold times in a row, the guest is stopped, and restartPolicy says what becomes of it.',
    examples: [{ exec: { command: ['/usr/bin/test', '-e', '/run/alive'] } }],
  }),
  timeoutStartSec: durationSec.default(90).meta({
    description:
      'How long the guest may take to become Ready: seconds, or a span such as "2min". Also how long a switch to another system may take. A change takes effect with the next start.',
    examples: [90, '2min'],
  }),
  timeoutStopSec: durationSec.default(90).meta({
    description:
      'How long a clean power-off may take before the guest is killed: seconds, or a span such as "2min". A change takes effect with the next start.',
    examples: [90, '2min'],
  }),
  rollback: z.boolean().default(true).meta({
    description:
      'Whether an edited spec with which the guest does not become Ready gives way to the last one with which it was. What was tried so is not tried again until the manifest changes, or by `nspawnctl rollout retry NAME`.',
  }),
  progressDeadlineSeconds: durationSec.optional().meta({
    description:
      'How long an edited spec is tried, from its first start: seconds, or a span such as "2min". Three failures end it before. By default timeoutStartSec, and at least 60 s.',
    examples: [120],
  }),
  resolvConf: z.enum(RESOLV_CONF_MODES).optional().meta({
    description:
      "What becomes of the guest's /etc/resolv.conf, as systemd-nspawn --resolv-conf= has it. By default off with a network of its own, else auto.",
  }),
  guestHosts: z.boolean().default(true).meta({
    description:
      "With privateNetwork: the guest's /etc/hosts, read-only then, also names all other containers, always up to date.",
  }),
  hostsAlias: z.boolean().default(false).meta({
    description: 'Also the bare NAME in the hosts files, not only NAME.containers.',
  }),
  extraFlags: extraFlagsField.meta({
    description:
      'Further options of systemd-nspawn, each in full as --name or --name=value. Not those that a field of the manifest is for.',
    examples: [['--bind=/srv/www', '--capability=CAP_SYS_ADMIN']],
  }),
});
