import { type Answer, ok } from './answer.ts';
import { VERSION_PATH, type VersionInfo } from './protocol.ts';
import { type Ask, type Face, get, type Route } from './route.ts';
import { isStarted } from './starting.ts';

/** What a monitor asks. */
export const healthRoutes: readonly Route[] = [
  get('/healthz', isAlive),
  get('/livez', isAlive),
  get('/readyz', (_ask, { control }) =>
    say(control.isHealthy() && isStarted(control), 'the first scan is not complete'),
  ),
  get('/metrics', async (_ask, { metrics }) => ({ is: 'text', code: 200, ...(await metrics.text()) })),
  get(VERSION_PATH, (_ask, { version }) => ok(versionInfo(version))),
];

function isAlive(_ask: Ask, { control }: Face): Answer {
  return say(control.isHealthy(), 'the loops have stopped turning');
}

function say(isTrue: boolean, otherwise: string): Answer {
  return isTrue ? { is: 'text', code: 200, text: 'ok' } : { is: 'text', code: 500, text: otherwise };
}

function versionInfo(version: string): VersionInfo {
  const [major = '', minor = ''] = version.split('.');
  return { major, minor, gitVersion: `v${version}`, platform: `${process.platform}/${process.arch}` };
}
