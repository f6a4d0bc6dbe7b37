import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../../../src/api/manifest.ts';
import { nspawnArgv } from '../../../src/planning/render/nspawn-argv.ts';
import { ephemeralRootOf, isOurUnit, unitText } from '../../../src/planning/render/unit.ts';
import { anyText } from '../any-text.ts';
import { HOST, manifestOf, PATHS, webManifest } from './base-state.ts';
import { readUnit, splitWords } from './read-unit.ts';

function unitOf(spec: JsonObject, root = '/srv/root'): ReturnType<typeof readUnit> {
  return readUnit(unitText(manifestOf('web', { root, ...spec }), HOST, PATHS));
}

/** The payload's argv as systemd would hand it to nspawn. */
function payloadOf(command: readonly string[]): readonly string[] {
  const argv = splitWords(unitOf({ command: [...command] }).only('Service', 'ExecStart'), 'command');
  return argv.slice(argv.indexOf('--') + 1);
}

test('a unit says of which root it runs throw-away copies', () => {
  const text = (spec: JsonObject) => unitText(manifestOf('web', { root: '/srv/root', ...spec }), HOST, PATHS);
  assert.equal(ephemeralRootOf(text({ ephemeral: true })), '/srv/root');
  assert.equal(ephemeralRootOf(text({})), null);
  assert.equal(ephemeralRootOf(text({ ephemeral: true }).replace('[X-Nspawnd]', '[X-Other]')), null);
  assert.equal(ephemeralRootOf('[X-Nspawnd]\nSpec=bm8ganNvbg==\n'), null);
});

describe('a word of the command reaches nspawn as it was written:', () => {
  const words: Readonly<Record<string, string>> = {
    plain: 'sleep',
    empty: '',
    'with spaces': 'a  b',
    'with a double quote': 'say "hello"',
    'with single quotes': "it's",
    'with a backslash': 'C:\\temp\\',
    'with a specifier': '%n %% %H',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's, not ours
    'with a variable': '$HOME ${HOME} $$',
    'with a newline': 'a\nb\n',
    'with a tab and other controls': 'a\tb\u0001\u007f',
    'not ASCII': 'grüße 日本 🎉',
    'of a semicolon alone': ';',
    'like a prefix of ExecStart': '@-+!:',
    'like a continuation': 'a\\',
    'like a comment': '# no',
    'with a carriage return': 'a\r\nb',
    'with NEL and line separators': 'a\u0085b\u2028c',
  };
  for (const [name, word] of Object.entries(words)) {
    test(name, () => assert.deepEqual(payloadOf(['/bin/true', word]), ['/bin/true', word]));
  }
  test('any at all', () => {
    const word = anyText().filter(text => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), command => {
        assert.deepEqual(payloadOf(command), command);
      }),
    );
  });
});

