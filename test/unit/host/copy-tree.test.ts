import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type CopyTask, staysInside, TreeCopy } from '../../../src/host/copy-tree.ts';
import { findInRoot, openGuestRoot } from '../../../src/host/path-in-root.ts';

let scratch: string;
let guest: string;
let outside: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'copy-'));
});
after(() => rm(scratch, { recursive: true, force: true }));
beforeEach(async () => {
  await rm(scratch, { recursive: true, force: true });
  guest = join(scratch, 'guest');
  outside = join(scratch, 'outside');
  await mkdir(join(guest, 'etc'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'of the host');
});

interface Told {
  readonly skipped: string[];
}

/** Copies by the paths that a person would type. */
async function copy(
  [fromRoot, from]: readonly [string, string],
  [toRoot, to]: readonly [string, string],
  more: Partial<CopyTask> = {},
): Promise<Told> {
  const skipped: string[] = [];
  const handles: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(thing: T): T => {
    handles.push(thing);
    return thing;
  };
  try {
    const source = keep(await findInRoot(keep(await openGuestRoot(fromRoot)), from));
    const target = keep(await findInRoot(keep(await openGuestRoot(toRoot)), to));
    const tree = new TreeCopy({
      owner: null,
      onlyInnerLinks: true,
      signal: new AbortController().signal,
      onSkip: path => void skipped.push(path),
      onProgress: () => undefined,
      ...more,
    });
    const [directory, name] =
      target.is === 'directory' ? [target.handle, source.name] : [target.parent, target.name];
    await tree.copy(source.handle as FileHandle, directory as FileHandle, name, from);
    return { skipped };
  } finally {
    for (const handle of handles.reverse()) await handle.close();
  }
}

describe('a path in a root', () => {
  const find = async (path: string) => {
    const root = await openGuestRoot(guest);
    try {
      const found = await findInRoot(root, path);
      const at = found.handle === null ? '' : await readlink(`/proc/self/fd/${found.handle.fd}`);
      await found.close();
      return `${found.is} ${at.replace(guest, '')} ${found.name}`;
    } finally {
      await root.close();
    }
  };

  test('leads where it would lead somebody inside', async () => {
    await mkdir(join(guest, 'usr/bin'), { recursive: true });
    await writeFile(join(guest, 'usr/bin/ls'), '');
    await symlink('usr/bin', join(guest, 'bin'));
    await symlink('/bin/../bin/ls', join(guest, 'etc/ls'));
    await symlink('missing', join(guest, 'dangling'));
    assert.equal(await find('/usr/bin/ls'), 'file /usr/bin/ls ls');
    assert.equal(await find('/etc/ls'), 'file /usr/bin/ls ls');
    assert.equal(await find('/bin/'), 'directory /usr/bin bin');
    assert.equal(await find('/dangling'), 'missing  missing');
    assert.equal(await find('/'), 'directory  ');
    assert.equal(await find('/etc/new'), 'missing  new');
    await assert.rejects(find('/nowhere/new'), /no such file or directory/);
    await assert.rejects(find('/etc/ls/'), /not a directory/);
  });

  test('leads nowhere else, whatever links there are', async () => {
    await symlink(outside, join(guest, 'absolute'));
    await symlink('../../../../../..', join(guest, 'up'));
    await symlink('/proc/self/root', join(guest, 'magic'));
    await symlink('loop', join(guest, 'loop'));
    await assert.rejects(find('/absolute/secret'), /no such file/);
    assert.equal(await find('/up'), 'directory  ');
    assert.equal(await find('/../../..'), 'directory  ');
    await assert.rejects(find('/magic/x'), /no such file/);
    await assert.rejects(find('/loop'), /too many links/);
  });

  test("is never below the host's own root", async () => {
    await assert.rejects(openGuestRoot('/'), /the root of this host/);
    await assert.rejects(
      openGuestRoot('/proc/self/root'.replace('self', String(process.pid))),
      /of this host/,
    );
  });
});

describe('a copy', () => {
  test('keeps contents, modes, times, links and odd names', async () => {
    const site = join(guest, 'srv/site');
    await mkdir(join(site, 'deep/er'), { recursive: true });
    await writeFile(join(site, 'a'), 'x'.repeat(1_000_000));
    await writeFile(Buffer.concat([Buffer.from(`${site}/`), Buffer.from([0xff, 0x0a, 0x20])]), 'odd');
    await chmod(join(site, 'a'), 0o4751);
    await symlink('../a', join(site, 'deep/link'));
    await chmod(join(site, 'deep'), 0o710);
    for (const path of ['a', 'deep', '']) await utimes(join(site, path), 1_000_000_000, 1_100_000_000);
    const { skipped } = await copy([guest, '/srv/site'], [outside, '/']);
    assert.deepEqual(skipped, []);
    const copied = join(outside, 'site');
    assert.equal((await readFile(join(copied, 'a'))).length, 1_000_000);
    assert.equal((await stat(join(copied, 'a'))).mode & 0o7777, 0o751);
    assert.equal((await stat(join(copied, 'deep'))).mode & 0o7777, 0o710);
    assert.equal((await stat(copied)).mtimeMs, 1_100_000_000_000);
    assert.equal((await stat(join(copied, 'a'))).mtimeMs, 1_100_000_000_000);
    assert.equal(await readlink(join(copied, 'deep/link')), '../a');
    execFileSync('diff', ['-r', site, copied]);
    assert.deepEqual((await readdir(outside)).sort(), ['secret', 'site']);
  });

  test('replaces a file as a whole, and adds to a directory', async () => {
    await mkdir(join(guest, 'd/sub'), { recursive: true });
    await writeFile(join(guest, 'd/new'), 'new');
    await writeFile(join(guest, 'd/sub/both'), 'theirs');
    await mkdir(join(outside, 'd/sub'), { recursive: true });
    await writeFile(join(outside, 'd/sub/both'), 'ours');
    await writeFile(join(outside, 'd/kept'), 'kept');
    await copy([guest, '/d'], [outside, '/']);
    assert.equal(await readFile(join(outside, 'd/sub/both'), 'utf8'), 'theirs');
    assert.deepEqual((await readdir(join(outside, 'd'))).sort(), ['kept', 'new', 'sub']);
  });

  test('a link that is in the way is replaced, never followed', async () => {
    await writeFile(join(guest, 'passwd'), 'new');
    await mkdir(join(guest, 'd/sub'), { recursive: true });
    await writeFile(join(guest, 'd/sub/secret'), 'new');
    const target = join(scratch, 'target');
    await mkdir(join(target, 'd'), { recursive: true });
    await symlink(join(outside, 'secret'), join(target, 'd/passwd'));
    await copy([guest, '/passwd'], [target, '/d']);
    assert.equal(await readFile(join(target, 'd/passwd'), 'utf8'), 'new');
    await symlink(outside, join(target, 'd/sub'));
    await assert.rejects(copy([guest, '/d'], [target, '/']));
    assert.equal(await readFile(join(outside, 'secret'), 'utf8'), 'of the host');
    assert.deepEqual((await readdir(join(target, 'd'))).sort(), ['passwd', 'sub']);
  });

  test('leaves out what is no file, and links that lead out', async () => {
    const odd = join(guest, 'odd');
    await mkdir(join(odd, 'sub'), { recursive: true });
    execFileSync('mkfifo', [join(odd, 'fifo')]);
    await symlink('/etc/passwd', join(odd, 'absolute'));
    await symlink('../out', join(odd, 'out'));
    await symlink('sub/../../out', join(odd, 'winding'));
    await symlink('sub', join(odd, 'inner'));
    const { skipped } = await copy([guest, '/odd'], [outside, '/']);
    assert.deepEqual(skipped.sort(), ['/odd/absolute', '/odd/fifo', '/odd/out', '/odd/winding']);
    assert.deepEqual((await readdir(join(outside, 'odd'))).sort(), ['inner', 'sub']);
    const between = await copy([guest, '/odd'], [guest, '/etc'], { onlyInnerLinks: false });
    assert.deepEqual(between.skipped, ['/odd/fifo']);
  });

  test('of a file that grows all the time ends', async () => {
    const log = join(guest, 'log');
    await writeFile(log, 'x'.repeat(300_000));
    const growing = await open(log, 'a');
    let grows = true;
    const growth = (async () => {
      while (grows) await growing.write('y'.repeat(300_000));
    })();
    await copy([guest, '/log'], [outside, '/']);
    grows = false;
    await growth;
    await growing.close();
    assert.ok((await stat(join(outside, 'log'))).size >= 300_000);
  });

  test('of holes takes no room', async () => {
    await writeFile(join(guest, 'sparse'), 'head');
    await truncate(join(guest, 'sparse'), 50_000_000);
    await copy([guest, '/sparse'], [outside, '/']);
    const { size, blocks } = await stat(join(outside, 'sparse'));
    assert.deepEqual([size, blocks * 512 < 1_000_000], [50_000_000, true]);
  });

  test('of what is its own destination is no endless one', async () => {
    await mkdir(join(guest, 'a/b'), { recursive: true });
    await writeFile(join(guest, 'a/f'), '');
    await copy([guest, '/a'], [guest, '/a/b']);
    assert.deepEqual((await readdir(join(guest, 'a/b/a'))).sort(), ['b', 'f']);
    assert.deepEqual(await readdir(join(guest, 'a/b/a/b')), []);
  });

  test('that is interrupted, or fails, leaves nothing under the name and nothing beside it', async () => {
    await mkdir(join(guest, 'd'));
    for (const name of ['1', '2', '3']) await writeFile(join(guest, 'd', name), 'x'.repeat(600_000));
    const over = new AbortController();
    const interrupted = copy([guest, '/d'], [outside, '/'], {
      signal: over.signal,
      onProgress: (_, files) => files > 0 && over.abort(),
    });
    await assert.rejects(interrupted, { name: 'AbortError' });
    assert.deepEqual(await readdir(outside), ['secret']);
    const alone = new AbortController();
    await assert.rejects(
      copy([guest, '/d/1'], [outside, '/'], { signal: alone.signal, onProgress: () => alone.abort() }),
    );
    assert.deepEqual(await readdir(outside), ['secret']);
  });

  test('to a full disk says so and leaves nothing half', { skip: process.getuid?.() !== 0 }, async () => {
    const small = join(scratch, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small]);
    try {
      await mkdir(join(guest, 'd'));
      for (const name of ['1', '2', '3']) await writeFile(join(guest, 'd', name), 'x'.repeat(900_000));
      await assert.rejects(copy([guest, '/d'], [small, '/']), { code: 'ENOSPC' });
      await writeFile(join(guest, 'big'), 'x'.repeat(3_000_000));
      await assert.rejects(copy([guest, '/big'], [small, '/']), /no room/);
      assert.deepEqual(await readdir(small), []);
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });

  test('while somebody swaps directories for links reads and writes nothing elsewhere', async () => {
    const tree = join(guest, 'tree');
    for (const name of ['a', 'b', 'c']) {
      await mkdir(join(tree, name), { recursive: true });
      await writeFile(join(tree, name, 'secret'), 'of the guest');
    }
    let swaps = true;
    const swapping = (async () => {
      for (let turn = 0; swaps; turn += 1) {
        const name = join(tree, 'abc'[turn % 3] ?? 'a');
        await rename(name, `${name}.real`);
        await symlink(outside, name);
        await rm(name);
        await rename(`${name}.real`, name);
      }
    })();
    const target = join(scratch, 'target');
    try {
      // One that follows a link is caught in one of the first ten.
      for (let turn = 0; turn < 40; turn += 1) {
        await mkdir(target);
        await copy([guest, '/tree'], [target, '/']).catch(() => undefined);
        for (const path of await readdir(target, { recursive: true }))
          if (path.endsWith('/secret'))
            assert.equal(await readFile(join(target, path), 'utf8'), 'of the guest');
        await rm(target, { recursive: true });
        // Into it, too.
        await copy([outside, '/secret'], [guest, `/tree/${'abc'[turn % 3]}/in`]).catch(() => undefined);
        assert.deepEqual(await readdir(outside), ['secret']);
      }
    } finally {
      swaps = false;
      await swapping;
    }
    assert.ok((await lstat(join(tree, 'a'))).isDirectory());
  });
});

test('a link stays inside when it goes up only at its beginning, and not too far', () => {
  for (const [target, depth, isInside] of [
    ['a', 0, true],
    ['./a//b/', 0, true],
    ['..', 0, false],
    ['../a', 1, true],
    ['../../a', 1, false],
    ['a/../b', 1, false],
    ['/a', 5, false],
    ['.', 0, true],
    ['..a/b..', 0, true],
  ] as const)
    assert.equal(staysInside(target, depth), isInside, target);
});
