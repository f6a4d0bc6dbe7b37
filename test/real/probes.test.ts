import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { assertAllForbidden, MAKE_FORBIDDEN_CALLS } from './forbidden-calls.ts';
import { guest, sleeper, useWorld } from './world.ts';

const world = useWorld();

const NETWORK = { privateNetwork: true, hostAddress: '10.231.140.1' };
/** As quick as a probe can be. */
const QUICK = { periodSeconds: 1, failureThreshold: 2 };
const sh = (line: string) => ({ exec: { command: ['/bin/sh', '-c', line] } });

/** A whole program for 32-bit x86: `mov eax, 1; xor ebx, ebx; int 0x80`. */
const EXIT_0_32_BIT =
  'f0VMRgEBAQAAAAAAAAAAAAIAAwABAAAAVIAECDQAAAAAAAAAAAAAADQAIAABAAAAAAAAAAEAAAAAAAAAAIAECACABAhdAAAAXQAAAAUAAAAAEAAAuAEAAAAx282A';

/** Serves at port 80, one after another: what was asked is added to a file, and the answer is another file. */
const SERVE = [
  'my $server = IO::Socket::INET->new(LocalPort => 80, Listen => 9, ReuseAddr => 1) or die;',
  'while (my $client = $server->accept) {',
  'my $asked = "";',
  'while (<$client>) { $asked .= $_; last if /^\r?\n$/ }',
  'open my $log, ">>", "/run/asked"; print $log $asked; close $log;',
  'open my $answer, "<", "/run/answer"; print {$client} <$answer>;',
  '}',
].join(' ');

/** Runs until the guest's systemd forgets it. */
async function serve(name: string, answer: string): Promise<void> {
  await world.inGuest(name, ['sh', '-c', `printf '${answer}' >/run/answer`]);
  await world.startInGuest(name, 'serve', ['perl', '-MIO::Socket::INET', '-e', SERVE]);
}

async function ready(name: string): Promise<string> {
  const condition = await world.condition(name, 'Ready');
  return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
}

async function groupsOfProbes(name: string): Promise<string> {
  return world.sh(
    'sh',
    '-c',
    `ls -d /sys/fs/cgroup/machine.slice/container@${name}.service/nspawnd-probe-* || true`,
  );
}

