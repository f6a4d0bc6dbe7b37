import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { objectionToFlag } from '../../../src/api/extra-flags.ts';

function check(flag: string, objection: RegExp | null): void {
  const found = objectionToFlag(flag);
  if (objection === null) assert.equal(found, null, flag);
  else assert.match(found ?? 'no objection', objection, flag);
}

describe('a further option of nspawn', () => {
  test('is one word, with its value after =', () => {
    for (const flag of [
      '--hostname=web.example.org',
      '--setenv=GREETING=two words, $HOME and 100 %',
      '--bind-ro=/srv/my data:/mnt',
      '--private-users=pick',
      '--private-users',
      '--read-only',
      '--user=nobody',
      '--capability=CAP_SYS_TIME',
      '--from-a-later-systemd=x',
    ])
      check(flag, null);
  });

  test('is no short option, no two words, no bare word and no end of options', () => {
    for (const flag of ['-b', '-Mweb', '--', '--bind /srv:/mnt', 'hostname=x', '', '--HOSTNAME=x', '--=x'])
      check(flag, /^not an option such as "--name=value"/);
  });

  test('would take the next word for its value where it has none', () => {
    for (const flag of ['--bind', '--hostname', '--user', '--from-a-later-systemd'])
      check(flag, new RegExp(`"${flag}=VALUE"`));
  });

  test("cannot take out of nspawnd's hands what it holds; what to write instead is said", () => {
    const HELD: Readonly<Record<string, RegExp>> = {
      '--machine=x': /metadata\.name/,
      '--directory=/': /spec\.root/,
      '--image=/x.raw': /spec\.root/,
      '--template=/x': /spec\.root/,
      '--boot': /spec\.command/,
      '--as-pid2': /spec\.command/,
      '--keep-unit': /always kept/,
      '--register=no': /registered/,
      '--slice=x.slice': /systemctl edit/,
      '--property=CPUQuota=1%': /systemctl edit/,
      '--settings=override': /only place/,
      '--notify-ready=no': /spec\.readiness/,
      '--kill-signal=SIGKILL': /timeoutStopSec/,
      '--private-network': /spec\.privateNetwork/,
      '--network-veth': /spec\.privateNetwork/,
      '--network-macvlan=eth0': /spec\.macvlans/,
      '--network-interface=eth0': /spec\.interfaces/,
      '--network-of-a-later-systemd=x': /spec\.privateNetwork/,
      '--network-namespace-path=/proc/1/ns/net': /spec\.privateNetwork/,
      '--port=80': /localAddress/,
      '--uuid=x': /derived/,
      '--ephemeral': /spec\.ephemeral/,
      '--volatile': /spec\.volatile/,
      '--volatile=yes': /spec\.volatile/,
      '--resolv-conf=off': /spec\.resolvConf/,
      '--link-journal=host': /journal/,
      '--quiet': /journal/,
      '--console=pipe': /journal/,
      '--pipe': /journal/,
      '--cleanup': /by itself/,
      '--help': /start nothing/,
      '--version': /start nothing/,
    };
    for (const [flag, hint] of Object.entries(HELD)) check(flag, hint);
  });

  test('cannot do so by an abbreviation either, which getopt takes for the whole', () => {
    for (const flag of [
      '--mach=x',
      '--dir=/',
      '--net=x',
      '--keep',
      '--sett=no',
      '--b',
      '--as',
      '--vol=yes',
      '--uu=x',
    ])
      check(flag, /abbreviates --/);
  });
});
