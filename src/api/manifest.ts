import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { extraFlagsField, interfacesField } from './device-fields.ts';
import { parseDurationSec } from './duration.ts';
import { isName } from './name.ts';
import { isNixMade, nixRootOf } from './nix-source.ts';
import { hasOwnNetwork } from './own-network.ts';
import { boundedText } from './text.ts';

/**
 * The manifest as people write it. Field names are those of the NixOS `containers.<name>` options where NixOS has one,
 * Kubernetes' where it has not.
 */
export const API_VERSION = 'nspawnd.io/v1alpha1';
export const KIND = 'Container';

/** Bounds on what a manifest may hold; generous for people, fatal for accidents. */
export const MAX_COMMAND_ARGUMENTS = 256;
export const MAX_ENVIRONMENT_VARIABLES = 256;
export const MAX_LABELS = 256;
/** A NixOS module as text. */
export const MAX_CONFIG_LENGTH = 65_536;
const MAX_TIMEOUT_SEC = 86_400;

const text = boundedText();

const absolutePath = text
  .refine(value => value.startsWith('/'), { error: issue => `not an absolute path: ${quote(issue.input)}` })
  .refine(value => !value.split('/').includes('..'), {
    error: issue => `must not contain "..": ${quote(issue.input)}`,
  })
  .refine(value => !hasControlCharacter(value), { error: 'must not contain control characters' })
  .transform(normalizePath);

const ipv4 = text.refine(value => isIPv4(value), {
  error: issue => `not an IPv4 address: ${quote(issue.input)}`,
});
const ipv6 = text
  .refine(value => isIPv6(value) && !value.includes('%'), {
    error: issue => `not an IPv6 address: ${quote(issue.input)}`,
  })
  .transform(canonicalIpv6);

/** A span in seconds, written as a number or as systemd writes it. */
const durationSec = z
  .union([z.number(), z.string()], {
    error: issue => `not a time span such as 90, "90s" or "2min": ${quote(issue.input)}`,
  })
  .transform((value, context) => {
    const seconds = typeof value === 'number' ? value : parseDurationSec(value);
    if (seconds === null || !Number.isFinite(seconds) || seconds <= 0 || seconds > MAX_TIMEOUT_SEC) {
      context.addIssue({
        code: 'custom',
        message: `not a time span between 0 and ${MAX_TIMEOUT_SEC} seconds such as 90, "90s" or "2min": ${quote(value)}`,
      });
      return z.NEVER;
    }
    return seconds;
  });

const environment = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: issue => `not a variable name: ${quote(issue.input)}` }),
    text,
  )
  .refine(value => Object.keys(value).length <= MAX_ENVIRONMENT_VARIABLES, {
    error: `more than ${MAX_ENVIRONMENT_VARIABLES} variables`,
  });

const command = z
  .array(text)
  .min(1, { error: 'must name a program' })
  .max(MAX_COMMAND_ARGUMENTS, { error: `more than ${MAX_COMMAND_ARGUMENTS} arguments` });

/** A NixOS module: a file where it starts with "/", else the module's text; `nix-source.ts` tells them apart. */
const config = boundedText(MAX_CONFIG_LENGTH)
  .min(1, { error: 'must be the path of a NixOS module, or its text' })
  .refine(value => !value.startsWith('/') || absolutePath.safeParse(value).success, {
    error: issue =>
      `starts with "/" and is no absolute path without ".." and control characters: ${quote(issue.input)}`,
  })
  .transform(value => (value.startsWith('/') ? normalizePath(value) : value));

/** A flake reference, with or without an attribute of its nixosConfigurations: REF or REF#ATTR. */
const flake = text
  .refine(value => isFlakeReference(value), {
    error: issue =>
      `not a flake reference such as "/etc/nixos", "github:you/systems" or "/etc/nixos#web": ${quote(issue.input)}`,
  })
  .refine(value => !hasControlCharacter(value), { error: 'must not contain control characters' });

export const UPDATE_MODES = ['reload', 'restart', 'none'] as const;

export const RESTART_POLICIES = ['OnFailure', 'Always', 'Never'] as const;
export const VOLATILE_MODES = ['no', 'state', 'overlay', 'yes'] as const;
export const READINESS_MODES = ['notify', 'fifo', 'started'] as const;
/** systemd-nspawn(1), --resolv-conf=. */
export const RESOLV_CONF_MODES = [
  'off',
  'copy-host',
  'copy-static',
  'copy-uplink',
  'copy-stub',
  'replace-host',
  'replace-static',
  'replace-uplink',
  'replace-stub',
  'bind-host',
  'bind-static',
  'bind-uplink',
  'bind-stub',
  'delete',
  'auto',
] as const;

