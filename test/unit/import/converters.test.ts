import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/api/manifest.ts';
import { readEnvironmentFile } from '../../../src/import/environment-file.ts';
import { SpecDraft } from '../../../src/import/imported.ts';
import { importNixosConf, isNixosConf } from '../../../src/import/nixos-conf.ts';
import { importNixosJson } from '../../../src/import/nixos-json.ts';
import { importNspawnFile, readNspawnFile } from '../../../src/import/nspawn-file.ts';
import { NSPAWN_KEYS } from '../../../src/import/nspawn-keys.ts';
import { carryNspawnWords } from '../../../src/import/nspawn-words.ts';
import { manifestOf } from '../planning/base-state.ts';

/** The whole of it on files of real hosts is in `golden/import.test.ts`; here is what would be lost there. */
const PLACES = {
  root: '/var/lib/nixos-containers/web',
  profile: '/nix/var/nix/profiles/per-container/web/system',
};
const MACHINE = { root: '/var/lib/machines/web', isEnabled: false, isShifted: false, isTrusted: true };

function checkNspawn(text: string, spec: JsonObject, left: readonly RegExp[] = []): void {
  const imported = importNspawnFile(
    'web',
    `[Network]\nPrivate=no\n[Exec]\nPrivateUsers=no\n${text}`,
    MACHINE,
  );
  const { root, autoStart, privateNetwork, readiness, ...rest } = imported.spec;
  assert.deepEqual([root, autoStart, privateNetwork], [MACHINE.root, false, false]);
  assert.deepEqual(readiness === 'started' ? rest : { readiness, ...rest }, spec);
  manifestOf('web', imported.spec);
  assert.equal(imported.notCarried.length, left.length, imported.notCarried.join('\n'));
  for (const [index, pattern] of left.entries()) assert.match(imported.notCarried[index] ?? '', pattern);
}

describe('settings of systemd.nspawn(5)', () => {
  for (const version of ['252', '257', '262']) {
    test(`every one of systemd ${version} has a place or a reason`, () => {
      const file = new URL(`../../fixtures/import/nspawn-keys-${version}.txt`, import.meta.url);
      const keys = readFileSync(file, 'utf8').trim().split('\n');
      assert.ok(keys.length > 60, `${keys.length} settings`);
      assert.deepEqual(
        keys.filter(key => NSPAWN_KEYS[key] === undefined),
        [],
      );
    });
  }
  test('each that is carried makes a manifest that our own parser takes', () => {
    const VALUES: Readonly<Record<string, string>> = {
      'Exec.ResolvConf': 'copy-host',
      'Exec.PrivateUsers': 'pick',
      'Network.Interface': 'eth7',
      'Network.MACVLAN': 'eth7',
      'Exec.Environment': 'A=1',
    };
    for (const [key, mapping] of Object.entries(NSPAWN_KEYS)) {
      if (mapping.is !== 'carried') continue;
      const draft = new SpecDraft();
      draft.set('root', '/srv/x');
      mapping.carry([VALUES[key] ?? 'yes'], draft);
      const { spec, notCarried } = draft.finish('web');
      assert.ok(Object.keys(spec).length > 1 || notCarried.length > 0, `${key} leaves a trace`);
      manifestOf('web', spec);
    }
  });
});

