import { eventually } from '../testbed/eventually.ts';
import type { World } from './world.ts';

/**
 * A guest with a `command` counts as started when nspawn has begun it, a moment before the command itself is there: what the
 * command is, has or writes is waited for.
 */

/** What the payload has in its environment. */
export function payloadEnvironment(world: World, name: string): Promise<ReadonlyMap<string, string>> {
  return eventually(
    async () => {
      const environ = await world.amongGuest(name, ['sh', '-c', ENVIRON_OF_PAYLOAD]);
      const entries = environ.split('\0').map(entry => {
        const index = entry.indexOf('=');
        return [entry.slice(0, index), entry.slice(index + 1)] as const;
      });
      const environment = new Map(entries);
      // Before its exec it has that of nspawn.
      return environment.has('container') ? environment : null;
    },
    { timeoutMs: 60_000, describe: `the payload of ${name}` },
  );
}

/** What a file of the guest says as soon as it matches. */
export function payloadWrote(
  world: World,
  name: string,
  path: string,
  pattern: RegExp = /./,
): Promise<string> {
  return eventually(
    async () => {
      const text = await world.amongGuest(name, ['cat', path]);
      return pattern.test(text) ? text : null;
    },
    { timeoutMs: 60_000, describe: `${path} of ${name} to match ${pattern}` },
  );
}

/** The payload is the child of the guest's PID 1; what enters from outside has no parent there, and may have any number. */
const ENVIRON_OF_PAYLOAD =
  'for p in /proc/[0-9]*; do if grep -q "^PPid:.1$" $p/status; then exec cat $p/environ; fi; done; exit 1';
