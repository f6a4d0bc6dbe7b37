import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { build } from 'esbuild';
import { allSettings, configSchema, settingsSchema } from '../../../src/config.ts';
import { ConfigError, judgeSettings, readConfigFile } from '../../../src/config-file.ts';
import { readConfig } from '../../../src/options.ts';
import { PROGRAM } from '../../program.ts';
import { repository } from '../../testbed/places.ts';

async function fileOf(context: TestContext, text: string): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'nspawnd-settings-'));
  context.after(() => rm(base, { recursive: true, force: true }));
  await writeFile(join(base, 'nspawnd.yaml'), text, { mode: 0o644 });
  return join(base, 'nspawnd.yaml');
}

/** The daemon's own start, as far as the settings; bundled, as it is shipped. */
let bundled: Promise<string> | null = null;

async function daemon(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  bundled ??= makeBundle();
  const argv = [await bundled, '--check-config', ...args];
  return new Promise(resolve => {
    execFile(process.execPath, argv, { cwd: repository }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

async function makeBundle(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'nspawnd-bundle-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'nspawnd.mjs');
  await build({
    stdin: {
      contents: "import { run } from './src/main.ts'; await run(async () => undefined);",
      resolveDir: repository,
    },
    outfile: file,
    ...PROGRAM,
    define: { NSPAWND_VERSION: '"9.9.9"' },
    logLevel: 'error',
  });
  return file;
}

function problemsOf(text: string): readonly string[] {
  try {
    judgeSettings('f', text);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n');
  }
}

suite('settings', () => {
  test('of a file are those that are written in it; nothing at all is in order, too', () => {
    assert.deepEqual(judgeSettings('f', 'workers: 2\nreadGroup:\n'), { workers: 2, readGroup: null });
    for (const text of ['', '# workers: 2\n', '---\n']) assert.deepEqual(judgeSettings('f', text), {});
  });

  test('that are wrong are told all at once, each with its place and what was meant', () => {
    const text =
      'relistSec: soon\nworker: 3\nlogLevel: wran\nlisten: 0.0.0.0:1\nenableIpv6Forwarding: yes\nreadGroup: a b\n';
    assert.deepEqual(problemsOf(text), [
      'f:1:12: relistSec: not a time span between 0 and 86400 seconds such as 90, "90s" or "2min": "soon"',
      'f:2:1: worker: unknown setting; did you mean "workers"?',
      'f:3:11: logLevel: expected trace, debug, info, warn, error; found "wran"; did you mean "warn"?',
      'f:4:9: listen: not an address and port on loopback such as 127.0.0.1:6443 or [::1]:6443',
      'f:5:23: enableIpv6Forwarding: expected true or false, found "yes" (write true or false, without quotes)',
      'f:6:12: readGroup: not the name of a group',
    ]);
  });

  test('are one mapping of YAML 1.2', () => {
    assert.deepEqual(problemsOf('workers: 2\nworkers: 3\n'), ['f:2:1: "workers" is already set in line 1']);
    assert.deepEqual(problemsOf('a: 1\n---\nb: 2\n'), ['f:3:1: more than one document']);
    assert.deepEqual(problemsOf('- workers\n'), ['f:1:1: expected a mapping (key: value), found a list']);
    assert.match(problemsOf(`${'['.repeat(200)}`).join(), /^f:1:1: nested more than/);
  });

  test('of a file that others may write, that is no file, or that is too large, are refused', async context => {
    const path = await fileOf(context, 'workers: 2\n');
    await chmod(path, 0o664);
    await assert.rejects(readConfigFile(path), /is writable by others .*run: chmod go-w/);
    await assert.rejects(readConfigFile('/dev/null'), /not a file/);
    await assert.rejects(
      readConfigFile(await fileOf(context, '#'.repeat(65_537))),
      /larger than 65536 bytes/,
    );
  });

  test('by an option win over the file; a file that was named has to be there', async context => {
    const path = await fileOf(context, 'workers: 2\nrelistSec: 1min\nenableIpv6Forwarding: true\n');
    const { config, file } = await readConfig(['node', 'nspawnd', '--config', path, '--workers', '3']);
    assert.deepEqual(
      [file, config.workers, config.relistMs, config.enableIpv6Forwarding],
      [path, 3, 60_000, true],
    );
    await assert.rejects(
      readConfig(['node', 'nspawnd', '--config', `${path}.gone`]),
      /there is no such file/,
    );
  });

  test('all have an option, a description and a default that is in order', () => {
    const all = allSettings();
    assert.deepEqual(
      all.map(({ key }) => key),
      Object.keys(settingsSchema.shape),
    );
    for (const { flags, description } of all) {
      assert.match(flags, /^--[a-z0-9-]+( <[a-z:]+>)?$/);
      assert.match(description, /^[A-Z].*\.$/);
    }
    const defaults = Object.fromEntries(all.map(setting => [setting.key, setting.default]));
    assert.deepEqual(configSchema.parse(defaults), configSchema.parse({}));
  });

  test('end the daemon with 78 when a person has to mend a file, and with 2 for an option', async context => {
    const path = await fileOf(context, 'worker: 2\n');
    const bad = await daemon('--config', path);
    assert.deepEqual([bad.code, bad.stdout], [78, '']);
    assert.equal(bad.stderr, `nspawnd: ${path}:1:1: worker: unknown setting; did you mean "workers"?\n`);
    const option = await daemon('--workers', 'many');
    assert.deepEqual(
      [option.code, option.stderr],
      [2, 'error: --workers <count>: expected a number, found "many"\n'],
    );
    const group = await daemon('--config', await fileOf(context, 'readGroup: no-such-group\n'));
    assert.deepEqual([group.code, group.stdout], [78, '']);
    assert.match(group.stderr, /there is no group no-such-group: groupadd --system no-such-group/);
    assert.equal((await daemon('--read-group', 'root')).code, 0);
    const good = await daemon('--config', await fileOf(context, 'workers: 2\n'));
    assert.equal(good.code, 0);
    assert.match(good.stdout, /: in order\n$/);
  });
});
