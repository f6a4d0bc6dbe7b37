import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm run check`: everything that can be known of the code without root and without a booted host, side by side. One
 * line per part; of a part that failed, all it said.
 */
const repository = fileURLToPath(new URL('..', import.meta.url));

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  /** What of the output is shown even when all is well. */
  readonly summary?: (output: string) => string;
}

const parts: readonly Part[] = [
  { name: 'types', command: [bin('tsc'), '--noEmit', '--pretty', 'false', '-p', '.'] },
  { name: 'lint and format', command: [bin('biome'), 'ci', '--colors=off', '.'] },
  {
    name: 'tests',
    command: [
      process.execPath,
      '--import',
      'tsx',
      '--test',
      '--test-reporter=spec',
      '--test-timeout=60000',
      ...testFiles(),
    ],
    summary: closingSummary,
  },
];

const outcomes = await Promise.all(parts.map(runPart));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;

async function runPart(part: Part): Promise<boolean> {
  const startedAt = performance.now();
  const { exitCode, output } = await run(part.command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const isGood = exitCode === 0;
  const shown = isGood ? (part.summary?.(output) ?? '') : output;
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

/** Whatever needs a host boots one in `test/host`, and is not looked for here. */
function testFiles(): readonly string[] {
  const rooms = ['unit', 'golden', 'model'];
  const found = rooms.flatMap(room => filesBelow(join('test', room)));
  return ['test/architecture.test.ts', ...found].filter(file => file.endsWith('.test.ts')).sort();
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(join(repository, directory), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name));
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
