import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { makeRoomPrograms } from './room-programs.ts';
import { tellSourcePlaces } from './source-places.ts';

describe('the program of a room', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'room-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  async function made(text: string): Promise<{ file: string; ran: Promise<{ stdout: string }> }> {
    const file = join(directory, 'thing.ts');
    await writeFile(file, text);
    const [program = ''] = await makeRoomPrograms([['some', [file]]], directory);
    return { file, ran: promisify(execFile)(process.execPath, [program]) };
  }

  it('finds files by the place of the source', async () => {
    const { file, ran } = await made('type A = 1;\nconsole.log(import.meta.url, import.meta.dirname);\n');
    assert.equal((await ran).stdout, `${pathToFileURL(file).href} ${directory}\n`);
  });

  it('fails with the places of the source', async () => {
    const { ran } = await made('interface A {\n  b: 1;\n}\n\nthrow new Error("here");\n');
    const { stderr } = (await ran.catch(error => error)) as { stderr: string };
    assert.doesNotMatch(stderr, /thing\.ts:5:7/);
    assert.match(tellSourcePlaces(stderr, directory), /thing\.ts:5:7/);
  });
});
