import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ADOPTED_FROM_ANNOTATION } from '../../src/api/adopted.ts';
import type { JsonObject, Manifest } from '../../src/api/manifest.ts';
import type { HostPort } from '../../src/controller/ports.ts';
import type { Desired } from '../../src/planning/desired.ts';
import type { Observed } from '../../src/planning/observed.ts';
import { planText } from '../../src/planning/plan-text.ts';
import { plan } from '../../src/planning/planner.ts';
import { runState } from '../../src/planning/run-state.ts';
import { sandboxDrift, sandboxSpec } from '../../src/planning/sandbox.ts';
import { type HostStep, step } from '../../src/planning/step.ts';
import { eventually } from '../testbed/eventually.ts';
import { manifestOf } from '../unit/planning/base-state.ts';

/**
 * What every HostPort has to do, the model and the real one alike: the controller's tests on the model are worth as much
 * as the model passes what LinuxHost passes.
 *
 * To run it against LinuxHost: in a booted host with nspawnd *stopped* (two controllers would fight), call
 * `hostContract('LinuxHost', make)` where `make` connects a LinuxHost and answers the hooks with systemctl, machinectl and
 * ip, from a process inside that host. Nothing in here knows which host it is talking to: no state is looked at but through
 * the port, nothing is assumed of how long things take but that they end within `TIMEOUT_MS`, and each test has names of
 * its own and removes what it made.
 */
