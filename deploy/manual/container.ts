import { API_VERSION, KIND } from '../../src/api/manifest.ts';
import { type JsonSchema, manifestJsonSchema } from '../../src/api/manifest-schema.ts';
import { boundsInWords, typeInWords } from '../../src/api/schema-path.ts';
import { changeClassOf } from '../../src/planning/change.ts';
import { Page } from './roff.ts';

/** nspawnd.container(5): every field, as the schema describes it. */
export function containerPage(version: string): string {
  const page = new Page('nspawnd.container', 5, version, 'nspawnd')
    .section('Name')
    .paragraph('nspawnd.container - manifest of a container')
    .section('Synopsis')
    .paragraph('/etc/nspawnd/manifests/*.yaml, *.yml, *.json')
    .section('Description')
    .paragraph(
      'A file holds one or many documents, each of which describes a container of systemd-nspawn(1) as it is to be. What it',
      'is called is in the document, never in the name of the file. A manifest that is not valid takes no container down:',
      'the last good version stays in force, and `nspawnctl describe` tells the place. `nspawnctl validate` checks a',
      'file, `nspawnctl diff` says what it would change.',
    )
    .example(EXAMPLE);
  const { metadata, spec } = manifestJsonSchema().properties ?? {};
  addFields(page.section('metadata'), metadata ?? {}, '');
  addFields(
    page
      .section('spec')
      .paragraph(
        'What a change costs a running guest is said of each field: `live`, nothing; `reload`, it switches without a restart;',
        '`restart`, it is stopped and started again.',
      ),
    spec ?? {},
    'spec',
  );
  return page
    .section('See also')
    .paragraph(
      'nspawnd(8), nspawnctl(1), systemd-nspawn(1); `nspawnctl explain` shows the same field by field',
    )
    .toString();
}

const EXAMPLE = `apiVersion: ${API_VERSION}
kind: ${KIND}
metadata:
  name: web
spec:
  root: /var/lib/machines/web
  privateNetwork: true
  hostAddress: 10.231.136.1
  localAddress: 10.231.136.2
`;

function addFields(
  page: Page,
  { properties = {}, required = [] }: JsonSchema,
  section: string,
  path = '',
): void {
  for (const [name, field] of Object.entries(properties)) {
    const facts = [
      typeInWords(field),
      ...(required.includes(name) ? ['required'] : []),
      ...(field.enum === undefined ? [] : [`one of ${field.enum.join(', ')}`]),
      ...boundsInWords(field),
      ...(field.default === undefined ? [] : [`default ${JSON.stringify(field.default)}`]),
      ...(section === 'spec' && path === '' ? [`change: ${changeClassOf(name)}`] : []),
    ];
    const examples = (field.examples ?? []).map(example => JSON.stringify(example));
    const shown = examples.length === 0 ? '' : ` Example: ${examples.join('; ')}.`;
    page.item(`${path}${name}`, `${field.description ?? ''}${shown} (${facts.join('; ')})`);
    addFields(page, field, section, `${path}${name}.`);
  }
}
