import { escapeText } from '../../view/escape.ts';
import type { Terminal } from '../terminal.ts';

/** Bytes to the output: as they are to a file or a pipe, and as text that moves no cursor to a terminal. */
export async function writeBytes(
  contents: AsyncIterable<Buffer>,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of contents) {
    if (terminal.closed.aborted || signal.aborted) return;
    if (terminal.isInteractive) await terminal.out(escapeText(decoder.decode(chunk, { stream: true })));
    else await new Promise<void>(resolve => process.stdout.write(chunk, () => resolve()));
  }
}
