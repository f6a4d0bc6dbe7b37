import { manifestJsonSchema } from '../../api/manifest-schema.ts';
import { placeInSchema } from '../../api/schema-path.ts';
import { suggest } from '../../manifests/suggest.ts';
import { changeClassOf } from '../../planning/change.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { explainField } from '../view/explain.ts';

/** `nspawnctl explain [FIELD]`: what may stand in a manifest, and what it does; needs no daemon. */
export async function explain(
  field: string | undefined,
  { isRecursive }: { readonly isRecursive: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const path = pathOf(field ?? '');
  const place = placeInSchema(manifestJsonSchema(), path);
  if (place.is === 'unknown') throw noSuchField(path, place.at, place.known);
  const specField = path[0] === 'spec' ? path[1] : undefined;
  const changeClass = specField === undefined ? null : changeClassOf(specField);
  await terminal.out(explainField({ path, ...place, changeClass }, isRecursive, terminal.paint));
  return EXIT.done;
}

/** `spec.root`, and, as kubectl wants it, `container.spec.root`. */
function pathOf(field: string): readonly string[] {
  const [first = '', ...more] = field.replace(/^\.+|\.+$/g, '').split('.');
  if (first === '' || RESOURCE.has(first.toLowerCase())) return more;
  return [first, ...more];
}

const RESOURCE: ReadonlySet<string> = new Set(['container', 'containers', 'manifest']);

function noSuchField(path: readonly string[], at: readonly string[], known: readonly string[]): CliError {
  const wrong = path[at.length] ?? '';
  return new CliError(EXIT.noSuchObject, `no field "${path.join('.')}" in a manifest`, [
    nearest(wrong, at, known),
  ]);
}

function nearest(wrong: string, at: readonly string[], known: readonly string[]): string {
  if (at.length === 0 && wrong === 'status')
    return 'the status is what nspawnd says of a container: nspawnctl get NAME -o yaml';
  const meant = suggest(wrong, known);
  if (meant !== null) return `did you mean ${[...at, meant].join('.')}?`;
  const elsewhere = at.length > 0 ? null : suggestBelow(wrong);
  if (elsewhere !== null) return `did you mean ${elsewhere}?`;
  if (known.length === 0) return `${at.join('.')} has no fields: nspawnctl explain ${at.join('.')}`;
  return `see what there is: nspawnctl explain ${at.join('.')}`.trimEnd();
}

/** A field without its section: people leave it out. */
function suggestBelow(wrong: string): string | null {
  for (const [section, { properties = {} }] of Object.entries(manifestJsonSchema().properties ?? {})) {
    const meant = suggest(wrong, Object.keys(properties));
    if (meant !== null) return `${section}.${meant}`;
  }
  return null;
}
