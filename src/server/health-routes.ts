import { type Answer, ok } from './answer.ts';
import { VERSION_PATH, type VersionInfo } from './protocol.ts';
import type { Route } from './route.ts';
import { isStarted } from './starting.ts';

/** What a monitor asks. */
export const healthRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    bodyBytes: null,
    answer: (_ask, { control }) => say(control.isHealthy(), 'the loops have stopped turning'),
  },
  {
    method: 'GET',
    path: '/readyz',
    bodyBytes: null,
    answer: (_ask, { control }) =>
      say(control.isHealthy() && isStarted(control), 'the first scan is not complete'),
  },
  {
    method: 'GET',
    path: '/livez',
    bodyBytes: null,
    answer: (_ask, { control }) => say(control.isHealthy(), 'the loops have stopped turning'),
  },
  {
    method: 'GET',
    path: '/metrics',
    bodyBytes: null,
    answer: async (_ask, { metrics }) => ({ is: 'text', code: 200, ...(await metrics.text()) }),
  },
  {
    method: 'GET',
    path: VERSION_PATH,
    bodyBytes: null,
    answer: (_ask, { version }) => ok(versionInfo(version)),
  },
];

function say(isTrue: boolean, otherwise: string): Answer {
  return isTrue ? { is: 'text', code: 200, text: 'ok' } : { is: 'text', code: 500, text: otherwise };
}

function versionInfo(version: string): VersionInfo {
  const [major = '', minor = ''] = version.split('.');
  return { major, minor, gitVersion: `v${version}`, platform: `${process.platform}/${process.arch}` };
}