describe('a readiness probe', () => {
  test('by tcpSocket follows the port, and restarts nothing', async () => {
    const readinessProbe = { tcpSocket: { port: 80 }, ...QUICK };
    await world.drop('web', guest({ ...NETWORK, localAddress: '10.231.140.2', readinessProbe }));
    await world.until('web', 'Ready', 'False', 'ReadinessProbeFailed');
    assert.match(await ready('web'), /its readinessProbe fails: connection refused$/);
    const invocation = await world.invocation('web');
    await serve('web', 'x');
    await world.untilReady('web');
    await world.inGuest('web', ['systemctl', 'stop', 'serve']);
    await world.until('web', 'Ready', 'False', 'ReadinessProbeFailed');
    await world.untilEvent('web', 'Unhealthy', /connection refused/);
    assert.equal(await world.invocation('web'), invocation);
    const { stdout } = await world.ctl('describe', 'web');
    assert.match(stdout, /✗ probes +ReadinessProbeFailed: its readinessProbe fails: connection refused/);
  });

  test('by httpGet follows the status, and sends what is written', async () => {
    const httpGet = { port: 80, path: '/health?full', httpHeaders: [{ name: 'Host', value: 'example.org' }] };
    await world.drop(
      'http',
      guest({ ...NETWORK, localAddress: '10.231.140.3', readinessProbe: { httpGet, ...QUICK } }),
    );
    await world.until('http', 'Running', 'True', 'Active');
    await serve('http', 'HTTP/1.0 503 No\\r\\n\\r\\nno \\033[31mdatabase\\n');
    await eventually(async () => /: status 503: no database$/.test(await ready('http')), {
      describe: 'the status to be told',
    });
    const asked = await eventually(
      async () => {
        const text = await world.inGuest('http', ['cat', '/run/asked']);
        assert.match(text, /^GET \/health\?full HTTP\/1\.1/);
        assert.match(text, /^Host: example\.org/m);
        return text;
      },
      { describe: 'what was asked' },
    );
    assert.doesNotMatch(asked, /10\.231\.140\.3/);
    await world.inGuest('http', [
      'sh',
      '-c',
      "printf 'HTTP/1.0 302 There\\r\\nLocation: http://10.9.9.9/\\r\\n\\r\\n' >/run/answer",
    ]);
    await world.untilReady('http');
  });

  test('by unit follows a unit of the guest', async () => {
    const readinessProbe = { unit: { name: 'work' }, ...QUICK };
    await world.drop('unit', guest({ readinessProbe }));
    await world.until('unit', 'Ready', 'False', 'ReadinessProbeFailed');
    assert.match(await ready('unit'), /work\.service is inactive$/);
    await world.inGuest('unit', ['systemd-run', '--quiet', '--unit=work', 'sleep', 'infinity']);
    await world.untilReady('unit');
    await world.inGuest('unit', ['systemctl', 'stop', 'work']);
    await world.until('unit', 'Ready', 'False', 'ReadinessProbeFailed');
  });

  test('by exec runs in the guest, with its namespaces, devices and bounds, and no terminal escapes', async () => {
    const look = 'cat /proc/self/status /proc/self/cgroup /proc/1/comm';
    const line = `${MAKE_FORBIDDEN_CALLS}; ${look}; printf "\\033[31mred\\n"`;
    await world.drop(
      'exec',
      guest({ ...NETWORK, readinessProbe: { ...sh(`(${line}) | tee /run/said; exit 7`), ...QUICK } }),
    );
    await world.until('exec', 'Ready', 'False', 'ReadinessProbeFailed');
    assert.match(await ready('exec'), /exited with status 7: .*\| systemd \| red$/);
    const said = await world.inGuest('exec', ['cat', '/run/said']);
    const bounds = (text: string) => /^CapBnd:\s*(\w+)$/m.exec(text)?.[1];
    assert.equal(bounds(said), bounds(await world.inGuest('exec', ['cat', '/proc/1/status'])));
    assertAllForbidden(said);
    assert.match(said, /^NSpid:\t\d+$/m);
    assert.match(said, /^0::\/\.\.\/nspawnd-probe-\d+$/m);
    await eventually(async () => (await groupsOfProbes('exec')) === '', {
      describe: 'its groups to be gone',
    });
  });

  test('by exec may print much', async () => {
    const print = 'yes much | head -c 500000; yes more | head -c 500000 >&2; test -e /run/up || exit 8';
    await world.drop('loud', sleeper({ readinessProbe: { ...sh(print), ...QUICK } }));
    await world.until('loud', 'Ready', 'False', 'ReadinessProbeFailed');
    assert.match(await ready('loud'), /exited with status 8: m/);
    await world.amongGuest('loud', ['touch', '/run/up']);
    await world.untilReady('loud');
  });

  test('of a guest without systemd is asked all the same', async () => {
    await world.drop('plain', sleeper({ readinessProbe: { ...sh('test -e /run/ready'), ...QUICK } }));
    await world.until('plain', 'Ready', 'False', 'ReadinessProbeFailed');
    await world.amongGuest('plain', ['touch', '/run/ready']);
    await world.untilReady('plain');
  });

  test('of a 32-bit guest runs its programs', async () => {
    assert.equal(process.arch, 'x64', 'it is one of those');
    await world.drop('narrow', guest({ readinessProbe: { exec: { command: ['/run/narrow'] }, ...QUICK } }));
    await world.until('narrow', 'Ready', 'False', 'ReadinessProbeFailed');
    const plant = `printf '%s' ${EXIT_0_32_BIT} | base64 -d >/run/narrow.new
      chmod +x /run/narrow.new
      mv /run/narrow.new /run/narrow`;
    await world.inGuest('narrow', ['sh', '-c', plant]);
    await world.untilReady('narrow');
  });

  test('is changed and taken away under the running guest', async () => {
    const spec = (readinessProbe?: object) => sleeper(readinessProbe === undefined ? {} : { readinessProbe });
    await world.drop('edit', spec({ ...sh('exit 4'), ...QUICK }));
    await world.until('edit', 'Ready', 'False', 'ReadinessProbeFailed');
    const invocation = await world.invocation('edit');
    await world.drop('edit', spec({ ...sh('exit 5'), ...QUICK }));
    await eventually(async () => (await ready('edit')).endsWith('exited with status 5'), {
      describe: 'the new probe',
    });
    await world.drop('edit', spec());
    await world.untilReady('edit');
    assert.equal(await world.invocation('edit'), invocation);
    // What a person only looks at is not asked.
    await world.host.writeFile(
      '/root/edit.yaml',
      JSON.stringify({
        apiVersion: 'nspawnd.io/v1alpha1',
        kind: 'Container',
        metadata: { name: 'edit' },
        spec: spec({ ...sh('touch /run/asked'), ...QUICK }),
      }),
    );
    const { stdout } = await world.ctl('diff', '/root/edit.yaml');
    assert.match(stdout, /probe readiness/);
    assert.equal(await world.amongGuest('edit', ['sh', '-c', 'ls /run/asked 2>/dev/null || true']), '');
  });
});

