import { Controller } from '../../src/controller/controller.ts';
import type { ManifestPort } from '../../src/controller/ports.ts';
import { NspawndError } from '../../src/errors.ts';
import type { Log } from '../../src/log.ts';
import type { Plan } from '../../src/planning/plan.ts';
import { plan } from '../../src/planning/planner.ts';
import { isOurUnit } from '../../src/planning/render/unit.ts';
import { ModelHost } from '../model/model-host.ts';
import { ModelPort, type Pace } from '../model/model-port.ts';
import { Random } from '../model/random.ts';
import { FileFolder } from './file-folder.ts';
import { type Folder, ModelFolder } from './folder.ts';
import type { Life } from './life.ts';
import { MemoryFs } from './memory-fs.ts';
import { isReadyBy } from './readiness.ts';
import { turn, VirtualClock } from './virtual-clock.ts';
import { Watcher } from './watcher.ts';

/**
 * A host in memory, the nspawnd that is shipped, and a clock that is turned by hand. What nspawnd asks of the host takes
 * its time, fails and is cut off as the life's tuning says; every moment of it is one that `Watcher` looks at.
 */
export class Simulation {
  readonly life: Life;
  readonly host = new ModelHost();
  readonly clock = new VirtualClock();
  readonly folder: Folder;
  readonly files: MemoryFs | null;
  readonly watcher: Watcher;
  readonly ports: ModelPort[] = [];
  /** What happened, for people; kept only when somebody wants to read it. */
  readonly story: string[] | null;
  controller: Controller | null = null;
  /** Until when the bus is gone, everything is slow, nobody hears of anything. */
  busGoneUntilMs = 0;
  slowUntilMs = 0;
  signalsLostUntilMs = 0;
  /** How many of the next changes fail. */
  faults = 0;
  isCalm = false;
  /** Files take their time also where all is calm. */
  isDiskBusy = false;
  /** All manifests went at once: those of them that did not come back are held, however few they are. */
  hadSweep = false;
  /** Calls that are on their way. */
  inFlight = 0;
  /** Nobody may start nspawnd: the host is going down. */
  isDown = false;
  readonly #chance: Random;
  /** Sees the host as an nspawnd would, and is none. */
  readonly #observer: ModelPort;
  #awaited = 0;
  #callsAtMoment = 0;
  #momentMs = -1;

