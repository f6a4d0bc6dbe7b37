import { constants } from 'node:fs';
import { openBelow } from './open-below.ts';

/**
 * Reads a small file of a guest's; see `open-below.ts` for `root` and for how. Null where there is none, a link is in the
 * way, or it is no regular file. A guest can make a file system that never answers: whoever reads must be able to wait, or
 * be a process that can be killed.
 */
export async function readBelow(
  root: string,
  components: readonly string[],
  maxBytes: number,
): Promise<string | null> {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const handle = await openBelow(root, components, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (handle === null) return null;
  try {
    if (!(await handle.stat()).isFile()) return null;
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
    }
    return null;
  } finally {
    await handle.close();
  }
}