describe('a liveness probe', () => {
  test('restarts a guest that no longer lives, with backoff, and says what it said', async () => {
    await world.drop(
      'alive',
      sleeper({ livenessProbe: { ...sh('test ! -e /run/dead || { echo dead; exit 9; }'), ...QUICK } }),
    );
    await world.untilReady('alive');
    const invocation = await world.invocation('alive');
    await world.amongGuest('alive', ['touch', '/run/dead']);
    await world.untilEvent(
      'alive',
      'Failed',
      /^its livenessProbe failed 2 times in a row: exited with status 9: dead$/,
    );
    await eventually(async () => ![invocation, ''].includes(await world.invocation('alive')), {
      describe: 'another run',
    });
    await world.untilReady('alive');
    assert.equal((await world.get('alive'))?.status.restarts, 1);
  });

  test('of one that is never to be restarted leaves it down as failed', async () => {
    await world.drop(
      'never',
      sleeper({ restartPolicy: 'Never', livenessProbe: { ...sh('exit 3'), ...QUICK } }),
    );
    await eventually(
      async () =>
        /^False Failed: its livenessProbe failed 2 times in a row: exited with status 3/.test(
          await ready('never'),
        ),
      { timeoutMs: 60_000, describe: 'it to have failed for its probe' },
    );
    assert.equal(await world.unit('never', 'ActiveState'), 'inactive');
  });

  test('that hangs is killed at its deadline, with all that it began, and keeps nobody else waiting', async () => {
    const hang = 'setsid sleep 4711 & sleep 4711';
    for (const name of ['hang-a', 'hang-b', 'hang-c', 'hang-d', 'hang-e'])
      await world.drop(name, sleeper({ readinessProbe: { ...sh(hang), ...QUICK, timeoutSeconds: 600 } }));
    await world.drop('late', sleeper({ livenessProbe: { ...sh(hang), ...QUICK, timeoutSeconds: 1 } }));
    await world.untilEvent('late', 'Failed', /failed 2 times in a row: no answer within 1 s/);
    await world.remove('late');
    await eventually(async () => (await groupsOfProbes('late')) === '', {
      describe: 'its groups to be gone',
    });
    await world.drop('other', sleeper({ readinessProbe: { ...sh('true'), ...QUICK } }));
    await world.until('other', 'Ready', 'True', 'Ready', 15_000);
    // A guest that is stopped while it is asked does not wait for the answer.
    const begun = Date.now();
    await world.remove('hang-a');
    await world.untilGone('hang-a');
    assert.ok(Date.now() - begun < 30_000);
    assert.equal(await world.exits('pgrep', '-f', 'nsenter.*hang-a'), 1);
  });

  test('says nothing while a person has the container', async () => {
    await world.drop('hands', sleeper({ livenessProbe: { ...sh('test ! -e /run/dead'), ...QUICK } }));
    await world.untilReady('hands');
    const invocation = await world.invocation('hands');
    await world.ctl('suspend', 'hands');
    await world.amongGuest('hands', ['touch', '/run/dead']);
    await eventually(async () => (await world.sh('cat', '/run/nspawnd/probed/hands')).includes('"failure"'), {
      describe: 'the failure to be found',
    });
    await world.ctl('reconcile', 'hands');
    assert.equal(await world.invocation('hands'), invocation);
    await world.ctl('resume', 'hands');
    await world.untilEvent('hands', 'Failed', /livenessProbe/);
  });
});

