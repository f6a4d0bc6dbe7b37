import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Serving, serve, temporaryDirectory } from '../server/serving.ts';
import { bundle } from './nspawnctl.ts';

const FRONT = join(import.meta.dirname, '../../../deploy/nspawnctl.sh');
const skip = !existsSync('/usr/bin/perl');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What stands for the program where it only matters that it is asked: it tells what it was given. */
const STUB = 'printf \'program <%s>\\n\' "$@"; echo left >&2; exit 7';
const leftWith = (args: readonly string[]): Ran => ({
  code: 7,
  out: (args.length === 0 ? [''] : args).map(arg => `program <${arg}>\n`).join(''),
  err: 'left\n',
});

/** What is installed as nspawnctl, for a daemon in `directory` and with this program behind it. */
async function install(t: TestContext, directory: string, program = STUB): Promise<string> {
  const place = await temporaryDirectory(t);
  const [front, behind] = [join(place, 'nspawnctl'), join(place, 'program')];
  const text = (await readFile(FRONT, 'utf8'))
    .replace(/^program=.*$/m, `program=${behind}`)
    .replace('/run/nspawnd', directory)
    .replace('qw(ONE)', 'qw(exec)')
    .replace('qw(MANY)', 'qw(get stop)');
  await writeFile(front, text);
  await writeFile(behind, `#!/bin/sh\n${program}\n`);
  for (const path of [front, behind]) await chmod(path, 0o755);
  return front;
}

function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return new Promise(resolve => {
    const { FORCE_COLOR: _, ...inherited } = process.env;
    // Of a locale that the host has not, Perl would complain.
    const how = { env: { ...inherited, LC_ALL: 'xx_YY.UTF-8', ...env }, timeout: 60_000 };
    const child = execFile(file, args, how, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin?.end();
  });
}

/** What the program says by itself, asked of the same daemon. */
async function askProgram(directory: string, [first = '', ...rest]: readonly string[]): Promise<Ran> {
  const { file } = await bundle();
  // The line that is completed has a socket of its own.
  const args =
    first === '__complete'
      ? [first, '--', '--socket', directory, ...rest.slice(1)]
      : ['--socket', directory, first, ...rest];
  return run(process.execPath, [file, ...args]);
}

async function checkSame(front: string, directory: string, args: readonly string[]): Promise<Ran> {
  // An age may change between the two.
  for (let attempt = 0; ; attempt++) {
    const [ran, expected] = [await run(front, args), await askProgram(directory, args)];
    if (attempt < 2 && ran.out !== expected.out) continue;
    assert.deepEqual(ran, expected, args.join(' '));
    return ran;
  }
}

function fill({ control }: Serving): void {
  control.putRunning('web', { addresses: ['10.0.0.2', 'fd00::2'], restarts: 12 });
  control.put('db', { phase: 'BackOff', ready: 'False', reason: 'Failed' });
  const odd = control.put('odd', { phase: 'Stalled', ready: 'False', reason: 'InvalidManifest' });
  const hostile = '\u001b]0;owned\u0007\u009b31mrot\r\n\u202e東京 e\u0301';
  control.replace({ ...odd, status: { ...odd.status, addresses: [hostile, '\u2028x'] } });
}

