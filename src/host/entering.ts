import { type GuestBounds, setprivBounds } from './guest-bounds.ts';

/** Where they are, or their names where they are looked for in $PATH. */
export interface EnteringPrograms {
  readonly nsenter: string;
  readonly setpriv: string;
}

/**
 * The words that run a command in all namespaces of a guest, by someone who has what the guest may have and no more; `options`:
 * further ones of nsenter(1).
 *
 * Who enters users of a guest's own has every capability among these, whatever it had before. So that is done before it is
 * among the guest's processes, and what the guest has not is given away in between. A network that is the host's can only be
 * entered before that.
 */
export function enteringWords(
  leader: number,
  bounds: GuestBounds,
  { nsenter, setpriv }: EnteringPrograms,
  command: readonly string[],
  options: readonly string[] = [],
): readonly string[] {
  const enter = [nsenter, `--target=${leader}`];
  if (bounds.sharesUsers) return [...enter, '--all', ...options, '--', ...command];
  return [
    ...[...enter, '--net', '--'],
    ...[...enter, '--user', '--'],
    ...[setpriv, ...setprivBounds(bounds), '--'],
    ...[...enter, '--mount', '--uts', '--ipc', '--cgroup', '--pid', ...options, '--'],
    ...command,
  ];
}
