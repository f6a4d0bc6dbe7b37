import { formatSpan } from '../../api/age.ts';
import { isName } from '../../api/name.ts';
import type { ContainerList } from '../../server/protocol.ts';
import { CliError } from '../cli-error.ts';
import type { Selectors } from '../client/client.ts';
import { follow, type Sight } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { type Awaited, parseAwaited } from './awaited.ts';
import { refuseBoth } from './get.ts';
import { select } from './select.ts';
import { Waiting } from './waiting.ts';

export interface WaitOptions {
  readonly for: string;
  /** 0: look once. */
  readonly timeoutMs: number;
  readonly all: boolean;
  readonly selectors: Selectors;
}

const LOOK_MS = 250;

/**
 * `nspawnctl wait NAME... --for=...`: until all of them are as asked for. It watches, also across restarts of the daemon.
 * Exit code 0: they are; 66: there is no such container (any more); 124: not in time.
 */
export async function wait(
  names: readonly string[],
  options: WaitOptions,
  context: Context,
): Promise<ExitCode> {
  const awaited = parseAwaited(options.for);
  checkUsage(names, awaited, options);
  const { client, terminal } = context;
  // One is watched alone: who waits for it need not hear of a thousand others.
  const [name = ''] = names;
  const isOne = names.length === 1 && isName(name);
  const selectors = isOne ? { fieldSelector: `metadata.name=${name}` } : options.selectors;
  const over = new AbortController();
  const { timeoutMs } = options;
  const deadline = timeoutMs === 0 ? undefined : setTimeout(() => over.abort(), timeoutMs);
  try {
    const first = await listInTime(selectors, timeoutMs, over.signal, client);
    const chosen = await choose(names, awaited, first, context);
    if (chosen === null) return EXIT.noSuchObject;
    const waiting = new Waiting(chosen, awaited, timeoutMs, terminal);
    await waiting.see(first.items, true);
    if (!waiting.isOver() && timeoutMs !== 0) await watchUntilOver(waiting, first, selectors, over, context);
    return await waiting.end();
  } finally {
    clearTimeout(deadline);
  }
}

/** What there is at the beginning; an nspawnd that has not said it when the time is over makes nobody wait longer. */
async function listInTime(
  selectors: Selectors,
  timeoutMs: number,
  signal: AbortSignal,
  client: Context['client'],
): Promise<ContainerList> {
  try {
    return await client.list(selectors, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CliError(
      EXIT.timedOut,
      `after ${formatSpan(timeoutMs)} nspawnd has not said yet what there is`,
      ['wait longer: --timeout 30s'],
      { cause: error },
    );
  }
}

function checkUsage(names: readonly string[], awaited: Awaited, { all, selectors }: WaitOptions): void {
  refuseBoth(names, selectors);
  const isSelecting = all || selectors.labelSelector !== undefined || selectors.fieldSelector !== undefined;
  if (names.length === 0 && !isSelecting)
    throw new CliError(EXIT.usage, 'wait for which containers?', ['name them, or select them: -l, --all']);
  if (names.length === 0 && awaited.is === 'create')
    throw new CliError(EXIT.usage, '--for=create wants names: what is not there yet cannot be selected');
  if (names.length > 0 && all) throw new CliError(EXIT.usage, 'either names or --all, not both');
}

/** The names to wait for; null: one that must be there is not, which has been told. */
async function choose(
  names: readonly string[],
  awaited: Awaited,
  { items }: ContainerList,
  { client, terminal }: Context,
): Promise<readonly string[] | null> {
  if (names.length > 0 && (awaited.is === 'create' || awaited.is === 'delete')) return names;
  let { found, missing } = await select(items, names);
  // What may have been meant is among all of them.
  if (missing.length > 0 && names.length === 1)
    missing = (await select((await client.list()).items, names)).missing;
  for (const error of missing) await reportError(error, terminal);
  if (missing.length > 0) return null;
  if (found.length === 0 && awaited.is !== 'delete') {
    await reportError(new CliError(EXIT.noSuchObject, 'no container matches'), terminal);
    return null;
  }
  return found.map(({ metadata }) => metadata.name);
}

async function watchUntilOver(
  waiting: Waiting,
  first: ContainerList,
  selectors: Selectors,
  over: AbortController,
  { client, terminal }: Context,
): Promise<void> {
  const clock = setInterval(() => void waiting.look(), LOOK_MS);
  try {
    for await (const sight of follow(client, over.signal, { first, selectors })) {
      if (sight.is === 'lost') await sayLost(sight.error, terminal);
      else await see(waiting, sight);
      if (waiting.isOver()) over.abort();
    }
  } finally {
    clearInterval(clock);
  }
}

async function sayLost(error: CliError, terminal: Context['terminal']): Promise<void> {
  await reportError(error, terminal);
  await terminal.err('nspawnctl: waiting goes on when nspawnd comes back\n');
}

function see(waiting: Waiting, sight: Exclude<Sight, { is: 'lost' }>): Promise<void> {
  if (sight.is === 'snapshot') return waiting.see(sight.list.items, !sight.mayBePartial);
  const { type, object } = sight.change;
  return type === 'DELETED' ? waiting.seeGone(object.metadata.name) : waiting.see([object], false);
}
