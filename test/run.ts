import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRoomPrograms } from './check/room-programs.ts';
import { tellSourcePlaces } from './check/source-places.ts';
import { idleShare } from './idle-share.ts';
import { exampleTrees } from './start/trees.ts';
import { repository } from './testbed/places.ts';
import {
  faultsHostTree,
  gitHostTree,
  guestTree,
  hostTree,
  kubectlHostTree,
  nixHostTree,
  shellsHostTree,
} from './testbed/recipes.ts';
import type { Suite } from './testbed/suite.ts';
import { ensureTree } from './testbed/tree.ts';

/**
 * `npm test`: the fast checks, then everything on booted hosts: all of it on Debian stable, the core on the other two.
 * Files run side by side; each boots a host of its own.
 *
 *   npm test                    everything
 *   npm test -- network        only the files whose name contains a word
 *   npm test -- --suite testing network
 */
/** As many files run whatever the machine does besides; each waits for most of its time. */
const FEW_AT_ONCE = 3;
/** And as many at most, while processors idle and memory is free. */
const MANY_AT_ONCE = 10;
/** Of the processors' time since the last look. */
const IDLE_SHARE = 0.2;
const FREE_MEMORY_BYTES = 3 * 1024 ** 3;
/** What a file that was just begun uses has to show before the next one is. */
const LOOK_EVERY_MS = 2000;
/** For a whole file, on a machine that does a lot besides; each wait inside has its own, shorter bound. */
const FILE_TIMEOUT_MS = 1_200_000;
const MAX_WHY_LINES = 40;
/** What has to hold on every systemd: launch, stop, crash, network, and how it comes and goes. */
const CORE = ['lifecycle', 'network', 'host-contract', 'package'];
const OTHER_SUITES: readonly Suite[] = ['bookworm', 'testing'];
/** Also on these: each has another version of the client, or of what makes terminals in guests. */
const ALSO: Readonly<Record<string, readonly Suite[]>> = { kubectl: ['testing'], terminal: OTHER_SUITES };
/** Begun first, longest first, so that none is left alone at the end. */
const LONG = [
  'fault-sample',
  'faults',
  'rollout',
  'directory',
  'testbed',
  'nix',
  'scale',
  'cp',
  'bad-input',
  'roots',
  'network',
  'terminal',
  'verbs',
  'exec',
  'probes',
  'nix-builds',
  'lifecycle',
];

/** Files whose names begin so have a host with more in it. */
const SPECIAL_HOSTS = [
  ['nix', nixHostTree],
  ['fault-sample', faultsHostTree],
  ['completion', shellsHostTree],
  ['kubectl', kubectlHostTree],
  ['gitops', gitHostTree],
] as const;

interface Job {
  readonly title: string;
  readonly file: string;
  readonly suite: Suite;
}

interface Result {
  readonly job: Job;
  readonly isGood: boolean;
  readonly output: string;
  readonly seconds: number;
}

const words = process.argv.slice(2);
const suiteOption = takeOption(words, '--suite') as Suite | undefined;
const jobs = selectJobs(words, suiteOption);

const startedAt = performance.now();
// Ctrl-C reaches the children by the terminal; they take their hosts down, and we wait for them.
process.once('SIGINT', () => undefined);
if (words.length === 0 && suiteOption === undefined) await runCheck();
const programs = mkdtempSync(join(tmpdir(), 'nspawnd-tests-'));
process.on('exit', () => rmSync(programs, { recursive: true, force: true }));
await Promise.all([prepareTrees(), makePrograms()]);
const results = await runAll(jobs);
await lookAgainAlone(results);
report(results);

function selectJobs(filter: readonly string[], only: Suite | undefined): readonly Job[] {
  const files = ['real', 'faults', 'testbed', 'start']
    .flatMap(directory =>
      readdirSync(join(repository, 'test', directory)).map(file => join('test', directory, file)),
    )
    .filter(file => file.endsWith('.test.ts'))
    .filter(file => filter.length === 0 || filter.some(word => file.includes(word)));
  const job = (file: string, suite: Suite): Job => ({
    title: `${basename(file, '.test.ts')} on ${suite}`,
    file,
    suite,
  });
  if (only !== undefined) return files.map(file => job(file, only));
  const isCore = (file: string) => CORE.includes(basename(file, '.test.ts'));
  const isAlso = (file: string, suite: Suite) => ALSO[basename(file, '.test.ts')]?.includes(suite) === true;
  const rank = ({ file }: Job) => {
    const index = LONG.indexOf(basename(file, '.test.ts'));
    return index < 0 ? LONG.length : index;
  };
  return [
    ...files.map(file => job(file, 'trixie')),
    ...OTHER_SUITES.flatMap(suite =>
      files.filter(file => isCore(file) || isAlso(file, suite)).map(file => job(file, suite)),
    ),
  ].sort((a, b) => rank(a) - rank(b));
}

