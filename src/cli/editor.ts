import { spawn } from 'node:child_process';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** What Debian has for those who have chosen none. */
const FALLBACKS = ['sensible-editor', 'editor', 'nano', 'vi'];

/** Lets a person edit a file in the editor of their choice; resolves when they leave it, and throws when it fails. */
export async function openEditor(file: string): Promise<void> {
  const chosen = process.env.VISUAL || process.env.EDITOR || '';
  // Such as "code --wait": words, and no shell.
  const words = chosen.split(/\s+/).filter(word => word !== '');
  const candidates = words.length > 0 ? [words] : FALLBACKS.map(name => [name]);
  for (const [program = '', ...args] of candidates) {
    if (await run(program, [...args, file])) return;
  }
  throw new CliError(
    EXIT.unavailable,
    words.length > 0 ? `there is no editor ${JSON.stringify(chosen)}` : 'there is no editor',
    ['say which: EDITOR=nano nspawnctl edit ...'],
  );
}

/** False where there is no such program. */
function run(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // Ctrl-C at the terminal is for the editor alone.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const child = spawn(program, args, { stdio: 'inherit' });
    const end = () => process.off('SIGINT', ignore);
    child.on('error', (error: NodeJS.ErrnoException) => {
      end();
      if (error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
    child.on('close', (code, signal) => {
      end();
      if (code === 0) resolve(true);
      else reject(new CliError(EXIT.no, `${program} ended with ${signal ?? `status ${code}`}`));
    });
  });
}
