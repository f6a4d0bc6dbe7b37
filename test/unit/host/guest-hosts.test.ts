import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { GuestHosts } from '../../../src/host/guest-hosts.ts';
import { HostsFile } from '../../../src/host/hosts-file.ts';
import { scratch } from './scratch.ts';

const WEB = '10.0.0.2 web.containers\n';
const DB = '10.0.0.3 db.containers\n';

interface Place {
  readonly directory: string;
  readonly root: string;
  readonly guests: GuestHosts;
}

/** A root with an etc, and a host whose hosts file names the web server. */
async function place(context: TestContext): Promise<Place> {
  const directory = await scratch(context);
  const root = join(directory, 'root');
  await mkdir(join(root, 'etc'), { recursive: true });
  await new HostsFile(join(directory, 'hosts')).write(WEB);
  return { directory, root, guests: new GuestHosts(directory, join(directory, 'hosts')) };
}

test('a guest has its own lines and the names that the host has', async context => {
  const { root, guests } = await place(context);
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost myname\n');
  await guests.write('app', root);
  const text = await readFile(guests.path('app'), 'utf8');
  assert.match(text, /^127\.0\.0\.1 localhost myname\n/);
  assert.deepEqual(await guests.blocks(), { app: WEB });
  assert.equal(await guests.observe('app'), 'present');
});

test('a guest without a hosts file knows at least itself', async context => {
  const { root, guests } = await place(context);
  await guests.write('app', root);
  assert.match(await readFile(guests.path('app'), 'utf8'), /^127\.0\.0\.1 localhost\n::1 /);
});

test("a guest's symlink shows it nothing of the host", async context => {
  const { directory, root, guests } = await place(context);
  await writeFile(join(directory, 'secret'), 'secret\n');
  await symlink(join(directory, 'secret'), join(root, 'etc/hosts'));
  await guests.write('app', root);
  assert.doesNotMatch(await readFile(guests.path('app'), 'utf8'), /secret/);
});

test('new names reach every guest in place, since a bind holds the inode', async context => {
  const { root, guests } = await place(context);
  await guests.write('app', root);
  await guests.write('db', root);
  const { ino } = await stat(guests.path('app'));
  await guests.updateAll(WEB + DB);
  await guests.updateAll(WEB + DB);
  assert.deepEqual(await guests.blocks(), { app: WEB + DB, db: WEB + DB });
  assert.equal((await stat(guests.path('app'))).ino, ino);
  await guests.updateAll('');
  assert.deepEqual(await guests.blocks(), { app: '', db: '' });
});

test('names that come to the host while a guest gets its file reach it', async context => {
  const { directory, root } = await place(context);
  const host = join(directory, 'hosts');
  /** When the file is written, what goes into it has been read. */
  class Overtaken extends GuestHosts {
    #asked = 0;

    override path(name: string): string {
      this.#asked += 1;
      if (this.#asked === 2) writeFileSync(host, readFileSync(host, 'utf8').replace(WEB, DB));
      return super.path(name);
    }
  }
  const guests = new Overtaken(directory, host);
  await guests.write('app', root);
  assert.deepEqual(await guests.blocks(), { app: DB });
});

test('removing may be done twice', async context => {
  const { root, guests } = await place(context);
  await guests.write('app', root);
  await guests.remove('app');
  await guests.remove('app');
  assert.equal(await guests.observe('app'), 'absent');
  assert.deepEqual(await guests.blocks(), {});
});

test('a file that was removed is not brought back by an update that had read it', async context => {
  const { root, guests } = await place(context);
  await guests.write('app', root);
  const update = guests.updateAll(DB);
  await guests.remove('app');
  await update;
  assert.equal(await guests.observe('app'), 'absent');
});
