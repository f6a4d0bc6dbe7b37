import { z } from 'zod';
import { API_VERSION, KIND, manifestFields } from './manifest.ts';

/**
 * What an editor needs to know of a manifest: JSON Schema of draft 7, which all editors read. It says as much of the
 * fields as can be said in it; what fields say to each other, and manifests to each other, `nspawnctl validate` knows.
 */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly [keyword: string]: unknown;
}

export function manifestJsonSchema(): JsonSchema {
  const generated = z.toJSONSchema(manifestFields, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // Zod leaves these out where the value read is not the value written; ours are as written.
      const { def } = zodSchema._zod;
      if (def.type === 'default') jsonSchema.default = (def as z.core.$ZodDefaultDef).defaultValue;
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  }) as JsonSchema;
  const { $schema, properties = {}, ...rest } = generated;
  return {
    $schema,
    title: `${KIND} of ${API_VERSION}`,
    description: 'A manifest of nspawnd: a system container of systemd-nspawn, as it is to be.',
    ...rest,
    properties: { ...properties, spec: { ...properties.spec, ...ACROSS_FIELDS } },
  };
}

/** Of what the fields of a spec say to each other, the part that is worth saying while one types. */
const ACROSS_FIELDS = {
  anyOf: ['root', 'path', 'config', 'flake'].map(field => ({
    properties: { [field]: {} },
    required: [field],
  })),
  dependencies: { hostAddress: ['privateNetwork'], hostAddress6: ['privateNetwork'] },
};
