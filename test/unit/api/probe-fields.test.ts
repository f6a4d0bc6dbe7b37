import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judgeManifest } from '../../../src/api/manifest-issue.ts';
import { parseText } from '../../../src/manifests/parse.ts';

const SHARED = { root: '/srv/web' };
const PRIVATE = { ...SHARED, privateNetwork: true, localAddress: '10.231.136.2' };

function judge(spec: Readonly<Record<string, unknown>>) {
  return judgeManifest({
    apiVersion: 'nspawnd.io/v1alpha1',
    kind: 'Container',
    metadata: { name: 'web' },
    spec,
  });
}

/** The objections to a readinessProbe (or another), without the path to it. */
function check(probe: unknown, expected: readonly string[], name = 'readinessProbe', spec: object = SHARED) {
  const { issues } = judge({ ...spec, [name]: probe });
  const shown = issues.map(
    ({ path, message }) =>
      `${path
        .slice(1)
        .map(String)
        .join('.')
        .replace(/^\w+Probe\.?/, '')}: ${message}`,
  );
  assert.deepEqual(shown, expected);
}

suite('probes', () => {
  test("have Kubernetes' defaults", () => {
    const { fields } = judge({
      ...SHARED,
      startupProbe: { exec: { command: ['/bin/true'] } },
      readinessProbe: { httpGet: { port: 80 } },
      livenessProbe: { unit: { name: 'nginx' }, timeoutSeconds: 5 },
    });
    const { startupProbe, readinessProbe, livenessProbe } = fields?.spec ?? {};
    assert.deepEqual(startupProbe, {
      exec: { command: ['/bin/true'] },
      initialDelaySeconds: 0,
      periodSeconds: 10,
      timeoutSeconds: 3,
      successThreshold: 1,
      failureThreshold: 3,
    });
    assert.deepEqual(readinessProbe?.httpGet, { path: '/', port: 80, scheme: 'HTTP', httpHeaders: [] });
    assert.equal(readinessProbe?.timeoutSeconds, 1);
    assert.deepEqual(livenessProbe?.unit, { name: 'nginx.service' });
    assert.equal(livenessProbe?.timeoutSeconds, 5);
  });

  test('ask in exactly one way', () => {
    check({}, [': needs exactly one of exec, tcpSocket, httpGet, unit']);
    check({ periodSeconds: 3 }, [': needs exactly one of exec, tcpSocket, httpGet, unit']);
    check({ exec: { command: ['/x'] }, tcpSocket: { port: 1 } }, [
      'tcpSocket: needs exactly one of exec, tcpSocket, httpGet, unit; exec is there',
    ]);
  });

  test('take whole numbers within bounds', () => {
    const unit = { name: 'x.service' };
    check({ unit, periodSeconds: 0 }, ['periodSeconds: must be a whole number from 1 to 86400; found 0']);
    check({ unit, timeoutSeconds: 1.5 }, [
      'timeoutSeconds: must be a whole number from 1 to 86400; found 1.5',
    ]);
    check({ unit, failureThreshold: '3' }, ['failureThreshold: expected a number, found "3"']);
    check({ tcpSocket: { port: 70_000 } }, [
      'tcpSocket.port: must be a whole number from 1 to 65535; found 70000',
    ]);
    check({ unit, successThreshold: 2 }, []);
    for (const name of ['startupProbe', 'livenessProbe'])
      check(
        { unit, successThreshold: 2 },
        ['successThreshold: must be 1 (one success is enough for this probe); found 2'],
        name,
      );
  });

  test('need to know where to connect to', () => {
    const tcpSocket = { port: 80 };
    const wanted =
      'tcpSocket: needs a host to connect to, or privateNetwork: true with a localAddress or localAddress6';
    check({ tcpSocket }, []);
    check({ tcpSocket }, [], 'readinessProbe', PRIVATE);
    check({ tcpSocket }, [wanted], 'readinessProbe', { ...SHARED, privateNetwork: true });
    check({ tcpSocket }, [wanted], 'livenessProbe', { ...SHARED, macvlans: ['eth1'] });
    check({ tcpSocket: { ...tcpSocket, host: '10.0.0.9' } }, [], 'readinessProbe', {
      ...SHARED,
      privateNetwork: true,
    });
    check({ tcpSocket: { ...tcpSocket, host: 'example.org' } }, [
      'tcpSocket.host: not an IP address: "example.org"',
    ]);
  });

  test('put nothing into a request or on a command line that is not what it looks like', () => {
    check({ httpGet: { port: 80, path: '/a\r\nX: y' } }, [
      'httpGet.path: not a path that begins with "/" and is printable: "/a\\r\\nX: y"',
    ]);
    check({ httpGet: { port: 80, httpHeaders: [{ name: 'X:', value: 'a\nb' }] } }, [
      'httpGet.httpHeaders.0.name: not the name of a header: "X:"',
      'httpGet.httpHeaders.0.value: must be printable ASCII',
    ]);
    check({ unit: { name: '--host=evil' } }, ['unit.name: not the name of a unit: "--host=evil"']);
    check({ exec: { command: [] } }, ['exec.command: must name a program']);
  });

  test('of a guest without systemd ask no unit', () => {
    check(
      { unit: { name: 'x.service' } },
      ['unit: needs a guest that runs systemd; with command use exec, tcpSocket or httpGet'],
      'livenessProbe',
      { ...SHARED, command: ['/bin/sleep', '9'] },
    );
  });

  test('are meant by the words that others use', () => {
    const problems = (spec: string) =>
      parseText({
        file: '/x.yaml',
        text: `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: {name: web}\nspec: {root: /srv/web, ${spec}}\n`,
      }).flatMap(document => document.problems.map(({ field, message }) => `${field}: ${message}`));
    const meant = (spec: string) =>
      problems(spec).find(problem => problem.includes('unknown field')) ?? problems(spec).join();
    assert.equal(
      meant('readinessProbe: {tcp: {port: 80}}'),
      'spec.readinessProbe.tcp: unknown field; did you mean "tcpSocket"?',
    );
    assert.equal(
      meant('livenessProbe: {http: {port: 80}}'),
      'spec.livenessProbe.http: unknown field; did you mean "httpGet"?',
    );
    assert.equal(
      meant('startupProbe: {unit: {name: a}, period: 3}'),
      'spec.startupProbe.period: unknown field; did you mean "periodSeconds"?',
    );
    assert.equal(
      meant('startupProbe: {httpGet: {prot: 80}}'),
      'spec.startupProbe.httpGet.prot: unknown field; did you mean "port"?',
    );
  });
});
