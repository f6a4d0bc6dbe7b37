import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { DURATION_PATTERN, parseDurationSec } from './duration.ts';
import { isName, NAME_MAX_LENGTH, NAME_PATTERN } from './name.ts';
import { boundedText } from './text.ts';

/**
 * What the fields of a manifest may hold. The judgement is in the refinements; what `meta` says beside it is the same for
 * editors, which read `manifest-schema.ts` and cannot run ours.
 */

/** Of `dependsOn`. */
export const MAX_DEPENDENCIES = 64;
/** Bounds on what a manifest may hold; generous for people, fatal for accidents. */
const MAX_COMMAND_ARGUMENTS = 256;
const MAX_ENVIRONMENT_VARIABLES = 256;
const MAX_LABELS = 256;
/** Kubernetes' own bound for all annotations of an object together. */
const MAX_ANNOTATION_LENGTH = 262_144;
/** A NixOS module as text. */
const MAX_CONFIG_LENGTH = 65_536;
const MAX_TIMEOUT_SEC = 86_400;
const MAX_PRIORITY = 1_000_000_000;

const text = boundedText();

export const absolutePath = text
  .refine(value => value.startsWith('/'), { error: issue => `not an absolute path: ${quote(issue.input)}` })
  .refine(value => !value.split('/').includes('..'), {
    error: issue => `must not contain "..": ${quote(issue.input)}`,
  })
  .refine(value => !hasControlCharacter(value), { error: 'must not contain control characters' })
  .meta({ pattern: '^(?!.*/\\.\\.(?:/|$))/[^\\u0000-\\u001f\\u007f]*$' })
  .transform(normalizePath);

export const ipv4 = text
  .refine(value => isIPv4(value), { error: issue => `not an IPv4 address: ${quote(issue.input)}` })
  .meta({ format: 'ipv4', pattern: z.regexes.ipv4.source });

export const ipv6 = text
  .refine(value => isIPv6(value) && !value.includes('%'), {
    error: issue => `not an IPv6 address: ${quote(issue.input)}`,
  })
  .meta({ format: 'ipv6', pattern: '^[0-9A-Fa-f:.]+$' })
  .transform(canonicalIpv6);

/** A span in seconds, written as a number or as systemd writes it. */
export const durationSec = z
  .union(
    [
      z.number().meta({ exclusiveMinimum: 0, maximum: MAX_TIMEOUT_SEC }),
      z.string().meta({ pattern: DURATION_PATTERN, maxLength: 64 }),
    ],
    { error: issue => `not a time span such as 90, "90s" or "2min": ${quote(issue.input)}` },
  )
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

export const environment = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: issue => `not a variable name: ${quote(issue.input)}` }),
    text,
  )
  .refine(value => Object.keys(value).length <= MAX_ENVIRONMENT_VARIABLES, {
    error: `more than ${MAX_ENVIRONMENT_VARIABLES} variables`,
  })
  .meta({ maxProperties: MAX_ENVIRONMENT_VARIABLES });

export const command = z
  .array(text)
  .min(1, { error: 'must name a program' })
  .max(MAX_COMMAND_ARGUMENTS, { error: `more than ${MAX_COMMAND_ARGUMENTS} arguments` });

export const labels = words(text);

/** kubectl keeps the whole of what it applied in one, a NixOS module included. */
export const annotations = words(boundedText(MAX_ANNOTATION_LENGTH));

function words(value: typeof text) {
  return z
    .record(text, value)
    .refine(all => Object.keys(all).length <= MAX_LABELS, { error: `more than ${MAX_LABELS} entries` })
    .meta({ maxProperties: MAX_LABELS });
}

/** A NixOS module: a file where it starts with "/", else the module's text; `nix-source.ts` tells them apart. */
export const config = boundedText(MAX_CONFIG_LENGTH)
  .min(1, { error: 'must be the path of a NixOS module, or its text' })
  .refine(value => !value.startsWith('/') || absolutePath.safeParse(value).success, {
    error: issue =>
      `starts with "/" and is no absolute path without ".." and control characters: ${quote(issue.input)}`,
  })
  .transform(value => (value.startsWith('/') ? normalizePath(value) : value));

/** A flake reference, with or without an attribute of its nixosConfigurations: REF or REF#ATTR. */
export const flake = text
  .refine(value => isFlakeReference(value), {
    error: issue =>
      `not a flake reference such as "/etc/nixos", "github:you/systems" or "/etc/nixos#web": ${quote(issue.input)}`,
  })
  .refine(value => !hasControlCharacter(value), { error: 'must not contain control characters' })
  .meta({ pattern: '^(?!-)[^\\s"#\\u0000-\\u001f\\u007f]+(?:#[A-Za-z0-9_.-]+)?$' });

export const UPDATE_MODES = ['reload', 'restart', 'none'] as const;

export const RESTART_POLICIES = ['OnFailure', 'Always', 'Never'] as const;
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

const VOLATILE_MODES = ['no', 'state', 'overlay', 'yes'] as const;
/** Which of many comes first; Kubernetes' priority has no more either. */
export const priority = z
  .int({ error: notPriority })
  .min(-MAX_PRIORITY, { error: notPriority })
  .max(MAX_PRIORITY, { error: notPriority });

/** Names of other containers, each once. */
export const containerNames = z
  .array(
    text
      .refine(isName, { error: issue => `not a container name: ${quote(issue.input)}` })
      .meta({ pattern: NAME_PATTERN.source, maxLength: NAME_MAX_LENGTH }),
  )
  .max(MAX_DEPENDENCIES, { error: `more than ${MAX_DEPENDENCIES} names` })
  .refine(names => new Set(names).size === names.length, { error: 'names a container twice' })
  .meta({ uniqueItems: true });

/** YAML 1.1 habits: `volatile: no` and `volatile: yes` mean the words, whatever the parser makes of them. */
export const volatile = z.preprocess(
  value => (value === false ? 'no' : value === true ? 'yes' : value),
  z.enum(VOLATILE_MODES),
);

/** A value as an objection shows it. */
export function quote(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

function notPriority({ input }: { readonly input?: unknown }): string {
  return `not a whole number between -${MAX_PRIORITY} and ${MAX_PRIORITY}: ${quote(input)}`;
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
