import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { completionScript, SHELLS, type Shell } from '../../../src/cli/completion/script.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { bundle, type Command, nspawnctl } from './nspawnctl.ts';

/** What is offered for the words after `nspawnctl`, the last one being typed. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { code, out, err } = await nspawnctl(['__complete', '--', ...words]);
  assert.deepEqual([code, err], [0, '']);
  return out
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split('\t')[0] ?? '');
}

describe('what can be completed', () => {
  it('are the commands, with what each does', async () => {
    const all = await offered('');
    for (const command of ['get', 'describe', 'explain', 'completion', 'help'])
      assert.ok(all.includes(command));
    assert.ok(!all.some(word => word.startsWith('_')));
    assert.deepEqual(await offered('expl'), ['explain']);
    assert.deepEqual(await offered('help', 'expl'), ['explain']);
    assert.deepEqual(await offered('help', 'explain', ''), []);
    const { out } = await nspawnctl(['__complete', '--', 'expl']);
    assert.match(out, /^explain\t\w/);
    assert.deepEqual(await offered('no-such-command', ''), []);
  });

  it('are the options of the command and those of all, and their values', async () => {
    assert.deepEqual(await offered('start', '--t'), ['--timeout']);
    assert.ok((await offered('start', '-')).includes('--socket'));
    assert.deepEqual(await offered('--so'), ['--socket']);
    assert.deepEqual(await offered('version', '-o', ''), ['json', 'yaml']);
    assert.deepEqual(await offered('version', '--output', 'y'), ['yaml']);
    assert.deepEqual(await offered('version', '--output=y'), ['--output=yaml']);
    // As bash has it.
    assert.deepEqual(await offered('version', '--output', '=', 'y'), ['yaml']);
    assert.deepEqual(await offered('version', '--output', '='), ['json', 'yaml']);
    assert.ok((await offered('get', '-o', 'j')).includes('json'));
    assert.deepEqual(await offered('get', '-o', 'jsonpath'), [':nospace', 'jsonpath=', 'jsonpath-file=']);
    assert.deepEqual(await offered('completion', ''), [...SHELLS]);
    assert.deepEqual(await offered('completion', 'zsh', ''), []);
    assert.deepEqual(await offered('start', '--timeout', ''), []);
  });

  it('are files where files are wanted', async () => {
    assert.deepEqual(await offered('validate', ''), [':files']);
    assert.deepEqual(await offered('validate', 'a.yaml', ''), [':files']);
    assert.deepEqual(await offered('--socket', ''), [':files']);
  });

  it('are the fields of manifests', async () => {
    const fields = await offered('explain', 'spec.h');
    assert.deepEqual(fields, ['spec.hostAddress', 'spec.hostAddress6', 'spec.hostsAlias']);
    assert.ok((await offered('explain', '')).includes('metadata.name'));
  });

  it('are the names of containers, each once, but not of one that is to be created', async t => {
    const { rootSocket } = await withContainers(t);
    const on = ['--socket', rootSocket];
    assert.deepEqual(await offered(...on, 'describe', 'w'), ['web', 'web-2']);
    assert.deepEqual(await offered(...on, 'start', 'web', ''), ['db', 'web-2']);
    assert.deepEqual(await offered(...on, 'create', ''), []);
    assert.deepEqual(await offered(`--socket=${rootSocket}`, 'stop', '--timeout', '5s', 'd'), ['db']);
    assert.deepEqual(await offered(...on, 'cp', 'w'), [':nospace', 'web:', 'web-2:']);
    assert.deepEqual(await offered(...on, 'cp', 'web:/etc/hosts', './x'), [':files']);
    const { out } = await nspawnctl(['__complete', '--', ...on, 'stop', 'd']);
    assert.equal(out, 'db\tRunning\n');
  });

  it('are no names, and no complaint either, while nspawnd is not there', async t => {
    assert.deepEqual(await offered('--socket', await temporaryDirectory(t), 'stop', ''), []);
  });

  it('is nothing a program may rely on: it is not in the help', async () => {
    assert.doesNotMatch((await nspawnctl(['--help'])).out, /__complete/);
  });
});

describe('in a shell', () => {
  let command: Command;
  before(async () => {
    command = await bundle();
  });
  after(() => command.remove());

  it('no script has a fault of syntax', async t => {
    for (const shell of SHELLS) {
      if (!isInstalled(shell)) {
        t.diagnostic(`${shell} is not installed: its script is not looked at`);
        continue;
      }
      const checked = spawnSync(shell, ['-n'], { input: completionScript(shell), encoding: 'utf8' });
      assert.deepEqual([checked.status, checked.stderr], [0, ''], shell);
    }
  });

  it('bash completes commands, options, values and names', async t => {
    const shell = await shellOf(t, command);
    const check = async (line: string, expected: readonly string[]) =>
      assert.deepEqual(await shell.bash(line), expected, line);
    await check('nspawnctl expl', ['explain']);
    await check('nspawnctl start w', ['web', 'web-2']);
    await check('nspawnctl start web ', ['db', 'web-2']);
    await check('nspawnctl version --output=y', ['yaml']);
    await check('nspawnctl version --output=', ['json', 'yaml']);
    await check('nspawnctl start --tim', ['--timeout']);
    await check('nspawnctl explain spec.hosts', ['spec.hostsAlias']);
    await check('nspawnctl nothing ', []);
  });

  it('zsh completes the same', async t => {
    if (!isInstalled('zsh')) return t.skip('zsh is not installed');
    const shell = await shellOf(t, command);
    assert.deepEqual(await shell.zsh('nspawnctl start w'), ['web:Running', 'web-2:Running']);
    assert.deepEqual(await shell.zsh('nspawnctl version --output=y'), ['--output=yaml']);
    assert.match((await shell.zsh('nspawnctl expl')).join('\n'), /^explain:\w/);
  });

  it('fish completes the same', async t => {
    if (!isInstalled('fish')) return t.skip('fish is not installed');
    const shell = await shellOf(t, command);
    assert.deepEqual(await shell.fish('nspawnctl start w'), ['web\tRunning', 'web-2\tRunning']);
    assert.deepEqual(await shell.fish('nspawnctl version --output=y'), ['--output=yaml']);
    assert.match((await shell.fish('nspawnctl expl')).join('\n'), /^explain\t\w/);
  });
});

function isInstalled(shell: Shell): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}

async function withContainers(t: TestContext) {
  const control = new ControlModel();
  for (const name of ['web', 'web-2', 'db']) control.putRunning(name);
  return serve(t, { control });
}

/** Shells whose `nspawnctl` speaks to a daemon with three containers. */
async function shellOf(t: TestContext, command: Command) {
  const { rootSocket } = await withContainers(t);
  const directory = await temporaryDirectory(t);
  const program = join(directory, 'nspawnctl');
  await writeFile(
    program,
    `#!/bin/sh\nif [ "$1" = __complete ]; then shift 2; set -- __complete -- --socket ${rootSocket} "$@"; fi\nexec ${process.execPath} ${command.file} "$@"\n`,
  );
  await chmod(program, 0o755);
  const run = (shell: Shell, script: string, ...args: readonly string[]) =>
    linesOf(shell, ['-c', `${completionScript(shell)}\n${script}`, shell, ...args], directory);
  return {
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: they are the shells'
    /** As bash itself calls the function: by the words it breaks a line into. */
    bash: (line: string) =>
      run(
        'bash',
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nspawnctl; printf "%s\\n" "${COMPREPLY[@]}"',
        ...breakAsBash(line),
      ),
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: they are the shells'
    zsh: (line: string) =>
      linesOf(
        'zsh',
        [
          '-fc',
          `compdef() { :; }; _describe() { print -l "\${(@P)2}" }\n${completionScript('zsh')}\nwords=("$@"); CURRENT=$#; _nspawnctl`,
          'zsh',
          ...line.split(' '),
        ],
        directory,
      ),
    fish: (line: string) =>
      linesOf('fish', ['-Nc', `${completionScript('fish')}\ncomplete -C '${line}'`], directory),
  };
}

/** COMP_WORDBREAKS has `=`. */
function breakAsBash(line: string): readonly string[] {
  return line
    .split(' ')
    .flatMap(word => word.split(/(=)/).filter((part, index) => part !== '' || index === 0));
}

async function linesOf(
  program: string,
  args: readonly string[],
  directory: string,
): Promise<readonly string[]> {
  const child = spawn(program, args, {
    env: { ...process.env, PATH: `${directory}:${process.env.PATH}`, HOME: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const out = (await child.stdout.setEncoding('utf8').toArray()).join('');
  return out.split('\n').filter(line => line !== '');
}
