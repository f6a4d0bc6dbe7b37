import { escapeQuoted } from '../../view/escape.ts';

/** An object for a program to read; also safe to look at. */
export async function formatObject(object: object, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${escapeQuoted(JSON.stringify(object, null, 2))}\n`;
  const { toYaml } = await import('./output-yaml.ts');
  return toYaml(object);
}
