import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, chown, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { type Candidate, listDirectory } from '../../../src/manifests/directory.ts';
import { readCandidate } from '../../../src/manifests/read-file.ts';
import { SourceHost } from './source-host.ts';

const OWNER = process.getuid?.() ?? 0;
const isRoot = OWNER === 0;

/** What is listed, and what is refused with which words. */
async function check(
  host: SourceHost,
  files: readonly string[],
  refused: readonly RegExp[] = [],
): Promise<void> {
  const listing = await listDirectory(host.directory, OWNER);
  assert.equal(listing.state, 'ok', listing.message);
  assert.deepEqual(
    listing.candidates.map(({ path }) => path.slice(host.directory.length + 1)),
    files,
  );
  const messages = listing.refused.map(({ path, message }) => `${path}: ${message}`).sort();
  assert.equal(messages.length, refused.length, messages.join('\n'));
  for (const [index, words] of refused.entries()) assert.match(messages[index] ?? '', words);
}

async function prepare(
  context: Parameters<typeof SourceHost.prepare>[0],
  ...files: string[]
): Promise<SourceHost> {
  const host = await SourceHost.prepare(context);
  await mkdir(host.directory);
  for (const file of files) await host.moveIn(file, 'x');
  return host;
}

suite('listing the directory', () => {
  test('finds manifests by their ending, also in sub-directories, in order', async context => {
    const host = await prepare(
      context,
      'b.yaml',
      'a.yml',
      'c.json',
      'team/d.yaml',
      'team/deep/e.yaml',
      'README.md',
    );
    await check(host, ['a.yml', 'b.yaml', 'c.json', 'team/d.yaml', 'team/deep/e.yaml']);
  });

  test('leaves out dotfiles, leftovers of editors and what is in dot-directories', async context => {
    const host = await prepare(
      context,
      'a.yaml',
      '.b.yaml',
      'c.yaml~',
      'd.yaml.bak',
      '.e.yaml.swp',
      'f.yaml.tmp',
      'g.yaml.orig',
      'h.yaml.rej',
      '.git/i.yaml',
      'old.bak/j.yaml',
      '4913',
      '#k.yaml#',
    );
    await check(host, ['a.yaml']);
  });

  test('goes four sub-directories deep and says what it leaves out', async context => {
    const host = await prepare(context, '1/2/3/4/a.yaml', '1/2/3/4/5/b.yaml');
    await check(host, ['1/2/3/4/a.yaml'], [/4\/5: deeper than 4 sub-directories/]);
  });

  test('opens no FIFO, socket or device, and says so', async context => {
    const host = await prepare(context, 'a.yaml');
    await promisify(execFile)('mkfifo', [host.path('f.yaml')]);
    const server = createServer().listen(host.path('s.yaml'));
    context.after(() => server.close());
    await symlink('/dev/zero', host.path('z.yaml'));
    await check(
      host,
      ['a.yaml'],
      [/f\.yaml: not a regular file/, /s\.yaml: not a regular file/, /z\.yaml: a link, but not to/],
    );
  });

  test('follows links to files by their real path, as in a ConfigMap, and no links to directories', async context => {
    const host = await prepare(context, '..2024/a.yaml', '..2024/sub/b.yaml');
    await symlink('..2024', host.path('..data'));
    await symlink('..data/a.yaml', host.path('a.yaml'));
    await symlink('..data/sub', host.path('sub'));
    await symlink('nowhere', host.path('n.yaml'));
    await symlink('l.yaml', host.path('l.yaml'));
    await check(
      host,
      ['a.yaml'],
      [/l\.yaml: a link that leads nowhere: ELOOP/, /n\.yaml: a link that leads nowhere: ENOENT/],
    );
    const listing = await listDirectory(host.directory, OWNER);
    assert.equal(listing.candidates[0]?.realPath, host.path('..2024/a.yaml'));
    const point = listing.watchPoints.find(({ path }) => path === host.directory);
    assert.ok(point?.names.has('..data') && point.isContent);
  });

  test('refuses files that others may write, also behind a link, and where the way to them is open', async context => {
    const host = await prepare(context, 'a.yaml', 'b.yaml', 'c/d.yaml', 'e.yaml');
    await mkdir(join(host.base, 'open'));
    await writeFile(join(host.base, 'open', 'x.yaml'), 'x');
    await chmod(join(host.base, 'open'), 0o777);
    await symlink(join(host.base, 'open', 'x.yaml'), host.path('x.yaml'));
    await chmod(host.path('a.yaml'), 0o664);
    await chmod(host.path('b.yaml'), 0o646);
    await chmod(host.path('c'), 0o775);
    await check(
      host,
      ['e.yaml'],
      [
        /run: chmod go-w .*a\.yaml/,
        /run: chmod go-w .*b\.yaml/,
        /run: chmod go-w .*\/c$/,
        /run: chmod go-w .*\/open$/,
      ],
    );
  });

  test('refuses files of other users', { skip: !isRoot }, async context => {
    const host = await prepare(context, 'a.yaml', 'b.yaml');
    await chown(host.path('a.yaml'), 12_345, 0);
    await check(host, ['b.yaml'], [/a\.yaml belongs to user 12345; run: chown 0 /]);
    assert.equal((await listDirectory(host.directory, 12_345)).candidates.length, 2);
  });

  test('tells a missing, an unreadable and an untrusted directory', async context => {
    const host = await prepare(context, 'a.yaml');
    const state = async (path = host.directory) => (await listDirectory(path, OWNER)).state;
    assert.equal(await state(), 'ok');
    assert.equal(await state(join(host.base, 'no')), 'missing');
    assert.equal(await state(join(host.base, 'no', 'such')), 'missing');
    assert.equal(await state(host.path('a.yaml')), 'unreadable');
    assert.equal(await state(host.path('a.yaml/x')), 'unreadable');
    await chmod(host.directory, 0o777);
    assert.equal(await state(), 'untrusted');
    await chmod(host.directory, 0o755);
    await chmod(host.base, 0o770);
    assert.equal(await state(), 'untrusted');
  });

  test('identifies a symlinked directory by being a link, any other by its inode', async context => {
    const host = await prepare(context, 'a.yaml');
    const plain = await listDirectory(host.directory, OWNER);
    assert.match(plain.identity, /^\d+:\d+$/);
    await symlink(host.directory, join(host.base, 'link'));
    const linked = await listDirectory(join(host.base, 'link'), OWNER);
    assert.equal(linked.identity, 'link');
    assert.equal(linked.candidates[0]?.path, join(host.base, 'link', 'a.yaml'));
    assert.equal(linked.candidates[0]?.realPath, host.path('a.yaml'));
  });

  test('watches the nearest parent that exists', async context => {
    const host = await prepare(context);
    const { watchPoints } = await listDirectory(join(host.base, 'no', 'such', 'place'), OWNER);
    assert.deepEqual(
      watchPoints.map(({ path, names }) => [path, [...names]]),
      [[host.base, ['no']]],
    );
  });

  test('reads names with line breaks and escapes as they are', async context => {
    const host = await prepare(context, 'a\n\u001b[2J.yaml');
    await check(host, ['a\n\u001b[2J.yaml']);
  });
});