describe('an .nspawn file', () => {
  test('beside its tree gives itself nothing of the host, as for systemd-nspawn', () => {
    const text =
      '[Exec]\nHostname=w\nCapability=all\nPrivateUsers=no\n[Files]\nBind=/:/host\n[Network]\nPrivate=no\nInterface=eth7\n';
    const { spec, notCarried } = importNspawnFile('web', text, { ...MACHINE, isTrusted: false });
    assert.deepEqual(spec.extraFlags, ['--hostname=w']);
    assert.deepEqual([spec.privateNetwork, spec.interfaces], [true, undefined]);
    for (const left of ['Capability=all', 'PrivateUsers=no', 'Bind=/:/host', 'Private=no', 'Interface=eth7'])
      assert.ok(
        notCarried.some(line => line.startsWith(`${left}: systemd-nspawn ignores it`)),
        left,
      );
  });
  test('beside its tree may still take from the guest what it has', () => {
    const text =
      '[Exec]\nDropCapability=CAP_MKNOD\nNoNewPrivileges=yes\nSystemCallFilter=~@mount\nSystemCallFilter=~bpf\n';
    const places = { ...MACHINE, isTrusted: false };
    const flags = ['drop-capability=CAP_MKNOD', 'no-new-privileges=yes'];
    const filters = ['system-call-filter=~@mount', 'system-call-filter=~bpf'];
    assert.deepEqual(
      importNspawnFile('web', text, places).spec.extraFlags,
      [...flags, ...filters].map(flag => `--${flag}`),
    );
    const allowing = importNspawnFile('web', `${text}SystemCallFilter=keyctl\n`, places);
    assert.deepEqual(
      allowing.spec.extraFlags,
      flags.map(flag => `--${flag}`),
    );
  });
  test('may add to a list, forget it, and go on in the next line', () => {
    const text =
      '[Files]\nBind=/a\nBind=\nBind=/b\n# x\nBind=/c\n[Exec]\nCapability=CAP_A \\\n# in between\n  CAP_B\n; y\n';
    assert.deepEqual(readNspawnFile(text), {
      settings: [
        { key: 'Files.Bind', values: ['/b', '/c'] },
        { key: 'Exec.Capability', values: ['CAP_A CAP_B'] },
      ],
      faults: [],
    });
  });
  test('that boots nothing runs its command as PID 2, and says so', () => {
    const command = { command: ['/bin/a', 'b c'] };
    checkNspawn('Boot=no\nParameters=/bin/a "b c"', command, [/^Boot=no: /]);
    checkNspawn('ProcessTwo=yes\nParameters=/bin/a "b c"', command);
    checkNspawn('Parameters=single', {}, [/^Parameters=single: /]);
  });
  test('that has no word on notifying is Ready as before: when it has started', () => {
    checkNspawn('NotifyReady=yes', { readiness: 'notify' });
    checkNspawn('NotifyReady=no', {});
  });
  test('has the link and the user ids that systemd-nspawn@ gives, unless it says otherwise', () => {
    const { spec, notCarried } = importNspawnFile('web', '', {
      ...MACHINE,
      isEnabled: true,
      isShifted: true,
    });
    assert.deepEqual(spec, {
      root: MACHINE.root,
      autoStart: true,
      privateNetwork: true,
      readiness: 'started',
      extraFlags: ['--private-users=pick'],
    });
    assert.match(notCarried.join('\n'), /systemd-networkd gave them out[\s\S]*before systemd 262/);
  });
  test('with interfaces only has no link beside them', () => {
    const text = '[Network]\nVirtualEthernet=no\nInterface=eth1 lo\n';
    const { spec, notCarried } = importNspawnFile('web', text, MACHINE);
    assert.deepEqual([spec.privateNetwork, spec.interfaces], [false, ['eth1']]);
    assert.match(notCarried.join('\n'), /^Interface=lo: lo is the loopback/m);
  });
});

describe('a file of NixOS', () => {
  test('is read as systemd reads it', () => {
    const text = `# c\nA=1\nB="two words"\nC='it \\ is'\nD=x\\\ny\n E = z \nnonsense\nA=last\n`;
    assert.deepEqual(Object.fromEntries(readEnvironmentFile(text)), {
      A: 'last',
      B: 'two words',
      C: 'it \\ is',
      D: 'xy',
      E: 'z',
    });
  });
  test('is told from what Podman keeps beside it', () => {
    assert.equal(isNixosConf('[engine]\nAUTO_START=1\n'), false);
    assert.equal(isNixosConf('unqualified-search-registries = ["a.example.org"]\n'), false);
    assert.equal(isNixosConf('AUTO_START=0\n'), true);
  });
  test('without a system path has the system of its profile, and does not start by itself', () => {
    const { spec, notCarried } = importNixosConf(
      'web',
      'HOST_ADDRESS=10.0.0.1\nLOCAL_ADDRESS=10.0.0.2\n',
      PLACES,
    );
    assert.deepEqual(spec, {
      path: PLACES.profile,
      root: PLACES.root,
      autoStart: false,
      localAddress: '10.0.0.2',
    });
    assert.match(notCarried.join('\n'), /^HOST_ADDRESS=10\.0\.0\.1: /);
  });
  test('with a variable nobody knows names it', () => {
    assert.deepEqual(importNixosConf('web', 'AUTO_START=1\nFUTURE=x\n', PLACES).notCarried, [
      'FUTURE=x: it means nothing to nspawnd',
    ]);
  });
});

describe('words for nspawn', () => {
  const carried = (...words: readonly string[]) => {
    const draft = new SpecDraft();
    carryNspawnWords(words, draft);
    const { spec, notCarried } = draft.finish('web');
    return [spec.extraFlags ?? [], notCarried.map(line => line.split(':')[0])];
  };
  test('may be short, and one or two', () => {
    assert.deepEqual(carried('-U', '-E', 'A=1', '-EB=2', '--bind', '/a:/b', '--read-only', '--bind-ro=/c'), [
      ['--private-users=pick', '--setenv=A=1', '--setenv=B=2', '--bind=/a:/b', '--read-only', '--bind-ro=/c'],
      [],
    ]);
  });
  test('that nspawnd says itself are left, with the reason', () => {
    assert.deepEqual(
      carried('-b', '-M', 'x', '-j', '--network-veth', '--port', '80', '-k', 'word', '--bind'),
      [[], ['-b', '-M x', '-j', '--network-veth', '--port', '80', '-k', 'word', '--bind']],
    );
  });
});

test('options of a NixOS container that are at their default say nothing', () => {
  const [imported] = importNixosJson(
    {
      web: {
        path: '/nix/store/x',
        autoStart: true,
        macvlans: [],
        hostAddress: null,
        specialArgs: {},
        restartIfChanged: true,
      },
    },
    () => PLACES,
  );
  assert.deepEqual(imported, {
    name: 'web',
    spec: { path: '/nix/store/x', root: PLACES.root, autoStart: true, restartIfChanged: true },
    notCarried: [],
  });
});