export interface HostUnderTest {
  readonly port: HostPort;
  /** A directory with an OS tree that boots, says READY and powers off cleanly; many guests share it. */
  readonly root: string;
  /** kill -9 of the nspawn, the main process of `container@NAME`. */
  killNspawn(name: string): Promise<void>;
  /** From inside the guest. */
  guestPowersOff(name: string): Promise<void>;
  guestReboots(name: string): Promise<void>;
  systemctlStart(name: string): Promise<void>;
  systemctlStop(name: string): Promise<void>;
  /** ip link del */
  deleteLink(name: string): Promise<void>;
  /** ip netns del */
  deleteNamespace(name: string): Promise<void>;
  /** Both, and our mark goes with them: an nspawnd was killed while it took down what a guest had just been started in. */
  takeDownSandbox(name: string): Promise<void>;
  /** ip address flush of the host's end */
  flushAddresses(name: string): Promise<void>;
  /** machined does not know the running guest any more, or never did: it was killed while that registered. */
  forgetMachine(name: string): Promise<void>;
  /** An interface of that name comes to the host, virtual and up; and it goes. */
  plugIn(interfaceName: string): Promise<void>;
  unplug(interfaceName: string): Promise<void>;
  /** Something runs in this unit, which is not ours. */
  runUnit(unit: string): Promise<void>;
  /** A unit file `container@NAME.service` where nspawnd would write its own; null: none again. */
  putForeignUnit(name: string, text: string | null): Promise<void>;
  end(): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const NETWORK = { privateNetwork: true, hostAddress: '10.231.200.1' } as const;

export function hostContract(title: string, make: () => Promise<HostUnderTest>): void {
  describe(title, () => {
    let host: HostUnderTest;
    const triggered: (string | null)[] = [];
    const abort = new AbortController();
    before(async () => {
      host = await make();
      await host.port.start(name => triggered.push(name), abort.signal);
    });
    after(async () => {
      abort.abort();
      await host.end();
    });

    /** A container of its own for one test; removed afterwards, whatever happened. */
    async function withContainer(
      name: string,
      spec: JsonObject,
      use: (container: Driven) => Promise<void>,
    ): Promise<void> {
      const manifest = manifestOf(name, { root: host.root, volatile: 'overlay', ...spec });
      const container = new Driven(host.port, manifest);
      try {
        await use(container);
      } finally {
        await container.remove();
      }
      assert.ok(!(await host.port.list()).includes(name), `nothing of ${name} is left`);
    }

    test('a name nobody has heard of has nothing', async () => {
      const observed = await host.port.observe('nobody', null);
      assert.equal(runState(observed.unit), 'down');
      assert.equal(observed.unitFile.owner, 'none');
      for (const fact of ['process', 'machine', 'ended', 'request'] as const)
        assert.equal(observed[fact], null);
      assert.equal(observed.sandbox.namespace, 'absent');
      assert.equal(observed.sandbox.hostLink, null);
      assert.equal(planText(plan({ state: 'absent' }, observed, host.port.unitPaths('nobody'))), '');
      assert.ok(!(await host.port.list()).includes('nobody'));
    });

    test('removing what is gone is success', async () => {
      const removals: readonly HostStep[] = [
        step('stop', {}, 'test'),
        step('killMain', {}, 'test'),
        step('resetFailed', {}, 'test'),
        step('terminateMachine', { leader: 1 }, 'test'),
        step('removeSandbox', {}, 'test'),
        step('removeUnit', {}, 'test'),
        step('removeFifo', {}, 'test'),
        step('removeGuestHosts', {}, 'test'),
        step('clearRequest', {}, 'test'),
        step('keepSystems', { closures: [] }, 'test'),
        step('forget', {}, 'test'),
      ];
      for (const removal of removals) await host.port.apply('nobody', removal, abort.signal);
      assert.ok(!(await host.port.list()).includes('nobody'));
    });

    test('a guest that starts is named among those that boot, until it has booted', async () => {
      await withContainer('boots', {}, async container => {
        await container.prepare();
        await container.launch();
        assert.ok((await host.port.booting()).includes('boots'));
        await container.reachReady();
        assert.ok(!(await host.port.booting()).includes('boots'));
      });
    });

    test('whoever looks while a launch is made sees none that came to nothing', async () => {
      await withContainer('contract-looked-at', { restartPolicy: 'Never' }, async container => {
        await container.prepare();
        let isMade = false;
        const launch = container.launch().finally(() => {
          isMade = true;
        });
        while (!isMade) {
          const { ended, history, unit } = await container.observe();
          const cameToNothing = history.launch !== null && ended === null && runState(unit) === 'down';
          assert.ok(!cameToNothing || unit.hasJob);
        }
        await launch;
        await container.reachReady();
      });
    });

    test('a launch without a unit is refused', async () => {
      const launch = step('launch', { specHash: 'v1-0', cause: 'first' }, 'test');
      await assert.rejects(host.port.apply('nobody', launch, abort.signal));
      await host.port.apply('nobody', step('forget', {}, 'test'), abort.signal);
    });

    test('what is left of a container is found by whatever it is', async () => {
      const remains: readonly HostStep[] = [
        step('writeUnit', { text: '[X-Nspawnd]\n' }, 'test'),
        step('createFifo', {}, 'test'),
        step('writeGuestHosts', { root: host.root }, 'test'),
        step('recordStopped', { specHash: 'v1-1' }, 'test'),
      ];
      for (const [index, remaining] of remains.entries()) {
        const name = `contract-remains-${index}`;
        await host.port.apply(name, remaining, abort.signal);
        assert.ok((await host.port.list()).includes(name), remaining.name);
        await new Driven(host.port, manifestOf(name, { root: host.root })).remove();
        assert.ok(!(await host.port.list()).includes(name), `nothing is left after ${remaining.name}`);
      }
    });

    test('looking changes nothing', async () => {
      const whenever = { now: 0, lookedAt: 0 };
      await withContainer('contract-look', NETWORK, async container => {
        await container.prepare();
        const first = await container.observe();
        assert.deepEqual({ ...(await container.observe()), ...whenever }, { ...first, ...whenever });
      });
    });

    test('a launch leads to a guest as it was planned, and then there is nothing to do', async () => {
      await withContainer(
        'contract-launch',
        { ...NETWORK, localAddress: '10.231.200.2' },
        async container => {
          const observed = await container.reachReady();
          const { manifest } = container;
          assert.equal(observed.process?.specHash, manifest.specHash);
          assert.equal(observed.machine?.isLeaderAlive, true);
          assert.equal(observed.machine?.unit, `container@${manifest.name}.service`);
          assert.equal(observed.ended, null);
          assert.ok(observed.history.launch !== null);
          assert.equal(observed.history.seenSpecHash, manifest.specHash);
          assert.equal(observed.sandbox.isJoined, true);
          assert.equal(observed.sandbox.isPrivate, true);
          assert.deepEqual(sandboxDrift(sandboxSpec(manifest, observed.sandbox), observed.sandbox), []);
          assert.ok((await host.port.list()).includes(manifest.name));
          assert.ok(triggered.includes(manifest.name) || triggered.includes(null), 'somebody was told');
          await container.expectNothingToDo();
        },
      );
    });

    test("a guest without a network of its own shares the host's", async () => {
      await withContainer('contract-shared', {}, async container => {
        const { sandbox } = await container.reachReady();
        assert.equal(sandbox.isPrivate, false);
        assert.equal(sandbox.namespace, 'absent');
      });
    });

    test('taking an update leaves one that came in meanwhile', async () => {
      const manifest = manifestOf('contract-update', { path: '/nix/store/none' });
      const update = (mode: 'build' | 'rollback', at: number) => ({
        mode,
        generation: 1,
        at,
        isTaken: false,
      });
      const isTaken = async () => (await host.port.observe(manifest.name, manifest)).nix?.update?.isTaken;
      const take = step('takeUpdate', { at: 1 }, 'test');
      await host.port.putUpdate(manifest.name, update('build', 1));
      await host.port.apply(manifest.name, take, abort.signal);
      assert.equal(await isTaken(), true);
      await host.port.putUpdate(manifest.name, update('rollback', 2));
      await host.port.apply(manifest.name, take, abort.signal);
      assert.equal(await isTaken(), false);
      await host.port.apply(manifest.name, step('forget', {}, 'test'), abort.signal);
    });

    test('every step may be taken twice', async () => {
      const spec = { ...NETWORK, localAddress: '10.231.200.3', readiness: 'fifo' };
      await withContainer('contract-twice', spec, async container => {
        await container.prepare(2);
        await container.expectNothingToPrepare();
      });
    });

    test('a stop leaves the record that it was asked for, and the sandbox', async () => {
      await withContainer('contract-stop', NETWORK, async container => {
        const { unit } = await container.reachReady();
        await container.apply(step('stop', {}, 'test'));
        const down = await container.until(isDown);
        assert.equal(down.ended?.isRequested, true);
        assert.equal(down.ended?.invocationId, unit.invocationId);
        assert.equal(down.ended?.specHash, container.manifest.specHash);
        assert.equal(down.process, null);
        assert.equal(down.sandbox.namespace, 'ours');
        assert.ok(down.sandbox.hostLink !== null && down.sandbox.guestLink !== null);
      });
    });

    test('a stop by hand is the same, and a start by hand is seen', async () => {
      await withContainer('contract-by-hand', NETWORK, async container => {
        await container.reachReady();
        await host.systemctlStop(container.name);
        const down = await container.until(isDown);
        assert.equal(down.ended?.isRequested, true);
        await container.settle();
        await host.systemctlStart(container.name);
        const up = await container.until(({ unit }) => unit.activeState === 'active');
        assert.equal(up.process?.specHash, container.manifest.specHash);
        assert.equal(up.sandbox.isJoined, true);
      });
    });

    test('a stop of a guest that is still starting ends soon', async () => {
      await withContainer('contract-early', {}, async container => {
        await container.prepare();
        await container.launch();
        // A start that is only queued is taken back by a stop, and has never been.
        await container.until(observed => observed.unit.activeState !== 'inactive');
        await container.apply(step('stop', {}, 'test'));
        const down = await container.untilSettled(isDown);
        assert.equal(down.ended?.isRequested, true);
      });
    });

    test('a stop in the moment of the start holds, whether it takes the start back or ends the guest', async () => {
      await withContainer('contract-at-once', {}, async container => {
        await container.prepare();
        await container.launch();
        await container.apply(step('stop', {}, 'test'));
        const down = await container.untilSettled(observed => isDown(observed) && observed.ended !== null);
        assert.equal(down.ended?.isRequested, true);
      });
    });

    test('a stop right after a guest counts as started ends soon too', async () => {
      await withContainer('contract-early-started', { readiness: 'started' }, async container => {
        await container.prepare();
        await container.launch();
        await container.until(observed => observed.unit.activeState === 'active');
        await container.apply(step('stop', {}, 'test'));
        const down = await container.untilSettled(isDown);
        assert.equal(down.ended?.isRequested, true);
        assert.equal(down.ended?.result, 'success');
      });
    });

    test('a guest that is killed after a stop was asked for is down at once, and it counts as asked for', async () => {
      await withContainer('contract-terminate', NETWORK, async container => {
        const { unit } = await container.reachReady();
        await host.port.putRequest(container.name, 'terminate', 'test');
        const asked = (await container.observe()).request;
        assert.deepEqual([asked?.verb, asked?.isForced], ['stop', true]);
        await container.apply(step('stop', {}, 'test'));
        await container.apply(step('killMain', {}, 'test'));
        const { ended, sandbox } = await container.until(isDown);
        assert.deepEqual([ended?.isRequested, ended?.result, ended?.exitCode], [true, 'signal', 'killed']);
        assert.equal(ended?.invocationId, unit.invocationId);
        assert.equal(sandbox.namespace, 'ours');
        await host.port.apply(container.name, step('clearRequest', {}, 'test'), abort.signal);
      });
    });

    test('a poweroff from inside is a clean end that nobody asked for', async () => {
      await withContainer('contract-poweroff', {}, async container => {
        await container.reachReady();
        await host.guestPowersOff(container.name);
        const { ended, unit } = await container.until(isDown);
        assert.deepEqual([ended?.isRequested, ended?.result, ended?.exitStatus], [false, 'success', '0']);
        assert.equal(unit.activeState, 'inactive');
      });
    });

    test('a reboot from inside ends with 133', async () => {
      await withContainer('contract-reboot', {}, async container => {
        await container.reachReady();
        await host.guestReboots(container.name);
        const { ended } = await container.until(isDown);
        assert.deepEqual([ended?.isRequested, ended?.exitCode, ended?.exitStatus], [false, 'exited', '133']);
      });
    });

    test('a killed nspawn leaves its record, and the sandbox stands; its end can be counted', async () => {
      await withContainer('contract-kill', NETWORK, async container => {
        const { unit } = await container.reachReady();
        await host.killNspawn(container.name);
        const { ended, sandbox } = await container.until(isDown);
        assert.deepEqual([ended?.isRequested, ended?.result, ended?.exitCode], [false, 'signal', 'killed']);
        assert.equal(ended?.invocationId, unit.invocationId);
        assert.ok(sandbox.hostLink !== null && sandbox.namespace === 'ours');
        const counted = await container.untilPlanned(({ history }) => history.failures === 1);
        assert.equal(counted.history.countedInvocationId, unit.invocationId);
        assert.ok((counted.history.nextRetryAt ?? 0) > 0);
      });
    });

    test('a deleted link, namespace name or address comes back under the running guest', async () => {
      await withContainer('contract-mend', { ...NETWORK, localAddress: '10.231.200.4' }, async container => {
        const { unit } = await container.reachReady();
        for (const damage of [
          host.deleteLink,
          host.deleteNamespace,
          host.takeDownSandbox,
          host.flushAddresses,
        ]) {
          await damage.call(host, container.name);
          await container.until(
            ({ sandbox }) => sandboxDrift(sandboxSpec(container.manifest, sandbox), sandbox).length > 0,
          );
          const mended = await container.settle();
          assert.deepEqual(sandboxDrift(sandboxSpec(container.manifest, mended.sandbox), mended.sandbox), []);
          assert.equal(mended.sandbox.isJoined, true);
          assert.equal(mended.unit.invocationId, unit.invocationId);
        }
      });
    });

    test('a running guest that machined does not know is seen, and registered, as itself', async () => {
      await withContainer(
        'contract-unknown',
        { ...NETWORK, localAddress: '10.231.200.9' },
        async container => {
          const { machine, unit } = await container.reachReady();
          await host.forgetMachine(container.name);
          const unknown = await container.observe();
          assert.equal(unknown.machine?.isRegistered, false);
          assert.equal(unknown.machine.leader, machine?.leader);
          assert.deepEqual([unknown.sandbox.isJoined, unknown.machinedFault], [true, null]);
          await container.apply(step('registerMachine', {}, 'test'));
          await container.expectNothingToDo();
          const known = await container.observe();
          assert.deepEqual(known.machine, machine);
          assert.equal(known.unit.invocationId, unit.invocationId);
        },
      );
    });

    test('an address that is edited moves, and the old one leaves the guest', async () => {
      await withContainer('contract-move', { ...NETWORK, localAddress: '10.231.200.5' }, async container => {
        await container.reachReady();
        const moved = container.edited({ localAddress: '10.231.200.6' });
        const { sandbox } = await moved.settle();
        assert.ok(sandbox.guestLink !== 'unreadable');
        assert.deepEqual(sandbox.guestLink?.addresses, ['10.231.200.6/32']);
        assert.deepEqual(sandbox.guard, ['10.231.200.6']);
        await moved.expectNothingToDo();
      });
    });

    test('a glance at a running container is the same while nothing happens, and another one after anything that nobody announces', async () => {
      await withContainer('contract-glance', NETWORK, async container => {
        await container.reachReady();
        const look = async () => (await host.port.glance([container.name])).get(container.name);
        const before = await look();
        assert.ok(before !== undefined, 'what runs can be seen at a glance');
        assert.equal(await look(), before);
        const seen = new Set([before]);
        const assertAnother = async (what: string) => {
          const now = await look();
          assert.ok(now !== undefined && !seen.has(now), what);
          seen.add(now);
        };
        await host.port.putRequest(container.name, 'restart', 'test');
        await assertAnother('a request was put');
        await host.port.apply(
          container.name,
          step('noteSpec', { specHash: 'v1-0000000000000000' }, 'test'),
          abort.signal,
        );
        await assertAnother('its history was written');
        await host.killNspawn(container.name);
        await container.until(({ unit }) => unit.mainPid === 0);
        const ended = await look();
        assert.ok(ended === undefined || !seen.has(ended), 'it ended');
      });
    });

    test('what a guest writes to its FIFO is known, with the run that wrote it', async () => {
      const spec = {
        readiness: 'fifo',
        command: ['/bin/sh', '-c', 'echo up > /var/lib/startup-done; exec sleep inf'],
      };
      await withContainer('contract-fifo', spec, async container => {
        const { fifo, unit } = await container.reachReady();
        assert.equal(fifo.startedInvocationId, unit.invocationId);
      });
    });

    test('what a guest answers is known with the run that it is of, and asked only where it was said to', async () => {
      const readinessProbe = { exec: { command: ['/bin/true'] }, periodSeconds: 1 };
      const spec = { command: ['/bin/sleep', 'inf'], readinessProbe };
      await withContainer('contract-probes', spec, async container => {
        await container.prepare();
        assert.equal((await container.observe()).probes.asked, '');
        const { probes, unit } = await container.reachReady();
        assert.equal(probes.invocationId, unit.invocationId);
        assert.deepEqual([probes.startup.state, probes.readiness.state], ['success', 'success']);
        assert.notEqual(probes.asked, '');
        await container.expectNothingToDo();

        const { readinessProbe: _probe, ...rest } = container.manifest.written;
        const plain = new Driven(host.port, manifestOf(container.name, rest));
        const { probes: unasked } = await plain.settle();
        assert.deepEqual([unasked.asked, unasked.readiness.state], ['', 'success'], 'what was found stands');
        await host.killNspawn(container.name);
        const { probes: gone } = await container.until(isDown);
        assert.deepEqual([gone.invocationId, gone.asked], ['', '']);
      });
    });

    test('macvlans and interfaces of the host are in the sandbox, and the host has its own back when the guest ends', async () => {
      const spec = { macvlans: ['contract-a'], interfaces: ['contract-b'] };
      await withContainer('contract-devices', spec, async container => {
        const stateOf = ({ sandbox }: Observed, name: string) =>
          sandbox.hostInterfaces.find(found => found.name === name)?.state;
        try {
          const before = await container.observe();
          assert.deepEqual(
            [stateOf(before, 'contract-a'), stateOf(before, 'contract-b')],
            ['missing', 'missing'],
          );
          await host.plugIn('contract-a');
          await host.plugIn('contract-b');
          await container.until(observed => stateOf(observed, 'contract-b') === 'present');
          const up = await container.reachReady();
          assert.deepEqual(up.sandbox.macvlans, ['contract-a']);
          assert.deepEqual(up.sandbox.lent, [{ name: 'contract-b', place: 'sandbox' }]);
          assert.deepEqual([stateOf(up, 'contract-a'), stateOf(up, 'contract-b')], ['present', 'missing']);
          assert.deepEqual([up.sandbox.isJoined, up.sandbox.isPrivate], [true, true]);
          assert.equal(up.sandbox.hostLink, null, 'no pair that nobody asked for');
          await container.expectNothingToDo();

          await host.guestPowersOff(container.name);
          const down = await container.untilSettled(
            observed => isDown(observed) && observed.sandbox.lent.length === 0,
          );
          assert.equal(stateOf(down, 'contract-b'), 'present');
          await container.apply(step('removeSandbox', {}, 'test'));
          await container.apply(step('removeSandbox', {}, 'test'));
          assert.equal(stateOf(await container.observe(), 'contract-b'), 'present');
        } finally {
          await container.remove();
          await host.unplug('contract-a');
          await host.unplug('contract-b');
        }
      });
    });

    test('the unit in which a container ran before is seen where the manifest names it, and stopped', async () => {
      const manifest = manifestOf('contract-former', { root: host.root });
      const unit = 'systemd-nspawn@contract-former.service';
      const adopting = { ...manifest, annotations: { [ADOPTED_FROM_ANNOTATION]: unit } };
      await host.runUnit(unit);
      const look = () => host.port.observe(manifest.name, adopting);
      assert.deepEqual((await look()).former, { unit, activeState: 'active' });
      assert.equal((await host.port.observe(manifest.name, manifest)).former, null);
      await host.port.apply(manifest.name, step('stopFormer', { unit }, 'test'), abort.signal);
      await eventually(async () => (await look()).former?.activeState === 'inactive', {
        timeoutMs: TIMEOUT_MS,
        describe: 'the former unit to stop',
      });
    });

    test("somebody else's unit is neither overwritten nor removed", async () => {
      const text = '[Service]\nExecStart=/bin/true\n';
      try {
        await host.putForeignUnit('contract-foreign', text);
        const write = step('writeUnit', { text: '[X-Nspawnd]\n' }, 'test');
        await host.port.apply('contract-foreign', write, abort.signal).catch(() => undefined);
        await host.port
          .apply('contract-foreign', step('removeUnit', {}, 'test'), abort.signal)
          .catch(() => undefined);
        const { unitFile } = await host.port.observe('contract-foreign', null);
        assert.deepEqual([unitFile.owner, unitFile.text], ['foreign', text]);
        assert.ok(!(await host.port.list()).includes('contract-foreign'), 'it is not ours');
      } finally {
        await host.putForeignUnit('contract-foreign', null);
      }
    });

    test('a request, a mark and a memory are on disk until they are taken off', async () => {
      await withContainer('contract-records', {}, async container => {
        await host.port.putRequest(container.name, 'restart', 'test');
        assert.equal((await container.observe()).request?.verb, 'restart');
        await container.apply(step('clearRequest', {}, 'test'));
        assert.equal((await container.observe()).request, null);
        await container.apply(step('markRestart', { invocationId: 'run-1', cause: 'edited' }, 'test'));
        assert.deepEqual((await container.observe()).request?.invocationId, 'run-1');
        await host.port.saveMemory(container.name, '{"a":1}');
        assert.equal(await host.port.loadMemory(container.name), '{"a":1}');
        assert.equal((await container.observe()).hasMemory, true);
        assert.ok((await host.port.remembered()).includes(container.name), 'what was told is remembered');
        assert.ok((await host.port.list()).includes(container.name), 'what has records is listed');
        await container.apply(step('recordStopped', { specHash: 'v1-1' }, 'test'));
        const { ended, history } = await container.observe();
        assert.deepEqual([ended?.isRequested, ended?.specHash, history.seenSpecHash], [true, 'v1-1', 'v1-1']);
        const { invocationId = '' } = ended ?? {};
        const failure = { invocationId, failures: 1, nextRetryAt: 5000, cause: 'too late' };
        await container.apply(step('recordFailure', failure, 'test'));
        assert.equal(
          (await container.observe()).history.failures,
          0,
          'it was stopped before it was given up',
        );
        await container.apply(step('forget', {}, 'test'));
        assert.equal(await host.port.loadMemory(container.name), null);
        assert.ok(!(await host.port.remembered()).includes(container.name), 'and forgotten');
      });
    });

    test('a suspension is there until it ends', async () => {
      await withContainer('contract-suspended', {}, async container => {
        assert.equal((await container.observe()).suspension, null);
        const suspension = { since: 1000, until: 5000 };
        await host.port.putSuspension(container.name, suspension);
        assert.deepEqual((await container.observe()).suspension, suspension);
        for (let time = 0; time < 2; time++) await container.apply(step('endSuspension', {}, 'test'));
        assert.equal((await container.observe()).suspension, null);
        await host.port.putSuspension(container.name, { since: 1000, until: null });
        await host.port.putSuspension(container.name, null);
        assert.equal((await container.observe()).suspension, null);
      });
    });

    test('failures are counted, noted and forgotten', async () => {
      await withContainer('contract-history', {}, async container => {
        const failure = { invocationId: 'run-1', failures: 2, nextRetryAt: 5000, cause: 'it exited' };
        await container.apply(step('recordFailure', failure, 'test'));
        await container.apply(step('noteSpec', { specHash: 'v1-2' }, 'test'));
        const { history } = await container.observe();
        assert.deepEqual(
          [history.failures, history.nextRetryAt, history.countedInvocationId, history.seenSpecHash],
          [2, 5000, 'run-1', 'v1-2'],
        );
        for (let time = 0; time < 2; time++)
          await container.apply(step('takeBackFailure', { invocationId: 'run-1' }, 'test'));
        const taken = (await container.observe()).history;
        assert.deepEqual([taken.failures, taken.nextRetryAt, taken.countedInvocationId], [1, null, '']);
        await container.apply(step('resetHistory', {}, 'test'));
        const reset = (await container.observe()).history;
        assert.deepEqual([reset.failures, reset.nextRetryAt, reset.seenSpecHash], [0, null, 'v1-2']);
      });
    });

    test('the hosts files say what they are told, and nothing more', async () => {
      await withContainer('contract-names', NETWORK, async container => {
        await container.prepare();
        const hosts = [{ address: '10.231.200.9', names: ['contract-names.containers'] }];
        const block = '10.231.200.9 contract-names.containers\n';
        for (let time = 0; time < 2; time++) {
          await host.port.applyHost(step('updateHostsFile', { hosts }, 'test'), abort.signal);
          await host.port.applyHost(step('updateGuestHosts', { hosts }, 'test'), abort.signal);
        }
        const observed = await host.port.observeHost({ hosts });
        assert.equal(observed.hostsBlock, block);
        assert.equal(observed.guestBlocks[container.name], block);
        await host.port.applyHost(step('updateHostsFile', { hosts: [] }, 'test'), abort.signal);
        assert.equal((await host.port.observeHost({ hosts: [] })).hostsBlock ?? '', '');
      });
    });
  });
}

/** One container, brought along by the real planner, step by step. */
class Driven {
  readonly manifest: Manifest;
  readonly name: string;
  readonly #port: HostPort;
  readonly #signal = new AbortController().signal;