/** YAML 1.1 habits: `volatile: no` and `volatile: yes` mean the words, whatever the parser makes of them. */
const volatile = z.preprocess(
  value => (value === false ? 'no' : value === true ? 'yes' : value),
  z.enum(VOLATILE_MODES),
);

/** The spec's fields. One flat table: a field that comes later is one line here and one in `planning/change.ts`. */
const specFields = z.strictObject({
  /** Directory of the guest's OS tree on the host; with a Nix system, of its state. Data: never deleted by nspawnd. */
  root: absolutePath.optional(),
  /** A system closure made by Nix, or a symlink to one, such as a profile. */
  path: absolutePath.optional(),
  /** A NixOS module that the host's Nix builds: a file, or inline text. */
  config: config.optional(),
  /** A flake's nixosConfigurations attribute that the host's Nix builds; the attribute defaults to the name. */
  flake: flake.optional(),
  /** What a new system does to a running guest; default `reload`. Only with path, config or flake. */
  update: z.enum(UPDATE_MODES).optional(),
  /** A payload instead of the tree's init: argv, no shell; runs as PID 2 under nspawn's stub init. */
  command: command.optional(),
  /** Variables of the guest's PID 1. */
  environment: environment.default({}),
  /** false: prepared, but started only by hand. */
  autoStart: z.boolean().default(true),
  restartPolicy: z.enum(RESTART_POLICIES).default('OnFailure'),
  /** false: a changed spec leaves a running container alone and reports RestartRequired. */
  restartIfChanged: z.boolean().default(true),
  /** Own network namespace with a veth pair `ve-NAME` / `eth0`. */
  privateNetwork: z.boolean().default(false),
  hostAddress: ipv4.optional(),
  localAddress: ipv4.optional(),
  hostAddress6: ipv6.optional(),
  localAddress6: ipv6.optional(),
  /** Interfaces of the host on each of which the guest gets a macvlan `mv-INTERFACE`, in bridge mode. */
  macvlans: interfacesField,
  /** Interfaces of the host that are the guest's while it runs. */
  interfaces: interfacesField,
  /** Run on a throw-away copy of the root. */
  ephemeral: z.boolean().default(false),
  /** systemd-nspawn(1), --volatile=. */
  volatile: volatile.default('no'),
  /** What makes the container Ready; `notify`, or with `command` `started`. */
  readiness: z.enum(READINESS_MODES).optional(),
  timeoutStartSec: durationSec.default(90),
  timeoutStopSec: durationSec.default(90),
  /** systemd-nspawn(1), --resolv-conf=; default `off` with privateNetwork, else `auto`. */
  resolvConf: z.enum(RESOLV_CONF_MODES).optional(),
  /** With privateNetwork: the guest's /etc/hosts also names every other container. */
  guestHosts: z.boolean().default(true),
  /** Also the bare NAME, not only NAME.containers, in hosts files. */
  hostsAlias: z.boolean().default(false),
  /** Further options of systemd-nspawn(1), each `--name` or `--name=value`. */
  extraFlags: extraFlagsField,
});

const EVEN_AFTER_OTHER_ISSUES = { when: () => true };

export const specSchema = specFields
  .superRefine((spec, context) => {
    if (typeof spec !== 'object' || spec === null) return;
    const refuse = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (spec.root === undefined && !isNixMade(spec)) {
      const message = 'is required (or one of path, config and flake)';
      context.addIssue({ code: 'custom', path: ['root'], message, params: { isMissing: true } });
    }
    refuseSources(spec, refuse);
    if (!spec.privateNetwork) {
      for (const field of ['hostAddress', 'hostAddress6'] as const) {
        if (spec[field] !== undefined)
          refuse(field, 'needs privateNetwork: true (the host side of a link that would not exist)');
      }
    }
    if (spec.hostAddress !== undefined && spec.hostAddress === spec.localAddress)
      refuse('localAddress', 'must differ from hostAddress');
    if (spec.hostAddress6 !== undefined && spec.hostAddress6 === spec.localAddress6)
      refuse('localAddress6', 'must differ from hostAddress6');
    const twice = listOf(spec.interfaces).find(name => listOf(spec.macvlans).includes(name));
    if (twice !== undefined)
      refuse('interfaces', `${JSON.stringify(twice)} is in macvlans too; a guest has it whole or shares it`);
    if (spec.privateNetwork && listOf(spec.interfaces).includes('eth0'))
      refuse(
        'interfaces',
        '"eth0" is what the link of privateNetwork is called in the guest; leave one of them out',
      );
    if (spec.ephemeral && spec.volatile !== 'no')
      refuse('volatile', 'excludes ephemeral: true (both make the root throw-away; choose one)');
    if (spec.command !== undefined && spec.readiness === 'notify') {
      refuse('readiness', 'notify needs an init that notifies; with command use started or fifo');
    }
    // Also when a field is wrong by itself: a person sees everything at once.
  }, EVEN_AFTER_OTHER_ISSUES)
  .transform(spec => ({
    ...spec,
    readiness: spec.readiness ?? (spec.command === undefined ? ('notify' as const) : ('started' as const)),
    resolvConf: spec.resolvConf ?? (hasOwnNetwork(spec) ? ('off' as const) : ('auto' as const)),
    update: spec.update ?? ('reload' as const),
  }));

