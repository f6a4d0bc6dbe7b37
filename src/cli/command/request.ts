import { formatDuration } from '../../api/age.ts';
import type { ContainerList, Verb } from '../../server/protocol.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { Progress } from './progress.ts';
import { selectAll } from './select-all.ts';
import { FIRST_WORD_MS, sightings } from './sightings.ts';
import type { Verdict } from './verdict.ts';

export interface RequestOptions {
  readonly wait: boolean;
  readonly timeoutMs: number;
}

const PAST: Readonly<Record<Verb, string>> = {
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
  terminate: 'terminated',
};
const LOOK_MS = 250;

/** `nspawnctl start|stop|restart|terminate NAME...`: asks, and by default waits until it has happened. */
export async function request(
  verb: Verb,
  names: readonly string[],
  { wait, timeoutMs }: RequestOptions,
  context: Context,
): Promise<ExitCode> {
  const { client, terminal } = context;
  const list = await client.list();
  const found = await selectAll(list.items, names, terminal);
  if (found === null) return EXIT.noSuchObject;
  const startedAt = Date.now();
  const waiting = new Map<string, Progress>();
  for (const before of found) {
    const { name } = before.metadata;
    await client.request(name, verb);
    if (wait) waiting.set(name, new Progress(verb, before, startedAt));
    else await terminal.out(`container/${name} ${verb} requested\n`);
  }
  return waiting.size === 0 ? EXIT.done : waitFor(verb, waiting, list, startedAt, timeoutMs, context);
}

async function waitFor(
  verb: Verb,
  waiting: Map<string, Progress>,
  before: ContainerList,
  startedAt: number,
  timeoutMs: number,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const over = new AbortController();
  const words = new Map<string, string>();
  let code: ExitCode = EXIT.done;

  // Serialised: a look by the clock and a look by a change may not talk at the same time.
  let last = Promise.resolve();
  const look = () => {
    last = last.then(async () => {
      const now = Date.now();
      for (const progress of [...waiting.values()]) {
        const verdict = progress.verdict(now);
        if (verdict.is === 'underway') {
          const word = now - startedAt < FIRST_WORD_MS ? null : progress.news(now);
          if (word !== null) await sayUnderway(progress.name, word, words, now - startedAt, terminal);
          continue;
        }
        waiting.delete(progress.name);
        if (verdict.is === 'failed') code = EXIT.no;
        await sayEnd(verb, progress.name, verdict, terminal);
      }
      if (waiting.size === 0) over.abort();
    });
    return last;
  };

  const clock = setInterval(() => void look(), LOOK_MS);
  const deadline = setTimeout(() => over.abort(), timeoutMs);
  try {
    for await (const seen of sightings(() => waiting.keys(), context, over.signal, { first: before })) {
      const now = Date.now();
      for (const [name, container] of seen) waiting.get(name)?.see(container, now);
      await look();
    }
  } finally {
    clearInterval(clock);
    clearTimeout(deadline);
    await last;
  }
  for (const progress of waiting.values()) {
    const state = `after ${formatDuration(timeoutMs)} it is ${progress.describe()}`;
    const error = new CliError(EXIT.timedOut, `${verb} of ${progress.name} is not done: ${state}`, [
      `the request stays; watch it: nspawnctl get -w ${progress.name}`,
    ]);
    await reportError(error, terminal);
  }
  return waiting.size > 0 ? EXIT.timedOut : code;
}

async function sayUnderway(
  name: string,
  word: string,
  words: Map<string, string>,
  elapsedMs: number,
  terminal: Terminal,
): Promise<void> {
  if (words.get(name) === word) return;
  words.set(name, word);
  await terminal.err(`container/${name}: ${escapeLine(word)} (${formatDuration(elapsedMs)})\n`);
}

async function sayEnd(verb: Verb, name: string, verdict: Verdict, terminal: Terminal): Promise<void> {
  if (verdict.is !== 'failed') {
    await terminal.out(`container/${name} ${PAST[verb]}\n`);
    return;
  }
  const error = new CliError(EXIT.no, `${verb} of ${name} failed: ${verdict.reason}: ${verdict.message}`, [
    `see more: nspawnctl describe ${name}`,
  ]);
  await reportError(error, terminal);
}
