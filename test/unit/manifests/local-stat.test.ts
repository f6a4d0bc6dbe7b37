import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { localStat } from '../../../src/manifests/local-stat.ts';
import { statOf } from '../../../src/manifests/walk.ts';

const OWN = '1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n';

suite('the question for the files of a scan', () => {
  test('is answered as lstat answers it: files, links, and what is not there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'local-stat-'));
    try {
      await writeFile(join(directory, 'file'), 'text');
      await symlink('file', join(directory, 'link'));
      for (const stat of [localStat(OWN), localStat(), localStat('')]) {
        for (const name of ['file', 'link', 'nothing', 'file/below'])
          assert.deepEqual(await stat(join(directory, name)), await statOf(join(directory, name)));
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('is asked in this thread only on file systems that have an answer of their own', () => {
    const nfs = `${OWN}2 1 0:50 / /mnt/a\\040server rw shared:2 - nfs4 server:/ rw\n`;
    const isAskedHere = (mountInfo: string, path: string) => isAnsweredAtOnce(mountInfo, path);
    assert.equal(isAskedHere(OWN, '/mnt/a server/file'), true);
    assert.equal(isAskedHere(nfs, '/mnt/a server/file'), false);
    assert.equal(isAskedHere(nfs, '/mnt/a server'), false);
    assert.equal(isAskedHere(nfs, '/mnt/a server room/file'), true);
    assert.equal(isAskedHere(`${OWN}3 1 0:51 / / rw - fuse.sshfs you@there: rw\n`, '/etc'), false);
    assert.equal(isAskedHere('not a mount\n', '/etc'), false);
    assert.equal(isAskedHere('', '/etc'), false);
  });
});

/** An answer from this thread leaves nothing that goes on. */
function isAnsweredAtOnce(mountInfo: string, path: string): boolean {
  const before = requestsUnderWay();
  const answer = localStat(mountInfo)(path);
  answer.catch(() => undefined);
  return requestsUnderWay() === before;
}

function requestsUnderWay(): number {
  return process.getActiveResourcesInfo().filter(kind => kind.startsWith('FSReq')).length;
}
