import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allOf, lastOf } from '../../../src/cli/command/log-history.ts';
import type { Readable } from '../../../src/cli/command/log-source.ts';
import { forJournalctl } from '../../../src/cli/registration/logs.ts';
import { controllerKey, type LogSource, logLines } from '../../../src/cli/view/log-line.ts';
import {
  type JournalEntry,
  journalctl,
  parseEntry,
  readJournal,
  WHOLE,
} from '../../../src/host/journal-reader.ts';
import { nspawnctl } from './nspawnctl.ts';

const NONE = new AbortController().signal;

function entry(at: number, message: string, more: Partial<JournalEntry> = {}): JournalEntry {
  return { cursor: `c${at}`, at, message, identifier: '', pid: '', invocation: '', unit: '', ...more };
}

/** A journal in memory. */
function journal(source: LogSource, ...entries: readonly JournalEntry[]): Readable {
  return {
    source,
    past: async function* (isReverse) {
      yield* isReverse ? entries.toReversed() : entries;
    },
    future: async function* () {},
  };
}

async function collect<T, R>(entries: AsyncIterable<T>, pick: (entry: T) => R): Promise<readonly R[]> {
  const all: R[] = [];
  for await (const one of entries) all.push(pick(one));
  return all;
}

const plain = { hasTimestamps: false, isEscaped: false };

describe('a line of a log', () => {
  it('of a console is what it printed; others name who speaks', () => {
    const said = entry(1, 'Booting\r', { identifier: 'container web', pid: '7' });
    assert.equal(logLines('console', said, plain), 'Booting\n');
    const ofUnit = entry(1, 'Started.', { identifier: 'systemd', pid: '1' });
    assert.equal(logLines('console', ofUnit, plain), 'systemd[1]: Started.\n');
    const inGuest = entry(1, 'one\ntwo\n', { identifier: 'nginx', pid: '42' });
    assert.equal(logLines('guest', inGuest, plain), 'nginx[42]: one\n  two\n');
  });

  it('has its time in UTC, to the microsecond', () => {
    const at = Date.parse('2026-06-01T12:00:00.123Z') * 1000 + 456;
    const shown = logLines('console', entry(at, 'x'), { ...plain, hasTimestamps: true });
    assert.equal(shown, '2026-06-01T12:00:00.123456Z x\n');
  });

  it('is made in a moment, whatever is in it', () => {
    const message = `a${'\n'.repeat(200_000)}b${'\r'.repeat(200_000)}c`;
    const begin = performance.now();
    assert.ok(logLines('guest', entry(1, message), plain).length > 200_000);
    assert.ok(performance.now() - begin < 5_000);
  });

  it('has a time also where a guest says one that is none', () => {
    for (const at of ['1e300', '-1', '9e18', 'x']) {
      const said = parseEntry(JSON.stringify({ __REALTIME_TIMESTAMP: at, MESSAGE: 'x' }));
      assert.ok(said !== null);
      assert.match(
        logLines('guest', said, { ...plain, hasTimestamps: true }),
        /^1970-01-01T00:00:00.000000Z x$/m,
      );
    }
  });

  it('is obeyed by no terminal, and reaches a pipe as it is', () => {
    const hostile = entry(1, '\u001b[0;32mOK\u001b[0m \u001b]0;title\u0007\u009b2J', {
      identifier: 'a\u001b[2J\nb',
    });
    assert.equal(
      logLines('guest', hostile, { ...plain, isEscaped: true }),
      'a\\x1b[2J\\nb: OK \\x1b]0;title\\x07\\u009b2J\n',
    );
    assert.equal(logLines('guest', hostile, plain), `a\\x1b[2J\\nb: ${hostile.message}\n`);
  });

  it('of nspawnd is its sentence, then its facts', () => {
    const line =
      '{"level":"warn","key":"web","reconcileId":"r1","err":{"message":"no such thing"},"path":"/a","n":3,"msg":"step failed"}';
    assert.equal(
      logLines('controller', entry(1, line), plain),
      'warn  step failed err="no such thing" path=/a n=3\n',
    );
    assert.equal(controllerKey(line), 'web');
    assert.equal(controllerKey('null'), null);
    assert.equal(controllerKey('{"key":{}}'), null);
  });
});

