import { readBelow } from './guest-files.ts';

/** A user as a guest knows it. */
export interface GuestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

const MAX_PASSWD_BYTES = 1024 * 1024;

/** From the guest's etc/passwd, by name or number; null: it is not in there. `root` as for `openBelow`. */
export async function findGuestUser(root: string, user: string): Promise<GuestUser | null> {
  const text = await readBelow(root, ['etc', 'passwd'], MAX_PASSWD_BYTES);
  return text === null ? null : findInPasswd(text, user);
}

/** passwd(5). The first that fits, as everybody takes it. */
export function findInPasswd(text: string, user: string): GuestUser | null {
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', gid = '', , home = ''] = line.split(':');
    if (name !== user && uid !== user) continue;
    if (!isId(uid) || !isId(gid) || !USER_NAME.test(name)) continue;
    return { name, uid: Number(uid), gid: Number(gid), home: home.startsWith('/') ? home : '/' };
  }
  return null;
}

/** Such as any system takes, and no option. */
export const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,255}$/;

/** 4294967295 stands for none. */
function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff;
}
