import { createReadStream } from 'node:fs';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

const MAX_BYTES = 65_536;

/** A small file that the command line names, such as a template; it may be a pipe. */
export async function readTextFile(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    // One byte more than allowed, to tell.
    for await (const chunk of createReadStream(file, { end: MAX_BYTES })) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new CliError(EXIT.usage, `cannot read ${file}: ${(error as Error).message}`);
  }
  const text = Buffer.concat(chunks);
  if (text.length > MAX_BYTES) throw new CliError(EXIT.usage, `${file} is larger than ${MAX_BYTES} bytes`);
  return text.toString('utf8');
}