describe('an entry of a journal', () => {
  it('is text, bytes or a list of them; what is none is left out', () => {
    const json = (fields: object) => parseEntry(JSON.stringify({ __REALTIME_TIMESTAMP: '5', ...fields }));
    assert.equal(json({ MESSAGE: 'x' })?.message, 'x');
    assert.equal(json({ MESSAGE: [27, 91, 195, 188] })?.message, '\u001b[ü');
    assert.equal(json({ MESSAGE: ['a', 'b'] })?.message, 'a');
    assert.equal(json({ MESSAGE: null })?.message, '');
    assert.equal(json({ INVOCATION_ID: 'about', _SYSTEMD_INVOCATION_ID: '' })?.invocation, 'about');
    assert.equal(parseEntry('-- No entries --'), null);
    assert.equal(parseEntry('{"MESSAGE":'), null);
  });

  it('comes from whatever prints them, bounded, and a failure is what it complained of', async () => {
    const script = (text: string) => readJournal([process.execPath, '-e', text], NONE);
    const messages = await collect(
      script(
        `console.log('{"MESSAGE":"a"}'); console.log('{"MESSAGE":"' + 'x'.repeat(3e6) + '"}'); console.log('{"MESSAGE":"b"}')`,
      ),
      ({ message }) => message,
    );
    assert.deepEqual(messages, ['a', 'b']);
    await assert.rejects(
      collect(
        script(
          `console.error('No journal files were opened due to insufficient permissions.'); process.exit(1)`,
        ),
        entry => entry,
      ),
      /insufficient permissions/,
    );
    // Nobody waits for one that has been given up.
    for await (const { message } of script(`console.log('{"MESSAGE":"a"}'); setInterval(() => {}, 1000)`)) {
      assert.equal(message, 'a');
      break;
    }
  });
});

describe('several journals', () => {
  const console_ = journal('console', entry(1, 'a'), entry(4, 'd'), entry(5, 'e'));
  const guest = journal('guest', entry(2, 'b'), entry(3, 'c'), entry(9, 'f'));

  it('are told in the order of time', async () => {
    const all = await collect(allOf([console_, guest], NONE), told => told.entry.message);
    assert.equal(all.join(''), 'abcdef');
    assert.deepEqual(await collect(allOf([journal('guest')], NONE), told => told), []);
  });

  it('have their last lines together', async () => {
    const last = async (count: number) =>
      (await lastOf([console_, guest], count, ({ entry: { message } }) => message !== 'e', NONE))
        .map(told => told.entry.message)
        .join('');
    assert.deepEqual([await last(0), await last(2), await last(99)], ['', 'df', 'abcdf']);
  });
});

describe('logs', () => {
  it('understands spans, times, and what journalctl does', () => {
    const now = Date.parse('2026-06-01T12:00:00Z');
    assert.equal(forJournalctl('10m', now), `@${now / 1000 - 600}.000`);
    assert.equal(forJournalctl('2026-06-01T11:00:00Z', now), `@${now / 1000 - 3600}.000`);
    assert.equal(forJournalctl('yesterday', now), 'yesterday');
    assert.equal(forJournalctl('2026-06-01', now), '2026-06-01');
    assert.ok(journalctl({ ...WHOLE, since: '-x' }).includes('--since=-x'));
  });

  it('refuses what contradicts itself (2)', async () => {
    for (const args of [
      ['--console', '--guest'],
      ['--controller', '--guest'],
      ['--controller', '-p'],
      ['-n', 'x'],
      ['--grep', '('],
    ])
      assert.equal((await nspawnctl(['logs', 'web', ...args])).code, 2, args.join(' '));
  });
});
