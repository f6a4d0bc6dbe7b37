import { z } from 'zod';
import { run } from './command.ts';

const routesSchema = z.array(z.looseObject({ dst: z.string() }));

/**
 * The IPv4 networks and addresses that the host has or has a route to, in every table: whoever takes one of them for a
 * container takes it away from there. What is as wide as the default route says nothing.
 */
export async function addressesInUse(): Promise<readonly string[]> {
  const { stdout } = await run('ip', ['-4', '-json', 'route', 'show', 'table', 'all']);
  const routes = routesSchema.parse(stdout.trim() === '' ? [] : JSON.parse(stdout));
  return [...new Set(routes.map(({ dst }) => dst))].filter(
    destination => destination !== 'default' && prefixOf(destination) >= NARROWEST_DEFAULT,
  );
}

/** VPNs split the default route into two or four. */
const NARROWEST_DEFAULT = 4;

function prefixOf(destination: string): number {
  const [, prefix = '32'] = destination.split('/');
  return Number(prefix);
}