describe('the front', { skip }, () => {
  it('says what the program says', async t => {
    const serving = await serve(t);
    const { directory, control } = serving;
    const front = await install(t, directory);
    const check = (...args: readonly string[]) => checkSame(front, directory, args);
    assert.match((await check('get')).err, /No containers found/);
    fill(serving);
    assert.match((await check('get')).out, /^db .*\nodd .*\n.*\nweb /m);
    await check('get', 'odd', 'web', 'odd');
    await check('get', 'container/web', 'containers.nspawnd.io/db');
    await check('get', 'containers', '-o', 'wide');
    await check('get', '-o', 'wide', 'db', '-o', 'name');
    assert.equal(
      (await check('__complete', '--', 'get', '')).out,
      'db\tBackOff\nodd\tStalled\nweb\tRunning\n',
    );
    await check('__complete', '--', 'stop', 'web', 'd');
    await check('__complete', '--', 'exec', 'zz');
    control.sourceStatus = { ...control.sourceStatus, isHealthy: false, message: 'is gone' };
    assert.match((await check('get', 'web')).err, /is gone\n$/);
  });

  it('leaves to the program what it does not understand, word for word', async t => {
    const serving = await serve(t);
    fill(serving);
    const front = await install(t, serving.directory);
    for (const args of [
      [],
      ['list'],
      ['--socket', 'x', 'get'],
      ['get', ''],
      ['get', 'container/'],
      ['get', 'web&name=db'],
      ['get', 'web\nHost: x'],
      ['get', 'Web', '$(id)', '*', "'", '東京'],
      ['get', '-o'],
      ['get', '-o', 'yaml', 'web'],
      ['get', '-o', 'nonsense'],
      ['get', '--', 'web'],
      ['get', '-l', 'a=b'],
      ['get', '-w'],
      ['__complete'],
      ['__complete', '--'],
      ['__complete', '--', 'ge'],
      ['__complete', '--', 'get', '-'],
      ['__complete', '--', 'get', '-o', ''],
      ['__complete', '--', 'get', 'w='],
      ['__complete', '--', 'exec', 'web', ''],
      ['__complete', '--', 'explain', ''],
    ])
      assert.deepEqual(await run(front, args), leftWith(args));
  });

  it('leaves to the program what does not go smoothly', async t => {
    const serving = await serve(t);
    fill(serving);
    const { directory, control } = serving;
    const front = await install(t, directory);
    for (const args of [
      ['get', 'ghost'],
      ['get', 'web', 'ghost'],
      ['get', 'a'.repeat(20_000)],
    ])
      assert.deepEqual(await run(front, args), leftWith(args));
    control.sourceStatus = { ...control.sourceStatus, isHealthy: false, message: '"grün"' };
    assert.deepEqual(await run(front, ['get']), leftWith(['get']));
    control.sourceStatus = { ...control.sourceStatus, lastScan: new Date(0).toISOString() };
    assert.deepEqual(await run(front, ['get', '-o', 'name']), leftWith(['get', '-o', 'name']));
  });

  it('leaves it to the program to say that nobody listens, or that nobody sensible answers', async t => {
    const gone = await temporaryDirectory(t);
    assert.deepEqual(await run(await install(t, gone), ['get']), leftWith(['get']));
    for (const answer of [
      // Takes the question, and does nothing.
      null,
      '',
      'HTTP/1.1 200 OK\r\n\r\nx',
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
      'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nshort',
      'HTTP/1.1 500 No\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\nx',
    ]) {
      const directory = await temporaryDirectory(t);
      const server = createServer(socket => {
        socket.on('error', () => {});
        if (answer !== null) socket.end(answer);
      });
      await new Promise<void>(resolve => server.listen(join(directory, 'nspawnd.sock'), resolve));
      t.after(() => server.close());
      const front = await install(t, directory);
      // Whoever stopped listening for a signal does not pass that on.
      const status = 'grep -E "^Sig(Ign|Blk)" /proc/self/status';
      const before = await run('/bin/sh', ['-c', status]);
      assert.deepEqual(await run(front, ['get']), leftWith(['get']), String(answer));
      const front2 = await install(t, directory, status);
      assert.deepEqual(await run(front2, ['get']), before, String(answer));
    }
  });

  it('has the colours of the program', async t => {
    const serving = await serve(t);
    fill(serving);
    const { directory } = serving;
    const front = await install(t, directory);
    const { file } = await bundle();
    // The terminal that `script` makes.
    const inTerminal = async (command: string, env: Readonly<Record<string, string>>) =>
      (await run('script', ['-qec', command, '/dev/null'], env)).out;
    for (const [env, isPainted] of [
      [{ NO_COLOR: '', TERM: 'xterm' }, true],
      [{ NO_COLOR: '', TERM: 'dumb' }, false],
      [{ NO_COLOR: '0', TERM: 'xterm' }, false],
    ] as const) {
      const out = await inTerminal(`'${front}' get`, env);
      assert.equal(out.includes('\u001b['), isPainted, JSON.stringify(env));
      assert.equal(out, await inTerminal(`'${process.execPath}' '${file}' --socket '${directory}' get`, env));
    }
  });

  it('leaves everything to the program where there is no Perl', async t => {
    const { directory } = await serve(t);
    const front = await install(t, directory);
    await writeFile(
      front,
      (await readFile(front, 'utf8')).replace('perl=/usr/bin/perl', 'perl=/nowhere/perl'),
    );
    assert.deepEqual(await run(front, ['get', 'a b']), leftWith(['get', 'a b']));
  });

  it('asks where it may read, as the program does', async t => {
    const serving = await serve(t);
    fill(serving);
    const front = await install(t, serving.directory);
    await rm(serving.rootSocket);
    await checkSame(front, serving.directory, ['get', '-o', 'name']);
  });

  it('writes no answer into a file that was not meant for it, and no half one', async t => {
    const serving = await serve(t);
    fill(serving);
    const front = await install(t, serving.directory);
    const said = async (redirection: string) => run('/bin/sh', ['-c', `'${front}' get ${redirection}`]);
    // What stands for the program cannot write there either.
    for (const nowhere of ['>/dev/full', '>&-']) {
      const { out, err } = await said(`${nowhere}; echo $?`);
      assert.equal(out, '7\n', nowhere);
      assert.match(err, /left\n$/, nowhere);
    }
    assert.deepEqual(await said('| head -c 4'), { code: 0, out: 'NAME', err: '' });
    assert.match((await said('<&-')).out, /^NAME /);
  });
});
