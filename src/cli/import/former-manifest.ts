import { ADOPTED_FROM_ANNOTATION } from '../../api/adopted.ts';
import { API_VERSION, KIND } from '../../api/manifest.ts';
import { SCHEMA_LINE } from '../../api/schema-line.ts';
import { escapeLine } from '../../view/escape.ts';
import { toYaml } from '../view/output-yaml.ts';
import type { Former } from './find-former.ts';

/** The file of an imported container: where it comes from, what was left behind, and the manifest. Pure. */
export function formerManifest({ name, spec, notCarried, from, unit }: Former): string {
  const comments = [
    SCHEMA_LINE.trim(),
    `Imported from ${from} by nspawnctl import; this file is what counts now.`,
    ...(notCarried.length === 0 ? [] : ['Not carried:', ...notCarried.map(line => `  ${line}`)]),
  ];
  const manifest = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, annotations: { [ADOPTED_FROM_ANNOTATION]: unit } },
    spec,
  };
  return `${comments.map(line => `# ${escapeLine(line)}\n`).join('')}${toYaml(manifest)}`;
}