describe('the unit', () => {
  test('is one setting per line whatever the manifest says', () => {
    const value = anyText().filter(text => !text.includes('\0'));
    const lines = (spec: JsonObject) =>
      unitText(manifestOf('web', { root: '/srv/root', ...spec }), HOST, PATHS).split('\n').length;
    fc.assert(
      fc.property(value, text => {
        assert.equal(lines({ environment: { A: text } }), lines({ environment: { A: 'x' } }));
      }),
    );
  });
  test('names the root as it is, for RequiresMountsFor= and nspawn alike', () => {
    const root = '/srv/100% "real" $HOME/ro ot';
    const unit = unitOf({}, root);
    assert.deepEqual(splitWords(unit.only('Unit', 'RequiresMountsFor'), 'value'), [root]);
    assert.ok(splitWords(unit.only('Service', 'ExecStart'), 'command').includes(`--directory=${root}`));
  });
  test('hands the environment over as it was written', () => {
    const value = '50% of $MONEY "quoted"\nsecond line';
    const argv = splitWords(unitOf({ environment: { A: value } }).only('Service', 'ExecStart'), 'command');
    assert.ok(argv.includes(`--setenv=A=${value}`));
  });
  test('hands further options to nspawn as they were written, before what runs', () => {
    const flags = [
      '--hostname=a b',
      '--setenv=A=50% of $MONEY "quoted" \\\nsecond \u0001 ; line',
      '--bind=/srv/100% $HOME:/mnt',
    ];
    const argv = splitWords(unitOf({ extraFlags: flags }).only('Service', 'ExecStart'), 'command');
    assert.deepEqual(argv.slice(-4), [...flags, '--boot']);
    const command = unitOf({ extraFlags: flags, command: ['/bin/x', '--read-only'] });
    assert.deepEqual(splitWords(command.only('Service', 'ExecStart'), 'command').slice(-7), [
      ...flags,
      ...['--as-pid2', '--', '/bin/x', '--read-only'],
    ]);
  });
  test('joins the namespace made for it also for macvlans and interfaces alone', () => {
    for (const spec of [{ macvlans: ['eth1'] }, { interfaces: ['eth1'] }]) {
      const unit = unitOf({ privateNetwork: false, ...spec });
      const argv = splitWords(unit.only('Service', 'ExecStart'), 'command');
      for (const word of ['--network-namespace-path=/run/netns/web', '--capability=CAP_NET_ADMIN'])
        assert.ok(argv.includes(word), word);
      // As with --network-macvlan=, which the origin passes: no link of privateNetwork, so it is not told of one.
      for (const word of ['--setenv=PRIVATE_NETWORK=', '--resolv-conf=off'])
        assert.ok(argv.includes(word), word);
      assert.ok(unit.all('Service', 'Environment').includes('SYSTEMD_NSPAWN_API_VFS_WRITABLE=network'));
    }
  });
  test('carries the hashes in the environment of nspawn', () => {
    const manifest = webManifest();
    const unit = readUnit(unitText(manifest, HOST, PATHS));
    const environment = unit.all('Service', 'Environment').flatMap(line => splitWords(line, 'value'));
    assert.ok(environment.includes(`NSPAWND_SPEC_HASH=${manifest.specHash}`));
    assert.ok(environment.some(entry => /^NSPAWND_LAUNCH_HASH=v1-[0-9a-f]{16}$/.test(entry)));
  });
  test('never restarts by itself and has no limit of starts of its own', () => {
    const unit = unitOf({});
    assert.equal(unit.only('Service', 'Restart'), 'no');
    assert.equal(unit.only('Unit', 'StartLimitIntervalSec'), '0');
    assert.deepEqual(unit.all('Service', 'SuccessExitStatus'), []);
  });
  test("is known as ours again, and nobody else's is", () => {
    assert.equal(isOurUnit(unitText(webManifest(), HOST, PATHS)), true);
    assert.equal(isOurUnit('[Service]\nExecStart=/bin/true\n'), false);
    assert.equal(isOurUnit('# [X-Nspawnd]\n'), false);
  });
  test('carries the spec it was made from', () => {
    const manifest = webManifest({ environment: { A: 'é%' } });
    const spec = readUnit(unitText(manifest, HOST, PATHS)).only('X-Nspawnd', 'Spec');
    assert.deepEqual(JSON.parse(Buffer.from(spec, 'base64').toString()), manifest.written);
  });
});

