import { readBelow } from './guest-files.ts';

/** sshd(8); the best one first. */
const KINDS = ['ed25519', 'ecdsa', 'rsa'] as const;
const MAX_BYTES = 16 * 1024;

/** The public keys of a guest's sshd, one line each, in a form that is safe to show. Whatever is no key is left out. */
export async function readHostKeys(root: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const kind of KINDS) {
    const text = await readBelow(root, ['etc', 'ssh', `ssh_host_${kind}_key.pub`], MAX_BYTES);
    const key = text === null ? null : parsePublicKey(text);
    if (key !== null) keys.push(key);
  }
  return keys;
}

/** Type and key, without the comment: it is whatever the guest likes. */
export function parsePublicKey(text: string): string | null {
  const match = /^((?:sk-)?(?:ssh|ecdsa-sha2)-[a-z0-9@.-]{1,64}) ([A-Za-z0-9+/]{16,8192}={0,3})(?:\s|$)/.exec(
    text,
  );
  return match === null ? null : `${match[1]} ${match[2]}`;
}
