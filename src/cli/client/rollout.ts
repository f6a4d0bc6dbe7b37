import type { ContainerRollout, RevisionList } from '../../server/protocol.ts';
import { CONTAINERS_PATH } from '../../server/protocol.ts';
import type { Client } from './client.ts';

/** What the daemon knows of the specs that a container has had, and is asked of them. */
export function revisionsOf(client: Client, name: string): Promise<RevisionList> {
  return client.ask({ method: 'GET', path: `${pathOf(name)}/revisions` });
}

export function undo(client: Client, name: string, toRevision: number | null): Promise<ContainerRollout> {
  return client.ask({ method: 'POST', path: `${pathOf(name)}/undo`, body: { toRevision } });
}

export function retry(client: Client, name: string): Promise<ContainerRollout> {
  return client.ask({ method: 'POST', path: `${pathOf(name)}/retry` });
}

function pathOf(name: string): string {
  return `${CONTAINERS_PATH}/${encodeURIComponent(name)}`;
}