  constructor(port: HostPort, manifest: Manifest) {
    this.#port = port;
    this.manifest = manifest;
    this.name = manifest.name;
  }

  edited(changes: JsonObject): Driven {
    return new Driven(this.#port, manifestOf(this.name, { ...this.manifest.written, ...changes }));
  }

  observe(): Promise<Observed> {
    return this.#port.observe(this.name, this.manifest);
  }

  apply(toApply: HostStep): Promise<void> {
    return this.#port.apply(this.name, toApply, this.#signal);
  }

  async launch(): Promise<void> {
    await this.apply(step('launch', { specHash: this.manifest.specHash, cause: 'first' }, 'test'));
  }

  /** Everything a launch needs, each step so many times, but not the launch. */
  async prepare(times = 1): Promise<void> {
    const { steps } = this.#plan(await this.observe());
    for (const planned of steps) {
      if (planned.name === 'launch') return;
      for (let time = 0; time < times; time++) await this.apply(planned);
    }
  }

  async expectNothingToPrepare(): Promise<void> {
    const { steps } = this.#plan(await this.observe());
    assert.deepEqual(
      steps.map(planned => planned.name),
      ['launch'],
    );
  }

  async expectNothingToDo(): Promise<void> {
    assert.equal(planText(this.#plan(await this.observe())), '');
  }

  async reachReady(): Promise<Observed> {
    return this.untilPlanned((observed, isAtRest) => isAtRest && observed.unit.activeState === 'active');
  }

  /** Does what is planned until nothing is. */
  settle(): Promise<Observed> {
    return this.untilPlanned((_observed, isAtRest) => isAtRest);
  }

  /** Only looks. */
  until(isMet: (observed: Observed) => boolean): Promise<Observed> {
    return this.#poll(async () => {
      const observed = await this.observe();
      return isMet(observed) ? observed : null;
    });
  }

  /** Does what is planned, except a launch, until it is met. */
  untilSettled(isMet: (observed: Observed) => boolean): Promise<Observed> {
    return this.#poll(async () => {
      const observed = await this.observe();
      if (isMet(observed)) return observed;
      for (const planned of this.#plan(observed).steps)
        if (planned.name !== 'launch') await this.apply(planned);
      return null;
    });
  }

