import type { JsonSchema } from '../../api/manifest-schema.ts';
import { typeInWords } from '../../api/schema-path.ts';
import type { Word } from './complete.ts';

/** Every field path of a schema; what has fields of its own ends in a dot, too. */
export function fieldWords(schema: JsonSchema, path = ''): readonly Word[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const text = `${path}${name}`;
    const here = { text, description: typeInWords(field) };
    return field.properties === undefined ? [here] : [here, ...fieldWords(field, `${text}.`)];
  });
}