  constructor(life: Life, isTold: boolean) {
    this.life = life;
    const { hasFiles, diskMaxMs } = life.tuning;
    const takesTime = () => this.#diskTime();
    this.files = hasFiles
      ? new MemoryFs(() => this.clock.wallMs(), takesTime, diskMaxMs === 0 ? 'ext4' : 'nfs4')
      : null;
    this.folder =
      this.files === null
        ? new ModelFolder()
        : new FileFolder(
            this.files,
            new Random(life.seed ^ 0xf11e),
            () => `boot-${this.host.boots}`,
            wake => this.#carry(wake),
          );
    this.story = isTold ? [] : null;
    this.#chance = new Random(life.seed ^ 0x5eed);
    this.watcher = new Watcher(this);
    const { host, clock } = this;
    this.#observer = new ModelPort(host);
    host.now = clock.wallMs();
    host.schedule = (what, afterMs, happen) => void clock.after(this.#durationMs(what, afterMs), happen);
    host.lingersMs = () => (this.#chance.chance(this.life.tuning.lingerChance) ? this.#chance.below(400) : 0);
    host.carry = deliver => this.#carry(deliver);
    host.onEnd = (name, end, isStopAsked) => {
      this.tell(`  ${name} ends: ${end.exitCode} ${end.exitStatus}${isStopAsked ? ', as asked' : ''}`);
      // A stranger's is nobody's business.
      if (isOurUnit(host.unit(name).loadedText ?? '')) this.watcher.ended(name, end, isStopAsked);
    };
  }

  /** All that any nspawnd has done. */
  steps(): readonly string[] {
    return this.ports.flatMap(({ trace }) => trace);
  }

  tell(line: string): void {
    this.story?.push(`${(this.clock.nowMs / 1000).toFixed(3).padStart(10)} ${line}`);
  }

  get port(): ModelPort {
    return this.ports.at(-1) ?? new ModelPort(this.host);
  }

  /** nspawnd is started, and again whenever it ends by itself, as systemd does. */
  startNspawnd(): void {
    if (this.controller !== null || this.isDown) return;
    this.tell('nspawnd starts');
    const port = new ModelPort(this.host, this.#pace());
    this.ports.push(port);
    const manifests: ManifestPort = this.folder.open();
    const { workers, relistMs, maxConcurrentBoots } = this.life.tuning;
    const controller = new Controller(manifests, port, this.#log(), {
      workers,
      relistMs,
      maxConcurrentBoots,
    });
    this.controller = controller;
    this.watcher.started();
    controller.start().catch(() => {
      if (this.controller === controller) this.port.kill();
    });
  }

  /** kill -9. Whatever it was at, nothing more of it happens. */
  killNspawnd(): void {
    if (this.controller !== null) this.port.kill();
  }

  /** Lets time pass, one thing after the other. */
  async runUntil(untilMs: number): Promise<void> {
    const { clock, host } = this;
    await this.#turn();
    while (clock.nextDueAt() <= untilMs) {
      clock.step();
      host.now = clock.wallMs();
      await this.#turn();
    }
    clock.nowMs = Math.max(clock.nowMs, untilMs);
    host.now = clock.wallMs();
  }

  run(ms: number): Promise<void> {
    return this.runUntil(this.clock.nowMs + ms);
  }

  /** Part of the life: it does not count as left alone before this has happened. */
  after(delayMs: number, call: () => void): void {
    this.#awaited++;
    this.clock.after(delayMs, () => {
      this.#awaited--;
      call();
    });
  }

  /** Until everything that was to happen has. */
  async runOut(): Promise<void> {
    while (this.#awaited > 0) await this.runUntil(this.clock.nextDueAt());
  }

  /** As the world is, whatever is said of it. */
  isReady(name: string): boolean {
    const desired = this.folder.desired(name);
    if (desired.state === 'absent') return false;
    return isReadyBy(this.host, name, desired.state === 'present' ? desired.manifest : null);
  }

  /** The next plan of every container, as nothing but the planner sees it. */
  async plans(): Promise<readonly Plan[]> {
    const observer = this.#observer;
    const names = new Set([...this.folder.names(), ...(await observer.list())]);
    return Promise.all(
      [...names].sort().map(async name => {
        const desired = this.folder.desired(name);
        const manifest = desired.state === 'present' ? desired.manifest : null;
        const observed = await observer.observe(name, manifest);
        const others = manifest?.spec.dependsOn ?? [];
        const notReady = others
          .filter(other => !this.isReady(other))
          .map(other => ({ name: other, because: 'it is not' }));
        return plan(desired, { ...observed, gate: { notReady, ahead: 0 } }, observer.unitPaths(name));
      }),
    );
  }

  /** Until nothing is under way and nothing is waited for; every re-list has had its turn. */
  async settle(): Promise<void> {
    const startedMs = this.clock.nowMs;
    await this.lookAgain();
    // What the re-list has read may still have to be read again.
    await this.run(this.folder.settlesInMs);
    for (let pauseMs = 500; ; pauseMs = Math.min(pauseMs * 2, 20_000)) {
      if (this.clock.nowMs - startedMs > MAX_SETTLE_MS)
        this.watcher.violate('never at rest', JSON.stringify((await this.plans()).filter(isBusy)));
      const isUnderWay = this.host.pending.length > 0 || this.inFlight > 0;
      const plans = isUnderWay ? [] : await this.plans();
      if (!isUnderWay && !plans.some(isBusy) && this.controller !== null) return;
      const waits = plans.map(({ waitingFor }) => waitingFor?.until ?? null).filter(until => until !== null);
      const isOnlyTime = !isUnderWay && !plans.some(({ steps }) => steps.length > 0) && waits.length > 0;
      await this.run(isOnlyTime ? Math.max(1, Math.min(...waits) - this.clock.wallMs()) : pauseMs);
    }
  }

  /** A re-list: the one that comes by itself, or one that is asked for, which takes less of our time. */
  async lookAgain(): Promise<void> {
    if (this.life.tuning.isPatient) return this.run(this.life.tuning.relistMs + 1000);
    this.host.trigger(null);
    await this.run(10);
  }

  install(): void {
    this.clock.install();
    this.files?.install();
  }

  dispose(): void {
    void this.controller?.stop();
    for (const port of this.ports) port.isKilled = true;
    this.controller = null;
    this.files?.uninstall();
    this.clock.uninstall();
  }

  async #turn(): Promise<void> {
    await turn();
    this.watcher.look();
  }

  #pace(): Pace {
    const mine: { isDead: boolean } = { isDead: false };
    return {
      call: () => this.#takeTime(() => this.clock.nowMs < this.busGoneUntilMs),
      point: () => this.#takeTime(() => this.faults > 0 && this.#chance.chance(0.3) && this.faults-- > 0),
      tears: () => !this.isCalm && this.#chance.chance(this.life.tuning.tearChance),
      looks: name => this.watcher.looks(name),
      sees: name => this.watcher.sees(name),
      seesForAnother: (name, manifest) => this.watcher.seesForAnother(name, manifest),
      begins: (name, step) => {
        this.tell(`  ${name}: ${step.name} (${step.because})`);
        this.watcher.begins(name, step);
      },
      killed: () => {
        if (mine.isDead) return;
        mine.isDead = true;
        this.#nspawndDied();
      },
    };
  }

  #nspawndDied(): void {
    this.tell('nspawnd is dead');
    void this.controller?.stop();
    this.controller = null;
    this.folder.close();
    this.clock.after(100 + this.#chance.below(this.isCalm ? 100 : 3000), () => this.startNspawnd());
  }

  #takeTime(fails: () => boolean): Promise<void> | undefined {
    this.#countCall();
    const { slowChance, slowMaxMs } = this.life.tuning;
    const isSlow = this.clock.nowMs < this.slowUntilMs;
    const isWaiting = !this.isCalm && (isSlow || this.#chance.chance(slowChance));
    const isFailing = !this.isCalm && fails();
    if (!isWaiting) return isFailing ? Promise.reject(failure()) : undefined;
    this.inFlight++;
    return new Promise((resolve, reject) => {
      this.clock.after(1 + this.#chance.below(isSlow ? 2000 : slowMaxMs), () => {
        this.inFlight--;
        if (isFailing) reject(failure());
        else resolve();
      });
    });
  }