  /** Does what is planned until it is met. */
  untilPlanned(isMet: (observed: Observed, isAtRest: boolean) => boolean): Promise<Observed> {
    return this.#poll(async () => {
      const observed = await this.observe();
      const { steps, waitingFor, stalled } = this.#plan(observed);
      assert.equal(stalled, null);
      if (isMet(observed, steps.length === 0 && (waitingFor === null || waitingFor.reason === 'Settling')))
        return observed;
      for (const planned of steps) await this.apply(planned);
      return null;
    });
  }

  /** As when its manifest is gone. */
  async remove(): Promise<void> {
    await this.#poll(async () => {
      const observed = await this.#port.observe(this.name, null);
      const { steps, waitingFor } = this.#plan(observed, { state: 'absent' });
      for (const planned of steps) await this.apply(planned);
      return steps.length === 0 && waitingFor === null ? observed : null;
    });
  }

  /** Where nobody keeps a history of specs, all that is planned is the host's to do. */
  #plan(observed: Observed, desired: Desired = presentOf(this.manifest)) {
    const planned = plan(desired, observed, this.#port.unitPaths(this.name));
    return { ...planned, steps: planned.steps as readonly HostStep[] };
  }

  #poll(look: () => Promise<Observed | null>): Promise<Observed> {
    return eventually(look, { timeoutMs: TIMEOUT_MS, everyMs: 20, describe: this.name });
  }
}

function presentOf(manifest: Manifest): Desired {
  return { state: 'present', manifest, generation: 1, createdAt: '', problems: [] };
}

function isDown({ unit, machine }: Observed): boolean {
  return runState(unit) === 'down' && (machine === null || !machine.isLeaderAlive);
}
