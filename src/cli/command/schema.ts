import { manifestJsonSchema } from '../../api/manifest-schema.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** `nspawnctl schema`: what editors need to know of manifests. */
export async function schema(terminal: Terminal): Promise<ExitCode> {
  await terminal.out(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
  return EXIT.done;
}