  #diskTime(): Promise<void> | null {
    const { diskMaxMs } = this.life.tuning;
    if (diskMaxMs === 0 || (this.isCalm && !this.isDiskBusy) || !this.#chance.chance(0.3)) return null;
    return new Promise(resolve => void this.clock.after(1 + this.#chance.below(diskMaxMs), resolve));
  }

  /** A loop that waits for nothing would never give the clock a turn. */
  #countCall(): void {
    if (this.#momentMs !== this.clock.nowMs) {
      this.#momentMs = this.clock.nowMs;
      this.#callsAtMoment = 0;
    }
    if (++this.#callsAtMoment > MAX_CALLS_AT_A_MOMENT)
      throw new Error(`time stands still: ${this.#callsAtMoment} calls in one moment`);
  }

  #carry(deliver: () => void): void {
    const { lossChance, delayChance } = this.life.tuning;
    const isGone = this.clock.nowMs < Math.max(this.signalsLostUntilMs, this.busGoneUntilMs);
    if (!this.isCalm && (isGone || this.#chance.chance(lossChance))) return;
    if (this.isCalm || !this.#chance.chance(delayChance)) {
      deliver();
      return;
    }
    for (let times = 1 + this.#chance.below(3); times > 0; times--)
      this.clock.after(this.#chance.below(3000), deliver);
  }

  #durationMs(what: string, afterMs: number): number {
    const atMost = (ms: number) => 1 + this.#chance.below(ms);
    if (what === 'boot') return atMost(this.isCalm ? 1000 : this.life.tuning.bootMaxMs);
    if (what === 'power off') return atMost(3000);
    if (what === 'probe') return atMost(this.isCalm ? 500 : 5000);
    if (what === 'build') return atMost(20_000);
    if (what === 'switch') return atMost(3000);
    return afterMs;
  }

  /** Errors of the world are part of every life; any other is a bug. */
  #log(): Log {
    const hear = (fields: { readonly err?: unknown }, message: string) => {
      this.tell(`  log: ${message}${fields.err === undefined ? '' : `: ${fields.err}`}`);
      // Where a look takes seconds, or people are at it all the time, a guest that crashes at once has crashed again.
      const isOvertaken =
        (!this.isCalm || this.life.tuning.slowMaxMs >= 1000) &&
        /not as desired after/.test(String(fields.err));
      if (fields.err !== undefined && !(fields.err instanceof NspawndError) && !isOvertaken)
        this.watcher.violate('no error of its own', `${message}: ${(fields.err as Error)?.stack}`);
    };
    const log = { debug: ignore, info: ignore, warn: hear, error: hear, child: () => log };
    return log as unknown as Log;
  }
}

function ignore(): void {}

function failure(): NspawndError {
  return new NspawndError('BusTimeout', 'no answer in time');
}

/** Whether anything is to be done, or waited for, that would change the host. */
function isBusy({ steps, waitingFor }: Plan): boolean {
  return steps.length > 0 || (waitingFor !== null && !RESTING.includes(waitingFor.reason));
}

const RESTING = ['Settling', 'Suspended', 'InotifyInstances', 'DependencyNotReady'];
/** The longest backoff, a start that hangs and a stop that is not heard, one after the other, and some. */
const MAX_SETTLE_MS = 3_000_000;
const MAX_CALLS_AT_A_MOMENT = 20_000;
