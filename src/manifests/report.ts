import { formatProblem } from '../api/problem.ts';
import type { SourceStatus } from '../controller/ports.ts';
import type { Desired } from '../planning/desired.ts';
import type { Log } from './log.ts';

/** Tells the story of one name: accepted, changed, gone. */
export function reportChange(log: Log, name: string, old: Desired | undefined, now: Desired): void {
  if (now.state === 'present') {
    const before = old?.state === 'present' ? old.generation : 0;
    const { file, line } = now.manifest.place;
    if (now.generation !== before)
      log.info({ name, file, line, generation: now.generation }, 'manifest accepted');
  } else if (now.state === 'absent' && old !== undefined) {
    log.info({ name }, 'manifest is gone; its container will be removed');
  }
}

/** Tells what is newly wrong, and what is well again; each once. */
export function reportStatus(log: Log, old: SourceStatus, now: SourceStatus): void {
  const said = new Set(old.problems.map(formatProblem));
  for (const problem of now.problems) {
    const text = formatProblem(problem);
    if (!said.has(text)) log.warn({ problem: text }, 'manifest refused');
  }
  if (old.message === now.message) return;
  if (now.message === '') log.info({ directory: now.directory }, 'manifests directory is well');
  else
    log.warn({ directory: now.directory, reason: now.message }, 'manifests directory is not as it should be');
}
