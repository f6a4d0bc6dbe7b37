import type { Desired } from '../planning/desired.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { Decision } from './decide.ts';
import { problemAt } from './document.ts';

/** What is in force where recording failed: a version that could not be written is not, since a crash would forget it. */
export function withoutUnrecorded(
  { desired, keep }: Decision,
  failures: ReadonlyMap<string, Error>,
  versions: ReadonlyMap<string, AcceptedVersion>,
): ReadonlyMap<string, Desired> {
  if (failures.size === 0) return desired;
  const inForce = new Map(desired);
  for (const [name, error] of failures) {
    const { file = '', line = 1 } = keep.find(version => version.name === name)?.manifest?.place ?? {};
    const message = `cannot be taken in, because it cannot be recorded: ${error.message}`;
    const problems = [problemAt(file, { line, column: 1 }, '', message)];
    const { manifest = null, generation = 0, createdAt = '', removedAt = null } = versions.get(name) ?? {};
    inForce.set(
      name,
      manifest !== null && removedAt === null
        ? { state: 'present', manifest, generation, createdAt, problems }
        : { state: 'unknown', problems, reason: 'its manifest cannot be recorded' },
    );
  }
  return inForce;
}