describe('a startup probe', () => {
  test('comes before the others, and is asked no more once it was good', async () => {
    const count = (what: string) => `echo >>/run/${what}`;
    await world.drop(
      'gate',
      sleeper({
        startupProbe: {
          ...sh(`${count('startup')}; test -e /run/started`),
          periodSeconds: 1,
          failureThreshold: 60,
        },
        livenessProbe: {
          ...sh(`${count('liveness')}; test -e /run/started`),
          periodSeconds: 1,
          failureThreshold: 1,
        },
        readinessProbe: { ...sh(count('readiness')), ...QUICK },
      }),
    );
    const lines = async (what: string) =>
      Number(await world.amongGuest('gate', ['sh', '-c', `cat /run/${what} 2>/dev/null | wc -l`]));
    await eventually(async () => (await world.mainPid('gate')) > 0, { describe: 'it to run' });
    await eventually(async () => (await lines('startup')) > 2, { describe: 'it to be asked' });
    assert.equal((await lines('liveness')) + (await lines('readiness')), 0);
    assert.match(
      await ready('gate'),
      /^False Starting: its startupProbe has not been good yet: exited with status 1$/,
    );
    await world.amongGuest('gate', ['touch', '/run/started']);
    await world.untilReady('gate');
    await eventually(async () => (await lines('liveness')) > 1, { describe: 'liveness to be asked' });
    const asked = await lines('startup');
    await eventually(async () => (await lines('liveness')) > 3, { describe: 'liveness to be asked again' });
    assert.equal(await lines('startup'), asked);
    assert.equal((await world.get('gate'))?.status.restarts, 0);
  });

  test('that is never good is a failure', async () => {
    await world.drop('never-up', sleeper({ startupProbe: { ...sh('echo no; exit 2'), ...QUICK } }));
    await world.untilEvent(
      'never-up',
      'Failed',
      /^its startupProbe failed 2 times in a row: exited with status 2: no$/,
    );
    await world.until('never-up', 'Ready', 'False', 'BackOff');
  });

  test('that is new to a running guest has been passed', async () => {
    await world.drop('old', sleeper());
    await world.untilReady('old');
    const invocation = await world.invocation('old');
    await world.drop(
      'old',
      sleeper({ startupProbe: { ...sh('exit 1'), ...QUICK }, readinessProbe: { ...sh('true'), ...QUICK } }),
    );
    await world.until('old', 'Ready', 'True', 'Ready');
    await eventually(
      async () =>
        (await world.get('old'))?.status.conditions.some(({ message }) =>
          /readinessProbe is good/.test(message),
        ),
      {
        describe: 'the probe to be asked',
      },
    );
    assert.equal(await world.invocation('old'), invocation);
  });
});

