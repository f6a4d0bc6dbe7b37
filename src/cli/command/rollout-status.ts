import { formatDuration, formatSpan } from '../../api/age.ts';
import type { Container } from '../../api/container.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { stateLine } from '../view/state-line.ts';
import { findContainer } from './find.ts';
import { judgeRollout, type RolloutVerdict } from './rollout-verdict.ts';
import { FIRST_WORD_MS, sightings } from './sightings.ts';

export interface RolloutStatusOptions {
  /** False: look once. */
  readonly watch: boolean;
  readonly timeoutMs: number;
}

/**
 * `nspawnctl rollout status NAME`: until the spec of its manifest has shown that it works. Exit code 0: it has; 1: it has
 * not, and is not tried any more; 124: not in time.
 */
export async function rolloutStatus(
  name: string,
  { watch, timeoutMs }: RolloutStatusOptions,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const first = await lookNow(name, context);
  let verdict = judgeRollout(first);
  if (verdict.is !== 'underway') return tell(name, verdict, context);
  if (!watch) {
    await terminal.out(`container/${name} is not rolled out yet: ${escapeLine(stateLine(first))}\n`);
    return EXIT.no;
  }

  const over = new AbortController();
  const startedAt = Date.now();
  const deadline = setTimeout(() => over.abort(), timeoutMs);
  let last = first;
  let said = '';
  try {
    for await (const seen of sightings(() => [name], context, over.signal, {
      selectors: { fieldSelector: `metadata.name=${name}` },
      whenLost: 'waiting goes on when nspawnd comes back',
    })) {
      for (const [, container] of seen) {
        if (container !== null) last = container;
        verdict = judgeRollout(container);
        if (verdict.is !== 'underway') return await tell(name, verdict, context);
        const word = stateLine(last);
        const elapsedMs = Date.now() - startedAt;
        if (word === said || elapsedMs < FIRST_WORD_MS || !terminal.isInteractive) continue;
        said = word;
        await terminal.err(`container/${name}: ${escapeLine(word)} (${formatDuration(elapsedMs)})\n`);
      }
    }
  } finally {
    clearTimeout(deadline);
    over.abort();
  }
  throw new CliError(
    EXIT.timedOut,
    `${name}: after ${formatSpan(timeoutMs)} it is not rolled out: ${stateLine(last)}`,
    [`see why: nspawnctl describe ${name}`],
  );
}

/** A file that was saved a moment ago is read before anything is said of it, by those who may ask for that. */
async function lookNow(name: string, { client }: Context): Promise<Container> {
  const found = await findContainer(name, client);
  try {
    return await client.reconcile(name);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.notPermitted) return found;
    throw error;
  }
}

async function tell(
  name: string,
  verdict: Exclude<RolloutVerdict, { readonly is: 'underway' }>,
  { terminal }: Context,
): Promise<ExitCode> {
  if (verdict.is === 'done') {
    await terminal.out(`container/${name} successfully rolled out\n`);
    return EXIT.done;
  }
  await reportError(
    new CliError(EXIT.no, `${name} is not rolled out: ${verdict.message}`, [
      `see what was tried: nspawnctl rollout history ${name}`,
    ]),
    terminal,
  );
  return EXIT.no;
}
