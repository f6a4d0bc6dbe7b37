import { objectionToFlag } from '../api/extra-flags.ts';
import type { SpecDraft } from './imported.ts';

/** Words for systemd-nspawn as people hand them over (`extraFlags`, EXTRA_NSPAWN_FLAGS): short and long, one word or two. */
export function carryNspawnWords(words: readonly string[], draft: SpecDraft): void {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    const short = /^-([A-Za-z])(.*)$/.exec(word);
    if (short !== null) {
      const long = SHORT[short[1] ?? ''];
      const attached = short[2] ?? '';
      if (long === undefined) draft.leave(word, 'systemd-nspawn knows no such option');
      else if (!long.takesValue) carryFlag(`--${long.name}${long.value ?? ''}`, word, draft);
      else if (attached !== '') carryFlag(`--${long.name}=${attached}`, word, draft);
      else if (next === undefined) draft.leave(word, 'its value is missing');
      else {
        carryFlag(`--${long.name}=${next}`, `${word} ${next}`, draft);
        at++;
      }
      continue;
    }
    const needsNext =
      word.startsWith('--') && !word.includes('=') && objectionToFlag(word)?.includes('=VALUE');
    if (needsNext && next !== undefined && !next.startsWith('-')) {
      carryFlag(`${word}=${next}`, `${word} ${next}`, draft);
      at++;
    } else carryFlag(word, word, draft);
  }
}

function carryFlag(flag: string, written: string, draft: SpecDraft): void {
  const objection = objectionToFlag(flag);
  if (objection === null) draft.addFlag(flag);
  else draft.leave(written, objection);
}

interface ShortOption {
  readonly name: string;
  readonly takesValue: boolean;
  readonly value?: string;
}

/** systemd-nspawn(1), of 252 to 262. */
const SHORT: Readonly<Record<string, ShortOption>> = {
  D: { name: 'directory', takesValue: true },
  E: { name: 'setenv', takesValue: true },
  L: { name: 'selinux-apifs-context', takesValue: true },
  M: { name: 'machine', takesValue: true },
  P: { name: 'pipe', takesValue: false },
  S: { name: 'slice', takesValue: true },
  U: { name: 'private-users', takesValue: false, value: '=pick' },
  Z: { name: 'selinux-context', takesValue: true },
  a: { name: 'as-pid2', takesValue: false },
  b: { name: 'boot', takesValue: false },
  i: { name: 'image', takesValue: true },
  j: { name: 'link-journal', takesValue: false, value: '=try-guest' },
  n: { name: 'network-veth', takesValue: false },
  p: { name: 'port', takesValue: true },
  q: { name: 'quiet', takesValue: false },
  u: { name: 'user', takesValue: true },
  x: { name: 'ephemeral', takesValue: false },
};
