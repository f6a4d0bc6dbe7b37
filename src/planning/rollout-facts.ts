import type { ConditionFact } from '../api/condition.ts';
import type { Desired } from './desired.ts';

/** What people are told of an edited spec that did not work; nothing while there is none. */
export function rolloutFacts(desired: Extract<Desired, { state: 'present' }>): readonly ConditionFact[] {
  const { manifest, rollout } = desired;
  if (rollout === undefined) return [];
  const { refused, stuckBecause, fallback } = rollout;
  if (refused !== null) {
    const [cause = '', ...lines] = refused.because.split('\n');
    const { file, line } = manifest.place;
    const message =
      `revision ${refused.revision} did not become Ready, and revision ${rollout.revision} is in force again: ${cause}. ` +
      `Mend ${file}:${line}, or try it once more: nspawnctl rollout retry ${manifest.name}`;
    return [
      fact(
        'True',
        'NotReadyInTime',
        `${message}${lines.length === 0 ? '' : `; its last lines:\n${indented(lines)}`}`,
      ),
    ];
  }
  if (stuckBecause !== null && fallback !== null && !rollout.isProven) {
    const message = `revision ${fallback.revision}, the last one that was Ready, cannot be in force again: ${stuckBecause}`;
    return [fact('False', 'LastSpecTaken', message)];
  }
  return [];
}

/** In a word, for programs: whether what the manifest says works. */
export function rolloutState(
  desired: Extract<Desired, { state: 'present' }>,
): 'Complete' | 'Progressing' | 'RolledBack' {
  if (desired.rollout?.refused != null) return 'RolledBack';
  return desired.rollout?.isProven === true ? 'Complete' : 'Progressing';
}

function indented(lines: readonly string[]): string {
  return lines.map(line => `  ${line}`).join('\n');
}

function fact(status: ConditionFact['status'], reason: string, message: string): ConditionFact {
  return { type: 'RolledBack', status, reason, message };
}
