/** Which room may know which, as a table. What is not in it is forbidden. */
export interface Neighbours {
  /** Rooms, or single files of rooms, that may be imported. */
  readonly uses: readonly string[];
  /** Of these only types. */
  readonly knows: readonly string[];
}

const PORTS = 'src/controller/ports.ts';

export const ROOMS: Readonly<Record<string, Neighbours>> = {
  api: { uses: [], knows: [] },
  planning: { uses: ['api', 'src/errors.ts'], knows: [] },
  manifests: { uses: ['api', 'src/errors.ts'], knows: ['planning', PORTS] },
  // Converters of what a host had before: pure, and known to nobody but the command that runs them.
  import: { uses: ['api'], knows: [] },
  controller: { uses: ['api', 'planning', 'src/errors.ts', 'src/shared-work.ts'], knows: ['src/log.ts'] },
  host: { uses: ['api', 'planning', 'src/errors.ts'], knows: [PORTS] },
  // Figures of the loop and of the containers; told by `main` what to ask.
  metrics: { uses: ['api'], knows: [PORTS] },
  // How things look to people, for whoever shows them: the command, and the daemon where it is asked for text.
  view: { uses: ['api'], knows: [PORTS] },
  server: { uses: ['api', 'view', 'src/errors.ts', 'src/config.ts', 'src/shared-work.ts'], knows: [PORTS] },
  cli: {
    // The wire's words and the judge of manifests are the two things a client shares with the daemon. What a person does
    // at a terminal (delete a root, enter a guest) cannot be a request: it is done by the command, and written where all
    // that changes the machine is.
    uses: [
      'api',
      'view',
      'src/errors.ts',
      'src/config.ts',
      'src/host/attached-command.ts',
      'src/host/command.ts',
      'src/host/copy-tree.ts',
      'src/host/find-program.ts',
      'src/host/guest-bus.ts',
      'src/host/guest-command.ts',
      'src/host/guest-facts.ts',
      'src/host/guest-signal.ts',
      'src/host/guest-terminals.ts',
      'src/host/guest-user.ts',
      'src/host/host-keys.ts',
      'src/host/inotify-limit.ts',
      'src/host/report/limits.ts',
      'src/host/report/network.ts',
      'src/host/report/places.ts',
      'src/host/report/software.ts',
      'src/host/journal-reader.ts',
      'src/host/path-in-root.ts',
      'src/host/root-removal.ts',
      'src/host/usage.ts',
      'src/host/unit-runs.ts',
      'import',
      'src/version.ts',
      'src/manifests/new-file.ts',
      'src/manifests/suggest.ts',
      'src/manifests/trust.ts',
      'src/manifests/validate.ts',
      'src/planning/change.ts',
      'src/planning/link-name.ts',
      'src/planning/nix-places.ts',
      'src/server/media-types.ts',
      'src/server/protocol.ts',
    ],
    knows: [PORTS],
  },
  'src/main.ts': {
    uses: [
      'src/config.ts',
      'src/config-file.ts',
      'src/controller/controller.ts',
      'src/errors.ts',
      'src/host/group-id.ts',
      'src/host/linux-host.ts',
      'src/host/mounts.ts',
      'src/host/service-notify.ts',
      'src/log.ts',
      'src/manifests/source.ts',
      'src/metrics/metrics.ts',
      'src/options.ts',
      'src/planning/link-name.ts',
      'src/server/server.ts',
      'src/version.ts',
    ],
    knows: [],
  },
  'src/loader.ts': { uses: [], knows: ['src/main.ts'] },
  'src/log.ts': { uses: [], knows: ['src/config.ts'] },
  'src/config.ts': { uses: ['src/api/field-values.ts'], knows: [] },
  // Settings are written and judged as manifests are.
  'src/config-file.ts': {
    uses: [
      'api',
      'src/config.ts',
      'src/manifests/suggest.ts',
      'src/manifests/trust.ts',
      'src/manifests/yaml.ts',
    ],
    knows: [],
  },
  'src/options.ts': { uses: ['api', 'src/config.ts', 'src/config-file.ts', 'src/version.ts'], knows: [] },
  'src/errors.ts': { uses: [], knows: [] },
  'src/shared-work.ts': { uses: [], knows: [] },
  'src/version.ts': { uses: [], knows: [] },
};

/** What rooms that do no input and output may take from outside; the other rooms take what Node has. */
export const PURE_ROOMS: Readonly<Record<string, readonly string[]>> = {
  api: ['node:crypto', 'node:net', 'zod'],
  planning: ['node:crypto'],
  import: [],
  view: [],
};

/** Each runtime library and the only files that import it. */
export const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  chokidar: ['src/manifests/watch.ts'],
  commander: ['src/cli/command-line.ts', 'src/cli/program.ts', 'src/options.ts'],
  'dbus-next': ['src/host/bus.ts'],
  execa: ['src/host/command.ts', 'src/host/network-monitor.ts'],
  'fastest-levenshtein': ['src/cli/did-you-mean.ts', 'src/manifests/suggest.ts'],
  fastify: ['src/server/app.ts'],
  'p-queue': ['src/controller/work-queue.ts'],
  pino: ['src/log.ts'],
  'prom-client': [
    'src/metrics/container-metrics.ts',
    'src/metrics/loop-metrics.ts',
    'src/metrics/metrics.ts',
  ],
  selfsigned: ['src/server/credentials.ts'],
  tlds: ['src/manifests/name-rules.ts'],
  yaml: ['src/cli/view/output-yaml.ts', 'src/manifests/manifest-text.ts', 'src/manifests/yaml.ts'],
  // The schema, the options, and what other programs and earlier runs wrote.
  zod: [
    'src/api/device-fields.ts',
    'src/api/field-values.ts',
    'src/api/manifest-issue.ts',
    'src/api/manifest-schema.ts',
    'src/api/manifest.ts',
    'src/api/probe-fields.ts',
    'src/api/spec-fields.ts',
    'src/api/text.ts',
    'src/config.ts',
    'src/host/addresses-in-use.ts',
    'src/host/ip-device.ts',
    'src/host/ip.ts',
    'src/host/lent-record.ts',
    'src/host/records.ts',
    'src/host/source-guard.ts',
  ],
};

/** If a reader scrolls to find the point, it is two files. */
export const MAX_LINES = 350;
