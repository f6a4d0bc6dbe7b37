import type { JsonSchema } from './manifest-schema.ts';

/** A place of a manifest, as the schema has it. */
export type SchemaPlace =
  | { readonly is: 'field'; readonly schema: JsonSchema; readonly isRequired: boolean }
  /** `known` are the fields there are instead, at the path that does exist. */
  | { readonly is: 'unknown'; readonly at: readonly string[]; readonly known: readonly string[] };

/** Follows field names from the top of a schema; below a mapping any key leads to its values. */
export function placeInSchema(schema: JsonSchema, path: readonly string[]): SchemaPlace {
  let here = schema;
  let isRequired = true;
  for (const [depth, field] of path.entries()) {
    const { properties = {}, required = [], additionalProperties } = here;
    const next = Object.hasOwn(properties, field) ? properties[field] : undefined;
    const values = typeof additionalProperties === 'object' ? additionalProperties : undefined;
    const found = next ?? values;
    if (found === undefined)
      return { is: 'unknown', at: path.slice(0, depth), known: Object.keys(properties) };
    isRequired = required.includes(field);
    here = found;
  }
  return { is: 'field', schema: here, isRequired };
}

/** The type of a field in the words of `kubectl explain`: `string`, `[]string`, `map[string]string`, `Object`. */
export function typeInWords({ type, items, additionalProperties, anyOf }: JsonSchema): string {
  if (type === 'array') return `[]${items === undefined ? 'any' : typeInWords(items)}`;
  if (type === 'object' && typeof additionalProperties === 'object')
    return `map[string]${typeInWords(additionalProperties)}`;
  if (type === 'object') return 'Object';
  if (type !== undefined) return type;
  return anyOf === undefined ? 'any' : anyOf.map(typeInWords).join(' or ');
}

/** The bounds of a field's value in words, the most telling first; what a pattern says its description says better. */
export function boundsInWords(schema: JsonSchema): readonly string[] {
  const { minItems, maxItems, uniqueItems, maxProperties, maxLength, exclusiveMinimum, minimum, maximum } =
    schema;
  return [
    ...(typeof minimum === 'number' ? [`at least ${minimum}`] : []),
    ...(typeof exclusiveMinimum === 'number' ? [`more than ${exclusiveMinimum}`] : []),
    ...(typeof maximum === 'number' ? [`at most ${maximum}`] : []),
    ...(typeof minItems === 'number' ? [`at least ${minItems} in the list`] : []),
    ...(typeof maxItems === 'number' ? [`at most ${maxItems} in the list`] : []),
    ...(uniqueItems === true ? ['each only once'] : []),
    ...(typeof maxProperties === 'number' ? [`at most ${maxProperties} entries`] : []),
    ...(typeof maxLength === 'number' ? [`at most ${maxLength} characters`] : []),
    ...(schema.anyOf ?? []).flatMap(other => {
      const bounds = boundsInWords(other);
      return bounds.length === 0 ? [] : [`as a ${typeInWords(other)} ${bounds.join(', ')}`];
    }),
  ];
}
