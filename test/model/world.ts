import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { Controller } from '../../src/controller/controller.ts';
import { launchHash } from '../../src/planning/change.ts';
import { plan } from '../../src/planning/planner.ts';
import { hostsBlock, hostsEntries } from '../../src/planning/render/hosts-block.ts';
import { isReady } from '../../src/planning/run-state.ts';
import { sandboxDrift, sandboxSpec } from '../../src/planning/sandbox.ts';
import { environmentOf, ModelHost } from './model-host.ts';
import { ModelManifests } from './model-manifests.ts';
import { ModelPort } from './model-port.ts';
import { printHost } from './print.ts';

/** So long that no test sees one that it does not ask for. */
export const RELIST_MS = 1_000_000_000;

const SILENT = pino({ level: 'silent' });

/** A host, a manifests directory, and the real controller between them. */
export class World {
  readonly host = new ModelHost();
  readonly manifests = new ModelManifests();
  readonly ports: ModelPort[] = [];
  maxConcurrentBoots = 2;
  #controller: Controller | null = null;

  /** nspawnd starts. Its own clock is out of the way: `settle` is what lets time pass. */
  async startController(killAt: number | null = null): Promise<Controller> {
    const port = new ModelPort(this.host);
    port.killAt = killAt;
    this.ports.push(port);
    const controller = new Controller(this.manifests, port, SILENT, {
      workers: 4,
      relistMs: RELIST_MS,
      maxConcurrentBoots: this.maxConcurrentBoots,
    });
    this.#controller = controller;
    // When it is killed while it starts, this never resolves.
    void controller.start();
    await this.#untilIdle();
    return controller;
  }

  /** kill -9: nothing more is done, and the next one knows only what is on the host. */
  killController(): void {
    this.port.kill();
    void this.#controller?.stop();
    this.#controller = null;
  }

  /** After a kill, a new one; then everything that is under way comes to its end. */
  async restartController(): Promise<void> {
    this.killController();
    await this.startController();
    await this.settle();
  }