describe('a restart of nspawnd', () => {
  test('leaves nothing in a guest of what it was asking when it was killed', async () => {
    const hangs = { ...sh('echo begun >>/run/begun; exec sleep 4712'), ...QUICK, timeoutSeconds: 600 };
    await world.drop('left', sleeper({ readinessProbe: hangs }));
    const asked = async () => {
      const pid = await world.mainPid('left');
      return pid === 0 ? '' : groupsOfProbes('left');
    };
    const first = await eventually(
      async () => {
        assert.match(await world.sh('pgrep', '-xf', 'sleep 4712'), /^\d+$/);
        assert.notEqual(await asked(), '');
        return world.sh('pgrep', '-xf', 'sleep 4712');
      },
      { timeoutMs: 60_000, describe: 'it to be asked' },
    );
    await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
    await eventually(
      async () => {
        const now = await world.sh('pgrep', '-xf', 'sleep 4712');
        assert.match(now, /^\d+$/, 'one');
        assert.notEqual(now, first);
        return true;
      },
      { timeoutMs: 60_000, describe: 'it to be asked anew, and not beside the old one' },
    );
  });

  test('makes nobody un-Ready and restarts no guest, and the probes go on', async () => {
    const readinessProbe = { ...sh('test ! -e /run/bad'), periodSeconds: 2, failureThreshold: 1 };
    await world.drop('kept', sleeper({ readinessProbe, startupProbe: { ...sh('true'), ...QUICK } }));
    await world.untilReady('kept');
    const invocation = await world.invocation('kept');
    const since = (await world.condition('kept', 'Ready'))?.lastTransitionTime;
    await world.sh('systemctl', 'kill', '-s', 'KILL', 'nspawnd');
    await world.sh('systemctl', 'restart', 'nspawnd');
    await eventually(async () => (await world.get('kept')) !== null, { describe: 'nspawnd to answer' });
    await world.amongGuest('kept', ['touch', '/run/bad']);
    const turned = await world.until('kept', 'Ready', 'False', 'ReadinessProbeFailed');
    assert.ok(since !== undefined && turned.lastTransitionTime > since);
    const events = await world.events('kept');
    assert.equal(
      events.find(({ reason }) => reason === 'Ready')?.count,
      1,
      'it was Ready once, and all the time',
    );
    assert.equal(await world.invocation('kept'), invocation);
    await world.amongGuest('kept', ['rm', '/run/bad']);
    await world.untilReady('kept');
  });
});

describe('a guest whose units fail', () => {
  test('is Ready, and Degraded with their names, until they are mended', async () => {
    await world.drop('sick', guest());
    await world.untilReady('sick');
    assert.equal(await world.condition('sick', 'Degraded'), undefined);
    await world.inGuest('sick', ['sh', '-c', 'systemd-run --quiet --unit=broken --wait false || true']);
    await world.ctl('reconcile', 'sick');
    const degraded = await world.until('sick', 'Degraded', 'True', 'UnitsFailed');
    assert.match(degraded.message, /broken\.service/);
    assert.equal((await world.condition('sick', 'Ready'))?.status, 'True');
    await world.untilEvent('sick', 'Degraded', /broken\.service/);
    assert.match((await world.ctl('describe', 'sick')).stdout, /Degraded.*broken\.service/);
    await world.inGuest('sick', ['systemctl', 'reset-failed']);
    await world.ctl('reconcile', 'sick');
    assert.equal(await world.condition('sick', 'Degraded'), undefined);
    await world.untilEvent('sick', 'Recovered');
  });

  test('is found out without being asked for', async () => {
    const root = '/var/lib/machines/failing';
    await world.host.copyTree('/var/lib/machines/base', root);
    const unit = '[Service]\nType=oneshot\nExecStart=/bin/false\n';
    await world.host.writeFile(`${root}/etc/systemd/system/broken-at-boot.service`, unit);
    await world.sh('mkdir', '-p', `${root}/etc/systemd/system/multi-user.target.wants`);
    await world.sh(
      'ln',
      '-s',
      '../broken-at-boot.service',
      `${root}/etc/systemd/system/multi-user.target.wants/`,
    );
    await world.drop('failing', { root });
    const { message } = await world.until('failing', 'Degraded', 'True', 'UnitsFailed');
    assert.match(message, /broken-at-boot\.service/);
  });
});
