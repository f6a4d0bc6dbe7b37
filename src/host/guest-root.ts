import { readFile } from 'node:fs/promises';

/**
 * Below it are the host's own users; systemd gives guests numbers from 524288 on. A guest's init can put itself among other
 * users of its guest's, also of a guest that shares the host's.
 */
const FIRST_OF_GUESTS = 65_536;

/**
 * What comes before a program and its arguments, so that whoever it connects to in a guest takes it for the guest's root: with
 * users of the guest's own (`--private-users`) it runs as the user of the host that is root there. That user owns nothing but
 * the guest's files, and without any capability it is nobody on the host; the guest does not see it. Null: it cannot be told
 * who that is, or it would be somebody.
 */
export async function asGuestRoot(leader: number): Promise<readonly string[] | null> {
  const [uid, gid] = await Promise.all([
    rootIn(`/proc/${leader}/uid_map`),
    rootIn(`/proc/${leader}/gid_map`),
  ]);
  if (uid === 0 && gid === 0) return [];
  if (uid === null || gid === null || uid < FIRST_OF_GUESTS || gid < FIRST_OF_GUESTS) return null;
  return [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--',
  ];
}

/** user_namespaces(7): whom the number 0 stands for; null: for nobody, or the guest is gone. */
async function rootIn(path: string): Promise<number | null> {
  const map = await readFile(path, 'utf8').catch(() => '');
  const outside = /^\s*0\s+(\d+)\s/m.exec(map)?.[1];
  return outside === undefined ? null : Number(outside);
}
