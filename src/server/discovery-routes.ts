import { EVENT_NAMESPACE } from '../api/event.ts';
import { KIND } from '../api/manifest.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { API_PATH, GROUP_VERSION } from './protocol.ts';
import { type Ask, get, type Route } from './route.ts';

const [GROUP = '', VERSION = ''] = GROUP_VERSION.split('/');
const GROUP_VERSIONS = { groupVersion: GROUP_VERSION, version: VERSION };
const GROUP_OBJECT = {
  name: GROUP,
  versions: [GROUP_VERSIONS],
  preferredVersion: GROUP_VERSIONS,
} as const;

/** What there is, as Kubernetes' clients ask for it before anything else. */
export const discoveryRoutes: readonly Route[] = [
  say('/api', { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }),
  say('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: [GROUP_OBJECT] }),
  say(`/apis/${GROUP}`, { kind: 'APIGroup', apiVersion: 'v1', ...GROUP_OBJECT }),
  say('/api/v1', {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [
      {
        name: 'events',
        singularName: 'event',
        namespaced: true,
        kind: 'Event',
        shortNames: ['ev'],
        verbs: ['get', 'list', 'watch'],
      },
      { name: 'namespaces', singularName: 'namespace', namespaced: false, kind: 'Namespace', verbs: ['get'] },
    ],
  }),
  say(API_PATH, {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: GROUP_VERSION,
    resources: [
      {
        name: 'containers',
        singularName: 'container',
        namespaced: false,
        kind: KIND,
        shortNames: ['ct'],
        categories: ['all'],
        verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
      },
      { name: 'containers/status', singularName: '', namespaced: false, kind: KIND, verbs: ['get'] },
    ],
  }),
  get('/api/v1/namespaces/:name', getNamespace),
];

/** There is one, and only so that clients can name it; containers are in none. */
function getNamespace({ name }: Ask): Answer {
  if (name !== EVENT_NAMESPACE) return refuse('NotFound', `namespaces ${JSON.stringify(name)} not found`);
  return ok({
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name },
    spec: {},
    status: { phase: 'Active' },
  });
}

function say(path: string, object: object): Route {
  return get(path, () => ok(object));
}
