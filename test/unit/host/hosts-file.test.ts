import assert from 'node:assert/strict';
import { chmod, link, mkdir, open, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { findBlock, HostsFile, replaceBlock, writeInPlace } from '../../../src/host/hosts-file.ts';
import { eventually } from '../../testbed/eventually.ts';
import { scratch } from './scratch.ts';

const WEB = '10.0.0.2 web.containers\n';
const BEGIN = '# BEGIN nspawnd: the containers of this host; changes between these lines are overwritten\n';
const END = '# END nspawnd\n';
const LOCALHOST = '127.0.0.1 localhost\n';

function check(before: string, block: string, after: string): void {
  assert.equal(replaceBlock(before, block), after);
}

test('a file with the block as desired; nothing changes', () => {
  check(`${LOCALHOST}${BEGIN}${WEB}${END}::1 ip6\n`, WEB, `${LOCALHOST}${BEGIN}${WEB}${END}::1 ip6\n`);
});

describe('the block', () => {
  test('is added at the end', () => check(LOCALHOST, WEB, `${LOCALHOST}${BEGIN}${WEB}${END}`));
  test('is added to an empty file', () => check('', WEB, `${BEGIN}${WEB}${END}`));
  test('does not run into a last line without a newline', () => {
    check('127.0.0.1 localhost', WEB, `${LOCALHOST}${BEGIN}${WEB}${END}`);
  });
  test('is replaced where it is', () => {
    check(`a\n${BEGIN}old\n${END}b\n`, WEB, `a\n${BEGIN}${WEB}${END}b\n`);
  });
  test('goes with its markers when it is empty', () => check(`a\n${BEGIN}${WEB}${END}b\n`, '', 'a\nb\n'));
  test('that is not there and is not wanted is nothing', () => check(LOCALHOST, '', LOCALHOST));
  test('whose end was cut off loses nobody else a line', () => {
    check(`a\n${BEGIN}${WEB}b\n`, WEB, `a\n${BEGIN}${WEB}${END}${WEB}b\n`);
  });
  test('of an earlier wording of the marker is ours too', () => {
    check(`# BEGIN nspawnd\nold\n${END}`, WEB, `${BEGIN}${WEB}${END}`);
  });
  test('is found without its markers', () => {
    assert.equal(findBlock(`a\n${BEGIN}${WEB}${END}b\n`), WEB);
    assert.equal(findBlock(`a\n${BEGIN}${END}`), '');
    assert.equal(findBlock(LOCALHOST), null);
  });
});

describe('whatever the file and the block', () => {
  const line = fc
    .stringMatching(/^[ -~\t]*$/)
    .filter(text => !text.startsWith('# BEGIN nspawnd') && `${text}\n` !== END);
  const text = fc.array(line).map(lines => lines.join('\n'));
  const block = fc.array(line, { minLength: 1 }).map(lines => lines.map(item => `${item}\n`).join(''));
  test('what was put in is found, and putting it in again changes nothing', () => {
    fc.assert(
      fc.property(text, block, (file, wanted) => {
        const once = replaceBlock(file, wanted);
        assert.equal(findBlock(once), wanted);
        assert.equal(replaceBlock(once, wanted), once);
      }),
    );
  });
  test('taking it out leaves what was there before', () => {
    fc.assert(
      fc.property(text, block, block, (file, first, second) => {
        const found = replaceBlock(replaceBlock(replaceBlock(file, first), second), '');
        assert.equal(found, file === '' || file.endsWith('\n') ? file : `${file}\n`);
      }),
    );
  });
});

describe('the file', () => {
  test('is written with its mode kept, and only when something changes', async context => {
    const path = join(await scratch(context), 'hosts');
    await writeFile(path, LOCALHOST);
    await chmod(path, 0o640);
    const hosts = new HostsFile(path);
    await hosts.write(WEB);
    assert.equal(await readFile(path, 'utf8'), `${LOCALHOST}${BEGIN}${WEB}${END}`);
    assert.equal((await stat(path)).mode & 0o777, 0o640);
    const { ino } = await stat(path);
    await hosts.write(WEB);
    assert.equal((await stat(path)).ino, ino, 'it was left alone');
    assert.equal(await hosts.block(), WEB);
  });
  test('keeps the bytes of others, also those that are no UTF-8', async context => {
    const path = join(await scratch(context), 'hosts');
    const others = Buffer.from('127.0.0.1 localhost # M\xfcller\n# \xe2\x82\xac\r\n', 'latin1');
    await writeFile(path, others);
    const hosts = new HostsFile(path);
    await hosts.write(WEB);
    await hosts.write('');
    assert.deepEqual(await readFile(path), others);
  });
  test('of some megabytes keeps them', async context => {
    const path = join(await scratch(context), 'hosts');
    const others = '0.0.0.0 advertisements.example.org\n'.repeat(150_000);
    await writeFile(path, others);
    await new HostsFile(path).write(WEB);
    assert.equal(await readFile(path, 'utf8'), `${others}${BEGIN}${WEB}${END}`);
  });
  test('that is no file is refused', async context => {
    const path = join(await scratch(context), 'hosts');
    await mkdir(path);
    await assert.rejects(new HostsFile(path).write(WEB), { code: 'FileError' });
  });
  test('that is not there is made', async context => {
    const path = join(await scratch(context), 'hosts');
    const hosts = new HostsFile(path);
    assert.equal(await hosts.block(), null);
    await hosts.write(WEB);
    assert.equal(await readFile(path, 'utf8'), `${BEGIN}${WEB}${END}`);
  });
  test('that is a symlink is written where it leads', async context => {
    const directory = await scratch(context);
    await writeFile(join(directory, 'real'), LOCALHOST);
    await symlink('real', join(directory, 'hosts'));
    await new HostsFile(join(directory, 'hosts')).write(WEB);
    assert.match(await readFile(join(directory, 'real'), 'utf8'), /web\.containers/);
  });
  test('written by two at once has what came last', async context => {
    const path = join(await scratch(context), 'hosts');
    const hosts = new HostsFile(path);
    const blocks = Array.from({ length: 20 }, (_, index) => `10.0.0.${index} web.containers\n`);
    await Promise.all(blocks.map(block => hosts.write(block)));
    assert.equal(await hosts.block(), blocks.at(-1));
  });
  describe('that somebody has open while it is replaced', () => {
    const TYPED = '10.9.9.9 typed\n';
    /** `moments`: those that are not over; they end when they are told to. */
    const opened = async (context: TestContext, flags: string) => {
      const path = join(await scratch(context), 'hosts');
      await writeFile(path, LOCALHOST);
      const handle = await open(path, flags);
      context.after(() => handle.close());
      const moments: (() => void)[] = [];
      const hosts = new HostsFile(path, () => new Promise(resolve => moments.push(resolve)));
      const text = () => readFile(path, 'utf8');
      const becomes = (expected: string) =>
        eventually(
          async () => {
            for (const end of moments.splice(0)) end();
            assert.equal(await text(), expected);
            return true;
          },
          { everyMs: 5, timeoutMs: 20_000 },
        );
      return { path, handle, hosts, moments, becomes };
    };

    test('has the line that is added right afterwards', async context => {
      const { handle, hosts, becomes } = await opened(context, 'a');
      await hosts.write(WEB);
      await handle.write(TYPED);
      await becomes(`${LOCALHOST}${TYPED}${BEGIN}${WEB}${END}`);
    });
    test('has it also when the block has changed again meanwhile, and once', async context => {
      const { handle, hosts, becomes } = await opened(context, 'a');
      const block = '10.0.0.3 web.containers\n';
      await hosts.write(WEB);
      await hosts.write(block);
      await handle.write(TYPED);
      await becomes(`${LOCALHOST}${BEGIN}${block}${END}${TYPED}`);
      await hosts.write(WEB);
      await hosts.write(block);
      await becomes(`${LOCALHOST}${BEGIN}${block}${END}${TYPED}`);
    });
    test('has the line that is added a moment after another', async context => {
      const { handle, hosts, moments, becomes } = await opened(context, 'a');
      await hosts.write(WEB);
      await handle.write(TYPED);
      for (const end of moments.splice(0)) end();
      await eventually(() => moments.length > 0, { everyMs: 5, timeoutMs: 20_000 });
      await handle.write('10.9.9.8 late\n');
      await becomes(`${LOCALHOST}${TYPED}10.9.9.8 late\n${BEGIN}${WEB}${END}`);
    });
    test('has what an editor has written over it, when that is whole', async context => {
      const { handle, hosts, becomes } = await opened(context, 'r+');
      await hosts.write(WEB);
      await handle.truncate(0);
      await handle.write('127.0.0.1 here\n', 0);
      await becomes(`127.0.0.1 here\n${BEGIN}${WEB}${END}`);
    });
    test('is done with where the old one has another name, whose text that is', async context => {
      const { path, hosts, moments } = await opened(context, 'a');
      await link(path, `${path}.kept`);
      await hosts.write(WEB);
      assert.equal(moments.length, 0);
    });
  });
  test('written in place keeps its inode and has no rest of the longer text before', async context => {
    const path = join(await scratch(context), 'hosts');
    await writeFile(path, 'a long text\n'.repeat(100));
    const { ino } = await stat(path);
    await writeInPlace(path, 'short\n');
    assert.equal(await readFile(path, 'utf8'), 'short\n');
    assert.equal((await stat(path)).ino, ino);
  });
});
