import { createServer } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from '../server/serving.ts';

/** Answers a request by its number, from 0 on; where that is null, never. The path of its socket. */
export async function hangingNspawnd(
  t: Pick<TestContext, 'after'>,
  answer: (number: number) => object | null,
): Promise<string> {
  const socket = join(await temporaryDirectory(t), 'nspawnd.sock');
  let requests = 0;
  const server = createServer((_request, response) => {
    const body = answer(requests++);
    if (body !== null) response.end(JSON.stringify(body));
  });
  await new Promise<void>(resolve => server.listen(socket, resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return socket;
}