/** Exactly one thing a guest is made of; `root` beside a Nix system says where its state lives. */
function refuseSources(
  spec: z.output<typeof specFields>,
  refuse: (field: string, message: string) => void,
): void {
  const given = NIX_SOURCES.filter(field => spec[field] !== undefined);
  for (const field of given.slice(1))
    refuse(field, `excludes ${given[0]} (a guest is made from one of them)`);
  if (given.length === 0 && spec.update !== undefined)
    refuse(
      'update',
      'needs path, config or flake (it says what a new system of these does to a running guest)',
    );
  if (given.length > 0 && spec.command !== undefined)
    refuse('command', `excludes ${given[0]} (the init of that system is what runs)`);
}

/** The fields that name a system made by Nix. */
export const NIX_SOURCES = ['path', 'config', 'flake'] as const;

const labels = z
  .record(text, text)
  .refine(value => Object.keys(value).length <= MAX_LABELS, { error: `more than ${MAX_LABELS} entries` });

const manifestFields = z.strictObject({
  apiVersion: z.literal(API_VERSION, {
    error: issue => `expected ${quote(API_VERSION)}, found ${quote(issue.input)}`,
  }),
  kind: z.literal(KIND, { error: issue => `expected ${quote(KIND)}, found ${quote(issue.input)}` }),
  metadata: z.strictObject({
    name: z.string().refine(isName, {
      error: issue =>
        `not a container name (lower-case letters, digits and inner "-", at most 63 characters): ${quote(issue.input)}`,
    }),
    labels: labels.default({}),
    annotations: labels.default({}),
  }),
  spec: specSchema,
});

export const manifestSchema = manifestFields.transform(({ spec, ...manifest }) => ({
  ...manifest,
  spec: { ...spec, root: spec.root ?? nixRootOf(manifest.metadata.name) },
}));

/** The fields that may stand at a path of a manifest; empty where any key may. For finding what a person meant. */
export function fieldsAt(path: readonly PropertyKey[]): readonly string[] {
  switch (path.join('.')) {
    case '':
      return Object.keys(manifestFields.shape);
    case 'metadata':
      return Object.keys(manifestFields.shape.metadata.shape);
    case 'spec':
      return Object.keys(specFields.shape);
    default:
      return [];
  }
}

/** The spec with every default filled in: what the planner works from. */
export type ContainerSpec = Readonly<z.output<typeof manifestSchema>['spec']>;

/** JSON, the shape in which a spec is kept, hashed and shown. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A valid manifest, with where it came from. */
export interface Manifest {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: ContainerSpec;
  /** The spec exactly as written (no defaults): what is hashed, compared and shown. */
  readonly written: JsonObject;
  /** Hash of `written`; see `spec-hash.ts`. */
  readonly specHash: string;
  readonly place: Place;
}

/** Where a document starts. Shown to people; never identity. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** A field that is wrong by itself may hold anything. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function quote(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

function hasControlCharacter(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(value);
}

/** What may stand on a command line of `nix` and inside the quotes of an attribute path. */
function isFlakeReference(value: string): boolean {
  const [reference = '', attribute, ...more] = value.split('#');
  if (reference === '' || reference.startsWith('-') || /[\s"]/.test(reference) || more.length > 0)
    return false;
  return attribute === undefined || /^[A-Za-z0-9_.-]+$/.test(attribute);
}

/** "/a//b/./c/" is "/a/b/c": the same place must be the same text. */
function normalizePath(path: string): string {
  return `/${path
    .split('/')
    .filter(part => part !== '' && part !== '.')
    .join('/')}`;
}

/** One text for one address, as the kernel prints it, so that drift compares equal. */
function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}