suite('reading a file', () => {
  async function candidate(host: SourceHost, file: string): Promise<Candidate> {
    const found = (await listDirectory(host.directory, OWNER)).candidates.find(
      ({ path }) => path === host.path(file),
    );
    assert.ok(found);
    return found;
  }

  test('gives its text, without a byte order mark', async context => {
    const host = await prepare(context);
    await host.moveIn('a.yaml', '\ufeffkind: é');
    assert.deepEqual(await readCandidate(await candidate(host, 'a.yaml')), { is: 'text', text: 'kind: é' });
  });

  test('notices that it changed since it was listed, or is another file', async context => {
    const host = await prepare(context, 'a.yaml', 'b.yaml', 'c.yaml');
    const listed = await Promise.all(['a.yaml', 'b.yaml', 'c.yaml'].map(file => candidate(host, file)));
    await host.writeInPlace('a.yaml', 'y');
    await host.moveIn('b.yaml', 'x');
    await host.remove('c.yaml');
    for (const one of listed) assert.deepEqual(await readCandidate(one), { is: 'changed' });
  });

  test('that has become a link or a FIFO neither follows nor waits', async context => {
    const host = await prepare(context, 'a.yaml', 'b.yaml');
    const [first, second] = [await candidate(host, 'a.yaml'), await candidate(host, 'b.yaml')];
    await host.remove('a.yaml', 'b.yaml');
    await symlink('/etc/passwd', host.path('a.yaml'));
    await promisify(execFile)('mkfifo', [host.path('b.yaml')]);
    assert.deepEqual(await readCandidate(first), { is: 'changed' });
    assert.deepEqual(await readCandidate(second), { is: 'changed' });
  });

  test('refuses what is too large or no text', async context => {
    const host = await prepare(context);
    await host.moveIn('large.yaml', 'x'.repeat(1024 * 1024 + 1));
    await writeFile(host.path('bytes.yaml'), Buffer.from([0xff, 0xfe, 0x00]));
    assert.deepEqual(await readCandidate(await candidate(host, 'large.yaml')), {
      is: 'refused',
      message: 'larger than 1048576 bytes',
    });
    assert.deepEqual(await readCandidate(await candidate(host, 'bytes.yaml')), {
      is: 'refused',
      message: 'not UTF-8 text',
    });
  });

  test('reads a hard link like any file', async context => {
    const host = await prepare(context, 'a.yaml');
    await link(host.path('a.yaml'), host.path('b.yaml'));
    assert.equal((await readCandidate(await candidate(host, 'b.yaml'))).is, 'text');
  });
});