  get controller(): Controller {
    assert.ok(this.#controller !== null, 'a controller runs');
    return this.#controller;
  }

  get port(): ModelPort {
    const port = this.ports.at(-1);
    assert.ok(port !== undefined, 'a controller was started');
    return port;
  }

  /** Lets the controller finish what it can do now; guests do nothing meanwhile. */
  async work(): Promise<void> {
    await this.#untilIdle();
  }

  /** A trigger that says nothing: look again. */
  async look(): Promise<void> {
    this.host.losesSignals = false;
    this.host.trigger(null);
    await this.#untilIdle();
  }

  /** Time passes, and nspawnd looks at its clock. */
  async pass(ms: number): Promise<void> {
    this.host.advance(ms);
    await this.look();
  }

  /** Until nothing happens any more: guests boot and power off, and time is passed up to `maxMs` for what waits for it. */
  async settle(maxMs = 0): Promise<void> {
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 500, `never at rest:\n${this.print()}`);
      await this.look();
      if (this.host.progress()) continue;
      await this.#replan();
      const waitMs = Math.min(...this.waits(), this.host.nextDueAt() - this.host.now);
      if (waitMs > maxMs) return;
      this.host.advance(Math.max(waitMs, 1));
    }
  }

  /** How long each container that waits for a time waits, when it last came to rest. */
  waits(): readonly number[] {
    return this.#lastPlans.flatMap(({ waitingFor }) =>
      waitingFor === null || waitingFor.until === null ? [] : [waitingFor.until - this.host.now],
    );
  }

  /** What would be done next, as the planner sees it. */
  #lastPlans: readonly ReturnType<typeof plan>[] = [];

  async #untilIdle(): Promise<void> {
    for (let quietTurns = 0, calls = -1; quietTurns < 3; ) {
      await nextTurn();
      quietTurns = this.port.calls === calls ? quietTurns + 1 : 0;
      calls = this.port.calls;
    }
  }

  async #replan(): Promise<void> {
    const observer = new ModelPort(this.host);
    const names = new Set([...this.manifests.names(), ...(await observer.list())]);
    this.#lastPlans = await Promise.all(
      [...names].sort().map(async name => {
        const desired = this.manifests.desired(name);
        const manifest = desired.state === 'present' ? desired.manifest : null;
        const observed = await observer.observe(name, manifest);
        const notReady = await this.#notReady(manifest?.spec.dependsOn ?? [], observer);
        return plan(desired, { ...observed, gate: { notReady, ahead: 0 } }, observer.unitPaths(name));
      }),
    );
  }

  async #notReady(names: readonly string[], observer: ModelPort) {
    const notReady = [];
    for (const name of names) {
      const desired = this.manifests.desired(name);
      const isPresent = desired.state === 'present';
      const observed = await observer.observe(name, isPresent ? desired.manifest : null);
      if (!isPresent || !isReady(desired.manifest, observed)) notReady.push({ name, because: 'it is not' });
    }
    return notReady;
  }

  /** The end of a test: all is as it has to be at rest, and nothing goes on, also where it is not. */
  endAtRest(): void {
    try {
      this.assertAtRest();
    } finally {
      this.killController();
    }
  }

  /** What has to be true whenever everything is at rest. */
  assertAtRest(): void {
    const { host, manifests } = this;
    const story = () =>
      `${this.print()}\n${this.ports.flatMap(port => [...port.trace, '(killed)']).join('\n')}`;
    assert.deepEqual(
      this.ports.flatMap(port => port.nonsense),
      [],
      story(),
    );
    for (const { key, steps } of this.#lastPlans)
      assert.deepEqual([key, ...steps.map(step => step.name)], [key], `its next plan is empty\n${story()}`);
    for (const [name, unit] of host.units) {
      const desired = manifests.desired(name);
      const booted = environmentOf(unit.run?.text ?? '', 'NSPAWND_SYSTEM_PATH');
      if (booted !== '')
        assert.ok(host.nix.kept.get(name)?.includes(booted), `${booted} may be collected\n${story()}`);
      if (desired.state === 'absent') assert.equal(unit.run, undefined, `${name} is gone\n${story()}`);
      if (desired.state !== 'present' || unit.run === undefined) continue;
      const { manifest } = desired;
      // What cannot be started again (its interface is not there) is not stopped for it either.
      const isStalled = this.#lastPlans.some(({ key, stalled }) => key === name && stalled !== null);
      if (manifest.spec.restartIfChanged && !isStalled) {
        const hash = environmentOf(unit.run.text, 'NSPAWND_LAUNCH_HASH');
        assert.equal(hash, launchHash(manifest), `${name} runs its spec\n${story()}`);
      }
    }
    const wanted = [...manifests.names()].sort().flatMap(name => {
      const desired = manifests.desired(name);
      return desired.state === 'present' ? hostsEntries(desired.manifest) : [];
    });
    assert.equal(host.hostsBlock ?? '', hostsBlock(wanted), `the hosts file\n${story()}`);
  }

  /** Runs, is booted, sits in its sandbox, and the sandbox is as wanted. */
  async assertRunning(...names: readonly string[]): Promise<void> {
    const observer = new ModelPort(this.host);
    for (const name of names) {
      const desired = this.manifests.desired(name);
      assert.ok(desired.state === 'present', `${name} is wanted`);
      const observed = await observer.observe(name, desired.manifest);
      assert.equal(observed.unit.activeState, 'active', this.print());
      assert.equal(this.host.unit(name).run?.hasBooted, true, this.print());
      if (!desired.manifest.spec.privateNetwork) continue;
      assert.equal(observed.sandbox.isJoined, true, this.print());
      const drift = sandboxDrift(sandboxSpec(desired.manifest, observed.sandbox), observed.sandbox);
      assert.deepEqual(drift, [], this.print());
    }
  }

  print(): string {
    return printHost(this.host);
  }
}
