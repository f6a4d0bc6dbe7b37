import { request } from 'node:http';
import { createInterface } from 'node:readline';
import type { Container } from '../../src/api/container.ts';
import type { Host } from '../testbed/host.ts';

/** Resolves with the time (since 1970) at which a client of the socket hears what it waits for. */
export function hear(host: Host, isIt: (container: Container) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: host.path('/run/nspawnd/nspawnd.sock'),
        path: '/apis/nspawnd.io/v1alpha1/containers?watch=1',
      },
      response => {
        // Cut off by us as soon as it was heard.
        response.on('error', () => undefined);
        const lines = createInterface({ input: response });
        lines.on('error', () => undefined);
        lines.on('line', line => {
          const { type, object } = JSON.parse(line) as { type: string; object: Container };
          if (type === 'BOOKMARK' || !isIt(object)) return;
          resolve(Date.now());
          call.destroy();
        });
      },
    );
    call.on('error', reject);
    call.end();
  });
}
