import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import type { ExecResult } from '../testbed/host.ts';
import { setOptions } from '../testbed/options.ts';
import { guest, sleeper, suite, useWorld } from './world.ts';

/** Debian's own kubectl, which knows nothing of us, against a daemon that listens for it. */
const KUBECONFIG = '/run/nspawnd/kubeconfig';

const world = useWorld({ with: 'kubectl' }, ({ host }) => setOptions(host, ['--listen', '127.0.0.1:6443']));

function kubectl(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<ExecResult> {
  return world.host.exec(['kubectl', ...args], { reject: false, input, env: { KUBECONFIG, ...env } });
}

/** Standard output; fails with what it said when it fails. */
async function does(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout, stderr, exitCode } = await kubectl(args, input, env);
  assert.equal(exitCode, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function manifest(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  labels: Readonly<Record<string, string>> = {},
): string {
  return JSON.stringify({
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name, labels },
    spec,
  });
}

/** What the manifest says on disk. */
async function onDisk(name: string): Promise<string> {
  return world.sh('cat', `/etc/nspawnd/manifests/created/${name}.yaml`);
}

describe(`kubectl of Debian ${suite}`, () => {
  test('finds out by itself what there is', async () => {
    const resources = await does(['api-resources']);
    assert.match(resources, /^containers +ct +nspawnd\.io\/v1alpha1 +false +Container$/m);
    assert.match(resources, /^events +ev +v1 +true +Event$/m);
    assert.match(await does(['version', '--output=json']), /"serverVersion"/);
    assert.match(await does(['explain', 'container.spec.restartPolicy']), /OnFailure/);
    assert.match(await does(['explain', 'container.spec.environment']), /map\[string\]string/);
    assert.match(await does(['explain', 'container', '--recursive']), /localAddress6/);
  });

  test('applies, waits, gets, describes and deletes; behind it stands a file', async () => {
    const text = manifest('web', guest(), { tier: 'front' });
    assert.match(await does(['apply', '-f', '-'], text), /container\.nspawnd\.io\/web created/);
    assert.match(await onDisk('web'), /^kind: Container$/m);
    assert.match(
      await does(['wait', '--for=condition=Ready', 'container/web', '--timeout=90s']),
      /condition met/,
    );
    assert.match(await world.sh('machinectl', 'list'), /^web /m);

    const table = (await does(['get', 'containers'])).split('\n');
    assert.match(table[0] ?? '', /^NAME +READY +STATUS +RESTARTS +AGE +ADDRESS$/);
    assert.match(table[1] ?? '', /^web +True +Running +0 /);
    assert.match(await does(['get', 'ct', 'web', '-o', 'wide']), /created\/web\.yaml:\d+/);
    assert.equal(await does(['get', 'ct', '-l', 'tier=front', '-o', 'name']), 'container.nspawnd.io/web');
    assert.equal(await does(['get', 'ct', '-l', 'tier!=front', '-o', 'name']), '');
    assert.equal(await does(['get', 'ct', 'web', '-o', 'jsonpath={.status.phase}']), 'Running');
    assert.match(await does(['get', 'ct', '--field-selector', 'status.phase=Running']), /^web /m);

    const description = await does(['describe', 'container', 'web']);
    assert.match(description, /Phase: +Running/);
    assert.match(description, /Normal +Ready +.*nspawnd/);
    assert.match(await does(['events', '--for', 'container/web']), /Container\/web/);
    assert.match(await does(['get', 'events']), /container\/web/);

    assert.match(await does(['apply', '-f', '-'], text), /unchanged/);
    assert.match(await does(['delete', 'container', 'web']), /deleted/);
    assert.equal(await world.exits('machinectl', 'show', 'web'), 1);
    assert.equal(await world.exits('test', '-e', '/etc/nspawnd/manifests/created/web.yaml'), 1);
    assert.equal(await world.exits('test', '-d', '/var/lib/machines/base'), 0, 'a root is data');
  });

  test('shows a difference before it is applied, changes, labels and annotates; the guest runs on', async () => {
    await does(['apply', '-f', '-'], manifest('web', sleeper()));
    await does(['wait', '--for=condition=Ready', 'ct/web', '--timeout=60s']);
    const run = await world.invocation('web');
    const changed = manifest('web', sleeper({ timeoutStopSec: 7 }));
    const difference = await kubectl(['diff', '-f', '-'], changed);
    assert.equal(difference.exitCode, 1);
    assert.match(difference.stdout, /^\+ +timeoutStopSec: 7$/m);
    assert.doesNotMatch(await onDisk('web'), /timeoutStopSec/);
    assert.match(await does(['apply', '-f', '-'], changed), /configured/);
    assert.match(await onDisk('web'), /timeoutStopSec: 7/);
    await does(['patch', 'ct', 'web', '--type=merge', '-p', '{"spec":{"timeoutStopSec":8}}']);
    await does([
      'patch',
      'ct',
      'web',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/timeoutStopSec","value":9}]',
    ]);
    assert.match(await does(['label', 'ct', 'web', 'tier=front']), /labeled/);
    assert.match(await does(['annotate', 'ct', 'web', 'owner=me']), /annotated/);
    await does(['edit', 'ct', 'web'], '', { EDITOR: 'sed -i s/timeoutStopSec:.*/timeoutStopSec:\\ 10/' });
    const text = await onDisk('web');
    assert.match(text, /timeoutStopSec: 10/);
    assert.match(text, /tier: front/);
    assert.match(text, /owner: me/);
    assert.equal(await does(['get', 'ct', 'web', '-o', 'jsonpath={.metadata.labels.tier}']), 'front');
    assert.match(
      await does(['apply', '--server-side', '--force-conflicts', '-f', '-'], changed),
      /serverside-applied/,
    );
    assert.equal(await world.invocation('web'), run);
    await does(['delete', 'ct', 'web']);
  });

  test('sees every change in a watch', async () => {
    const watch = world.host.exec(
      ['kubectl', 'get', 'containers', '-w', '--request-timeout=20s', '-o', 'name'],
      { reject: false, env: { KUBECONFIG }, timeoutMs: 90_000 },
    );
    await world.drop('seen', sleeper());
    await world.untilReady('seen');
    await world.remove('seen');
    const waited = await kubectl(['wait', '--for=delete', 'ct/seen', '--timeout=60s']);
    assert.equal(waited.exitCode, 0, waited.stderr);
    const told = (await watch).stdout.split('\n').filter(line => line === 'container.nspawnd.io/seen');
    assert.ok(told.length > 2, 'one line for each change');
  });

  test('is told everything that is wrong, and nothing is written', async () => {
    const { exitCode, stderr } = await kubectl(
      ['apply', '-f', '-'],
      manifest('web', { rooot: '/x', localAddress: '10.1' }),
    );
    assert.equal(exitCode, 1);
    assert.match(stderr, /rooot/);
    assert.match(stderr, /not an IPv4 address: "10\.1"/);
    assert.equal(await world.exits('test', '-e', '/etc/nspawnd/manifests/created/web.yaml'), 1);
  });

  test('changes what a person wrote where it stands, unless it is a checkout', async () => {
    await world.host.writeManifest('mine.yaml', `# mine\n${manifest('mine', sleeper())}\n`);
    await world.untilReady('mine');
    await does(['label', 'ct', 'mine', 'a=b']);
    const text = await world.sh('cat', '/etc/nspawnd/manifests/mine.yaml');
    assert.match(text, /^# mine$/m);
    assert.match(text, /"?a"?: "?b"?/);
    await world.sh('git', 'init', '-q', '/etc/nspawnd/manifests');
    try {
      for (const verb of [
        ['label', 'ct', 'mine', 'c=d'],
        ['delete', 'ct', 'mine'],
      ]) {
        const refused = await kubectl(verb);
        assert.equal(refused.exitCode, 1);
        assert.match(refused.stderr, /mine\.yaml belongs to the git checkout \/etc\/nspawnd\/manifests/);
      }
    } finally {
      await world.sh('rm', '-rf', '/etc/nspawnd/manifests/.git');
    }
    assert.equal(await world.sh('cat', '/etc/nspawnd/manifests/mine.yaml'), text);
  });

  test('is let in by the token alone', async () => {
    assert.equal(await world.sh('stat', '-c', '%a %U', KUBECONFIG), '600 root');
    assert.equal((await kubectl(['get', 'ct', '--token=wrong'])).exitCode, 1);
    const ask = ['curl', '-sk', '-o', '/dev/null', '-w', '%{http_code}'];
    assert.equal(await world.sh(...ask, 'https://127.0.0.1:6443/apis/nspawnd.io/v1alpha1/containers'), '401');
    assert.match(await world.sh('ss', '-Hltn', 'sport', '=', '6443'), /127\.0\.0\.1:6443/);
  });
});

describe('metrics', () => {
  test("are read by Prometheus' own reader without complaint", async () => {
    await world.drop('web', sleeper());
    await world.untilReady('web');
    const scrape = () =>
      world.sh('curl', '-s', '--unix-socket', '/run/nspawnd/read.sock', 'http://nspawnd/metrics');
    await eventually(async () => /^nspawnd_container_ready\{name="web"\} 1$/m.test(await scrape()), {
      timeoutMs: 10_000,
      describe: 'the container in the metrics',
    });
    const text = await scrape();
    const checked = await world.host.exec(['promtool', 'check', 'metrics'], {
      reject: false,
      input: `${text}\n`,
    });
    assert.deepEqual([checked.exitCode, checked.stdout, checked.stderr], [0, '', '']);
    await world.host.writeFile(
      '/root/alerts.yaml',
      readFileSync(new URL('../../deploy/alerts.yaml', import.meta.url), 'utf8'),
    );
    assert.equal(await world.exits('promtool', 'check', 'rules', '/root/alerts.yaml'), 0);
    for (const name of [
      'workqueue_depth',
      'workqueue_adds_total',
      'controller_runtime_reconcile_total',
      'controller_runtime_reconcile_time_seconds_bucket',
      'process_resident_memory_bytes',
    ])
      assert.match(text, new RegExp(`^${name}(\\{| )`, 'm'), name);
  });
});
