import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PROGRAM } from '../program.ts';
import { useWorld } from './world.ts';

const world = useWorld();
const ENTRY = fileURLToPath(new URL('linux-host-contract.ts', import.meta.url));
const BUNDLE = '/root/linux-host-contract.mjs';

test('the real host keeps the contract that the model of the host keeps', {
  timeout: 290_000,
}, async context => {
  await world.host.writeFile(BUNDLE, await bundle());
  // Two controllers would fight.
  await world.sh('systemctl', 'stop', 'nspawnd');
  const { stdout, stderr } = await world.host.exec(
    ['node', '--test-reporter=tap', '--test-timeout=120000', BUNDLE],
    { timeoutMs: 280_000, reject: false },
  );
  const results = readResults(stdout);
  assert.ok(results.length > 0, `${stdout}\n${stderr}`);
  for (const { name, isGood, detail } of results)
    await context.test(name, () => assert.ok(isGood, `in the host:\n${detail}`));
});

/** Hosts have Node and none of our packages. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    write: false,
    ...PROGRAM,
  });
  return outputFiles[0]?.text ?? '';
}

interface Result {
  readonly name: string;
  readonly isGood: boolean;
  readonly detail: string;
}

/** The tests of the one suite: TAP's lines with one step of indentation, each followed by its YAML. */
function readResults(tap: string): readonly Result[] {
  const pieces = tap.split(/^ {4}(?=(?:not )?ok \d+ - )/m).slice(1);
  return pieces.map(piece => {
    const [, not, name = ''] = /^(not )?ok \d+ - (.*)$/m.exec(piece) ?? [];
    return { name, isGood: not === undefined, detail: piece };
  });
}
