import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { makeRoomPrograms, type Rooms } from './check/room-programs.ts';
import { tellSourcePlaces } from './check/source-places.ts';
import { repository } from './testbed/places.ts';

/**
 * `npm run check`: everything that can be known of the code without root and without a booted host, side by side. One
 * line per part; of a part that failed, all it said.
 */

/**
 * Of one room, which is all of its files: each test has deadlines of its own, and this one is for what they forgot. A room
 * of a minute takes five beside booted hosts.
 */
const TEST_TIMEOUT_MS = 600_000;

/** What was found is kept, with the hash of each file that it was found in; only what a change touches is judged again. */
const TYPES = [
  '--noEmit',
  '--pretty',
  'false',
  '--incremental',
  '--tsBuildInfoFile',
  'node_modules/.cache/nspawnd/types.tsbuildinfo',
  '-p',
  '.',
];

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  /** What of the output is shown even when all is well. */
  readonly summary?: (output: string) => string;
}

/** Rooms whose tests share a process: starting one costs more than most files do. What no line names, the last has. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  planning: ['unit/planning', 'unit/api', 'golden', 'architecture.test.ts', 'origin.test.ts'],
  model: ['model'],
  simulation: ['simulation'],
  host: ['unit/host', 'unit/controller'],
  manifests: ['unit/manifests'],
  server: ['unit/server'],
  // These start the command as it is shipped, many times.
  command: [
    'unit/cli/completion.test.ts',
    'unit/cli/endurance.test.ts',
    'unit/cli/front.test.ts',
    'unit/cli/shipped.test.ts',
    'unit/cli/steering.test.ts',
  ],
  cli: ['unit/cli'],
  others: ['unit', 'check'],
};

const programs = mkdtempSync(join(tmpdir(), 'nspawnd-check-'));
process.on('exit', () => rmSync(programs, { recursive: true, force: true }));

const outcomes = await Promise.all([
  runPart({ name: 'types', command: [bin('tsc'), ...TYPES] }),
  runPart({ name: 'lint and format', command: [bin('biome'), 'ci', '--colors=off', '.'] }),
  makeRoomPrograms(shareOut(), programs).then(paths =>
    runPart({
      name: 'tests',
      command: [
        process.execPath,
        ...['--test', '--test-reporter=spec'],
        ...[`--test-timeout=${TEST_TIMEOUT_MS}`, `--test-concurrency=${paths.length}`],
        ...paths,
      ],
      summary: closingSummary,
    }),
  ),
]);
process.exitCode = outcomes.every(Boolean) ? 0 : 1;

async function runPart(part: Part): Promise<boolean> {
  const startedAt = performance.now();
  const { exitCode, output } = await run(part.command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const isGood = exitCode === 0;
  const shown = isGood ? (part.summary?.(output) ?? '') : tellSourcePlaces(output, programs);
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${part.name} (${seconds} s)\n${shown}`.trimEnd());
  return isGood;
}

function run([program = '', ...args]: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const child = spawn(program, args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A run inside a test run would report to the outer one.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, FORCE_COLOR: '0', NO_COLOR: '1' },
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', chunk => chunks.push(chunk));
  child.stderr.on('data', chunk => chunks.push(chunk));
  return new Promise(resolve => {
    child.on('error', error => resolve({ exitCode: 1, output: String(error) }));
    child.on('close', code => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}

/** Every file in the first room that names it. */
function shareOut(): Rooms {
  const taken = new Set<string>();
  return Object.entries(ROOMS)
    .map(([room, paths]) => {
      const files = paths.flatMap(testFilesBelow).filter(file => !taken.has(file));
      for (const file of files) taken.add(file);
      return [room, files] as const;
    })
    .filter(([, files]) => files.length > 0);
}

/** The test files at or below a path of `test`, in order. What needs a host is elsewhere. */
function testFilesBelow(path: string): readonly string[] {
  if (path.endsWith('.test.ts')) return [join('test', path)];
  return readdirSync(join(repository, 'test', path), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map(entry => relative(repository, join(entry.parentPath, entry.name)))
    .sort();
}

function closingSummary(output: string): string {
  return output
    .split('\n')
    .filter(line => /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(line))
    .join('\n');
}

function bin(name: string): string {
  return join(repository, 'node_modules/.bin', name);
}
