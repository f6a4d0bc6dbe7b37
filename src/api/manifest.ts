import { z } from 'zod';
import { annotations, labels, quote } from './field-values.ts';
import { isName, NAME_MAX_LENGTH, NAME_PATTERN } from './name.ts';
import { isNixMade, nixRootOf } from './nix-source.ts';
import { hasOwnNetwork } from './own-network.ts';
import { isProbe, probeFieldsAt } from './probe-fields.ts';
import { objectionsToProbes } from './probe-objections.ts';
import { specFields } from './spec-fields.ts';

/**
 * The manifest as people write it. Field names are those of the NixOS `containers.<name>` options where NixOS has one,
 * Kubernetes' where it has not.
 */
export const API_VERSION = 'nspawnd.io/v1alpha1';
export const KIND = 'Container';

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
    for (const { path, message } of objectionsToProbes(spec))
      context.addIssue({ code: 'custom', path: [...path], message });
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

/** What may be written, field by field; `manifest-schema.ts` tells editors. */
export const manifestFields = z.strictObject({
  apiVersion: z
    .literal(API_VERSION, { error: issue => `expected ${quote(API_VERSION)}, found ${quote(issue.input)}` })
    .meta({ description: `Version of the format of this file: ${API_VERSION}.` }),
  kind: z
    .literal(KIND, { error: issue => `expected ${quote(KIND)}, found ${quote(issue.input)}` })
    .meta({ description: `What this document describes: a ${KIND}.` }),
  metadata: z
    .strictObject({
      name: z
        .string()
        .refine(isName, {
          error: issue =>
            `not a container name (lower-case letters, digits and inner "-", at most 63 characters): ${quote(issue.input)}`,
        })
        .meta({
          description:
            "What the container is called: its identity, whatever the file is called. Also the guest's host name, the machine and the unit container@NAME. Lower-case letters, digits and inner dashes, at most 63; neither localhost, the host's name nor a top-level domain.",
          examples: ['web'],
          pattern: NAME_PATTERN.source,
          maxLength: NAME_MAX_LENGTH,
        }),
      labels: labels.default({}).meta({
        description: 'Words to find containers by: `nspawnctl get -l tier=front`.',
        examples: [{ tier: 'front' }],
      }),
      annotations: annotations.default({}).meta({
        description:
          "Notes for people and programs. Those that begin with nspawnd.io/ are nspawnd's own: adopted-from is the unit in which the container ran before `nspawnctl import`, applied-by.WHO the fields that somebody has applied.",
        examples: [{ owner: 'web team' }],
      }),
    })
    .meta({ description: 'What the container is called, and words about it.' }),
  spec: specSchema.meta({
    description: 'What the container is to be. Only what differs from the defaults is needed.',
  }),
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
      return path[0] === 'spec' && isProbe(path[1]) ? probeFieldsAt(path.slice(2)) : [];
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
