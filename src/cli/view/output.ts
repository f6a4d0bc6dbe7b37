import { escapeQuoted } from './escape.ts';

/** How `get` can answer. */
export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** An object for a program to read; also safe to look at. */
export async function formatObject(object: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${escapeQuoted(JSON.stringify(object, null, 2))}\n`;
  const { toYaml } = await import('./output-yaml.ts');
  return toYaml(object);
}