describe('the record of an end', () => {
  /** Runs the unit's own recorder as systemd would, with a systemctl that knows of these jobs. */
  function record(jobs: string, environment: Readonly<Record<string, string>>): string {
    const directory = mkdtempSync(join(tmpdir(), 'nspawnd-ended-'));
    try {
      const paths = { ...PATHS, endedDirectory: join(directory, 'ended') };
      const unit = readUnit(unitText(webManifest(), HOST, paths));
      const line = unit.only('Service', 'ExecStopPost');
      assert.ok(line.startsWith('-'), 'a failing recorder is no failure of the unit');
      const [program = '', ...args] = splitWords(line.slice(1), 'command');
      execFileSync('/bin/sh', [
        '-c',
        `printf '#!/bin/sh\\necho "${jobs}"\\n' > ${directory}/systemctl; chmod +x ${directory}/systemctl`,
      ]);
      execFileSync(program, args, { env: { PATH: `${directory}:${process.env.PATH}`, ...environment } });
      return readFileSync(join(directory, 'ended/web'), 'utf8');
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
  const ended = (jobs: string) =>
    record(jobs, {
      INVOCATION_ID: 'abc',
      SERVICE_RESULT: 'signal',
      EXIT_CODE: 'killed',
      EXIT_STATUS: 'KILL',
    });
  const { specHash } = webManifest();

  test('says how the run ended', () => {
    const expected = `invocation=abc\nspec=${specHash}\nrequested=no\nresult=signal\ncode=killed\nstatus=KILL\n`;
    assert.equal(ended(''), expected);
  });
  test('says that a stop was asked for while there is a job to stop it', () => {
    assert.match(ended('123 container@web.service stop running'), /^requested=yes$/m);
  });
  test('says so while there is a job to restart it', () => {
    assert.match(ended('123 container@web.service restart waiting'), /^requested=yes$/m);
  });
  test('does not take a start for a stop', () => {
    assert.match(ended('123 container@web.service start running'), /^requested=no$/m);
  });
});

describe('the argv of nspawn', () => {
  const argvOf = (spec: JsonObject) =>
    nspawnArgv(manifestOf('web', { root: '/srv/root', ...spec }), HOST, PATHS);
  const check = (spec: JsonObject, has: readonly string[], hasNot: readonly string[] = []) => {
    const argv = argvOf(spec);
    for (const argument of has) assert.ok(argv.includes(argument), `${argument} in ${argv.join(' ')}`);
    for (const argument of hasNot)
      assert.ok(!argv.some(found => found.startsWith(argument)), `${argument} in ${argv.join(' ')}`);
  };
  test('boots a tree and waits for its READY', () => {
    check({}, ['--boot', '--notify-ready=yes'], ['--network', '--capability', '--bind', '--as-pid2']);
  });
  test('runs a payload under a stub init, started when it is', () => {
    check({ command: ['/bin/server'] }, ['--as-pid2', '/bin/server'], ['--boot', '--notify-ready']);
  });
  test('joins the sandbox with the powers of --network-veth', () => {
    check({ privateNetwork: true }, [
      '--network-namespace-path=/run/netns/web',
      '--capability=CAP_NET_ADMIN',
      '--resolv-conf=off',
      '--bind-ro=/run/nspawnd/guest-hosts/web:/etc/hosts',
    ]);
  });
  test("leaves the guest's own hosts file with guestHosts: false", () => {
    check({ privateNetwork: true, guestHosts: false }, [], ['--bind-ro']);
  });
  test('binds the start-up FIFO where the origin has it', () => {
    check(
      { readiness: 'fifo' },
      ['--bind=/run/nspawnd/startup/web:/var/lib/startup-done', '--boot'],
      ['--notify-ready'],
    );
  });
  test('makes the root throw-away as asked', () => {
    check({ ephemeral: true }, ['--ephemeral'], ['--volatile']);
    check({ volatile: 'state' }, ['--volatile=state'], ['--ephemeral']);
  });
  test("sets the origin's variables, and the manifest's own over them", () => {
    check(
      {
        privateNetwork: true,
        hostAddress: '10.0.0.1',
        localAddress: '10.0.0.2',
        environment: { PATH: '/bin', COLOUR: 'blue' },
      },
      [
        '--setenv=PRIVATE_NETWORK=1',
        '--setenv=HOST_ADDRESS=10.0.0.1',
        '--setenv=LOCAL_ADDRESS=10.0.0.2',
        '--setenv=PATH=/bin',
        '--setenv=COLOUR=blue',
      ],
    );
    assert.equal(
      argvOf({ environment: { PATH: '/bin' } }).filter(word => word.startsWith('--setenv=PATH=')).length,
      1,
    );
  });
  test('gives each guest of a host an id of its own, the same at every start', () => {
    const uuid = (name: string, machineId = HOST.machineId) =>
      nspawnArgv(manifestOf(name, { root: '/srv/root' }), { ...HOST, machineId }, PATHS).find(word =>
        word.startsWith('--uuid='),
      );
    assert.equal(uuid('web'), uuid('web'));
    assert.notEqual(uuid('web'), uuid('db'));
    assert.notEqual(uuid('web'), uuid('web', 'f'.repeat(32)));
    assert.match(
      uuid('web') ?? '',
      /^--uuid=[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});