async function runCheck(): Promise<void> {
  const check = await execute([process.execPath, '--import', 'tsx', 'test/check.ts'], {}, true);
  if (check.exitCode !== 0) process.exit(1);
}

/** All before the first file, so that no test waits for packages; two at a time, which `ensureTree` sees to. */
async function prepareTrees(): Promise<void> {
  const suitesOf = (some: readonly Job[]) => [...new Set(some.map(({ suite }) => suite))];
  const recipes = [
    ...suitesOf(jobs).flatMap(suite => [guestTree(suite), hostTree(suite)]),
    ...SPECIAL_HOSTS.flatMap(([word, tree]) =>
      suitesOf(jobs.filter(({ file }) => basename(file).startsWith(word))).map(tree),
    ),
    ...(await exampleTrees()),
  ];
  await Promise.all(recipes.map(ensureTree));
}

/** One of each file, whatever suite it runs on: compiling all it imports takes a process seconds. */
async function makePrograms(): Promise<void> {
  const files = [...new Set(jobs.map(({ file }) => file))];
  await makeRoomPrograms(
    files.map(file => [basename(file, '.test.ts'), [file]]),
    programs,
  );
}

async function runAll(all: readonly Job[]): Promise<readonly Result[]> {
  const waiting = [...all];
  const done: Result[] = [];
  const running = new Set<Promise<void>>();
  const idle = idleShare();
  const begin = (job: Job) => {
    const run = runJob(job).then(result => {
      running.delete(run);
      done.push(result);
      console.log(`${result.isGood ? 'ok    ' : 'FAILED'} ${job.title} (${result.seconds.toFixed(0)} s)`);
      if (!result.isGood) console.log(result.output);
    });
    running.add(run);
  };
  while (waiting.length > 0 || running.size > 0) {
    const atOnce = idle() > IDLE_SHARE && freemem() > FREE_MEMORY_BYTES ? MANY_AT_ONCE : FEW_AT_ONCE;
    const job = running.size < atOnce ? waiting.shift() : undefined;
    if (job !== undefined) begin(job);
    if (running.size >= FEW_AT_ONCE || waiting.length === 0)
      await Promise.race([...running, sleep(LOOK_EVERY_MS)]);
  }
  return done;
}

/**
 * What failed beside others runs once more with the machine to itself. That is only for whoever mends it: a test that minds
 * a busy machine has failed all the same.
 */
async function lookAgainAlone(first: readonly Result[]): Promise<void> {
  if (first.length === 1) return;
  for (const { job } of first.filter(({ isGood }) => !isGood)) {
    const again = await runJob(job);
    const how = again.isGood ? 'passes' : 'fails too';
    console.log(`alone, ${job.title} ${how} (${again.seconds.toFixed(0)} s); it has failed`);
    if (!again.isGood) console.log(again.output);
  }
}

async function runJob(job: Job): Promise<Result> {
  const begin = performance.now();
  const argv = [
    process.execPath,
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    join(programs, basename(job.file).replace(/\.ts$/, '.mjs')),
  ];
  const { exitCode, output } = await execute(argv, { NSPAWND_TEST_SUITE: job.suite }, false);
  return {
    job,
    isGood: exitCode === 0,
    output: tellSourcePlaces(output, programs),
    seconds: (performance.now() - begin) / 1000,
  };
}

function execute(
  [program = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string>>,
  isShown: boolean,
): Promise<{ exitCode: number; output: string }> {
  const child = spawn(program, args, {
    cwd: repository,
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', isShown ? 'inherit' : 'pipe'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...environment },
  });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise(resolve => {
    child.on('close', code => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/** Sums up what node's runner counted in each file, in one closing line. */
function report(all: readonly Result[]): void {
  const count = (word: string) =>
    all.reduce(
      (sum, { output }) => sum + Number(new RegExp(`^ℹ ${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0),
      0,
    );
  const broken = all.filter(result => !result.isGood);
  const failed = Math.max(count('fail'), broken.length);
  console.log(`\n${all.length} files in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  for (const { job, output } of broken) console.log(`failed: ${job.title}\n${whyFailed(output)}`);
  console.log(`${count('pass')} passed, ${failed} failed, ${count('skipped')} skipped`);
  process.exitCode = failed === 0 && all.length > 0 ? 0 : 1;
}

/** Each failed test with its error, short: what is said last is what is still there when a log was cut. */
function whyFailed(output: string): string {
  const [, found = ''] = output.split('✖ failing tests:');
  const lines = found.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line));
  return lines.slice(0, MAX_WHY_LINES).join('\n');
}

function takeOption(args: string[], name: string): string | undefined {
  const index = args.indexOf(name);
  return index < 0 ? undefined : args.splice(index, 2)[1];
}
