import type { JsonObject } from '../../src/api/manifest.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import type { RootFacts } from '../../src/planning/observed.ts';
import { linkAlias } from '../../src/planning/sandbox.ts';
import type { Random } from '../model/random.ts';
import type { Simulation } from './simulation.ts';
import { editedHard, editedLive, editedToFail, randomSpec, withProbes } from './specs.ts';
import { sweep } from './sweep.ts';

/** What may happen to a host, by its name in the story; the greater its weight, the more often. */
export interface DeedKind {
  readonly weight: number;
  readonly happens: (simulation: Simulation, name: string, random: Random) => void;
}

export function kind(weight: number, happens: DeedKind['happens']): DeedKind {
  return { weight, happens };
}

export const DEEDS: Readonly<Record<string, DeedKind>> = {
  // Manifests.
  drop: kind(8, (sim, name, random) => {
    const spec = newSpec(sim, sim.life.names.indexOf(name), random);
    sim.tell(`  ${JSON.stringify(spec)}`);
    sim.folder.put(name, spec);
  }),
  'edit live': kind(4, (sim, name, random) => edit(sim, name, spec => editedLive(spec, random))),
  'edit hard': kind(4, (sim, name, random) => edit(sim, name, spec => editedHard(spec, random))),
  'edit to what does not work': kind(3, (sim, name, random) =>
    edit(sim, name, spec => editedToFail(spec, random)),
  ),
  'nspawnctl rollout retry': kind(1, (sim, name) => ask(sim, c => c.retry(name))),
  'edit and revert': kind(2, (sim, name, random) => {
    const before = sim.folder.spec(name);
    edit(sim, name, spec => editedHard(spec, random));
    if (before !== null) sim.after(random.below(500), () => sim.folder.put(name, before));
  }),
  'swap addresses': kind(2, (sim, name, random) => {
    const other = random.pick(sim.life.names);
    const [mine, its] = [sim.folder.spec(name), sim.folder.spec(other)];
    if (other === name || mine?.localAddress === undefined || its?.localAddress === undefined) return;
    sim.folder.put(name, { ...mine, localAddress: its.localAddress });
    sim.folder.put(other, { ...its, localAddress: mine.localAddress });
  }),
  remove: kind(4, (sim, name) => sim.folder.remove(name)),
  'remove and drop again': kind(2, (sim, name, random) => {
    const before = sim.folder.spec(name);
    sim.folder.remove(name);
    if (before !== null) sim.after(random.below(4000), () => sim.folder.put(name, before));
  }),
  break: kind(2, (sim, name) => sim.folder.breakFile(name)),
  'everything goes, as is confirmed': kind(1, (sim, _name, random) => sweep(sim, random)),
  'everything comes, and soon goes': kind(2, (sim, _name, random) => {
    const { names } = sim.life;
    for (const [number, name] of names.entries()) sim.folder.put(name, newSpec(sim, number, random));
    sim.after(2000 + random.below(8000), () => sweep(sim, random));
  }),
  'the directory is away': kind(1, (sim, _name, random) => {
    sim.folder.setHealthy(false);
    sim.after(random.below(60_000), () => sim.folder.setHealthy(true));
  }),

  // Guests.
  panic: kind(5, (sim, name) => sim.host.guestPanics(name)),
  'crash and crash again': kind(2, (sim, name, random) => {
    let inMs = 0;
    for (let times = 2 + random.below(6); times > 0; times--) {
      inMs += random.below(12_000);
      sim.after(inMs, () => sim.host.guestPanics(name));
    }
  }),
  reboot: kind(3, (sim, name) => sim.host.guestReboots(name)),
  'power off': kind(3, (sim, name) => sim.host.guestPowersOff(name)),
  'kill nspawn': kind(3, (sim, name) => sim.host.killNspawn(name)),
  'hang or not': kind(1, (sim, name) => toggle(sim.host.hanging, name)),
  'deaf or not': kind(1, (sim, name) => toggle(sim.host.deaf, name)),

  // People.
  'systemctl start': kind(2, (sim, name) => sim.host.systemctlStart(name)),
  'systemctl stop': kind(3, (sim, name) => sim.host.systemctlStop(name)),
  'systemctl mask or unmask': kind(1, (sim, name) => {
    const unit = sim.host.unit(name);
    unit.isMasked = !unit.isMasked;
    sim.host.disturbances++;
  }),
  'pin or unpin': kind(1, (sim, name) => {
    const unit = sim.host.unit(name);
    unit.isPinned = !unit.isPinned;
  }),
  'systemctl daemon-reload': kind(1, sim => sim.host.daemonReload()),
  'nspawnctl stop': kind(4, (sim, name) => ask(sim, c => c.request(name, 'stop'))),
  'nspawnctl start': kind(3, (sim, name) => ask(sim, c => c.request(name, 'start'))),
  'nspawnctl restart': kind(3, (sim, name) => ask(sim, c => c.request(name, 'restart'))),
  'nspawnctl terminate': kind(1, (sim, name) => ask(sim, c => c.request(name, 'terminate'))),
  'nspawnctl suspend': kind(2, (sim, name, random) =>
    ask(sim, c => c.suspend(name, random.pick([null, 1000, 30_000]))),
  ),
  'nspawnctl resume': kind(2, (sim, name) => ask(sim, c => c.resume(name))),
  'nspawnctl update': kind(1, (sim, name, random) =>
    ask(sim, c => c.update(name, { mode: random.pick(['build', 'switch']) })),
  ),
  'nspawnctl rollback': kind(1, (sim, name) => ask(sim, c => c.update(name, { mode: 'rollback', to: null }))),

  // The host.
  'delete the link': kind(1, (sim, name) => sim.host.deleteLink(name)),
  'delete the namespace': kind(1, (sim, name) => sim.host.deleteNamespace(name)),
  'flush the addresses': kind(1, (sim, name) => sim.host.flushAddresses(name)),
  'plug in an interface': kind(2, (sim, _name, random) => sim.host.plugIn(random.pick(['eth1', 'eth2']))),
  'unplug an interface': kind(1, (sim, _name, random) => sim.host.unplug(random.pick(['eth1', 'eth2']))),
  'empty the hosts file': kind(1, sim => sim.host.emptyHostsFile()),
  'a root goes or comes': kind(2, (sim, name) => {
    const root = `/var/lib/machines/${name}`;
    if (!sim.host.roots.delete(root)) sim.host.roots.set(root, MISSING);
    sim.host.disturbances++;
  }),
  'a path leads elsewhere': kind(1, (sim, name, random) => {
    sim.host.nix.paths.set(`/srv/${name}`, random.pick(['/nix/store/a', '/nix/store/b', null]));
  }),
  'builds fail or not': kind(1, (sim, _name, random) => {
    sim.host.nix.buildFailure = random.pick([null, { cause: 'failed', isPassing: random.chance(0.5) }]);
  }),
  'a stranger takes the name': kind(1, (sim, name, random) => putStranger(sim, name, random)),
  'few places or many': kind(1, (sim, _name, random) => {
    sim.host.guestLimit = random.pick([null, 1, 2]);
  }),
  'restart machined': kind(1, sim => sim.host.restartMachined()),
  'machined forgets a guest': kind(2, (sim, name) => sim.host.forgetMachine(name)),
  'machined goes away': kind(2, (sim, _name, random) => {
    sim.host.setMachinedAway(true);
    sim.after(random.below(60_000), () => sim.host.setMachinedAway(false));
  }),
  'leak registrations or not': kind(1, sim => {
    sim.host.leaksRegistrations = !sim.host.leaksRegistrations;
  }),
  'the clock jumps': kind(1, (sim, _name, random) => {
    sim.watcher.hasClockJumped = true;
    const stepMs = random.pick([-1, 1]) * random.below(random.pick([3000, 600_000, 90_000_000]));
    sim.clock.wallOffsetMs += stepMs;
    sim.host.stepClock(stepMs);
  }),
  'the host reboots': kind(2, (sim, _name, random) => shutDown(sim, random)),
  'the power fails': kind(1, (sim, _name, random) => bootAgain(sim, random)),

  // nspawnd and what it hears with.
  'nspawnd is killed': kind(4, sim => sim.killNspawnd()),
  'nspawnd is killed at a point': kind(5, (sim, _name, random) => {
    sim.port.killAt = sim.port.points + random.below(12);
  }),
  'nspawnd is killed twice': kind(1, (sim, _name, random) => {
    sim.killNspawnd();
    sim.after(100 + random.below(3000), () => sim.killNspawnd());
  }),
  'the bus goes away': kind(2, (sim, _name, random) => {
    const ms = random.below(30_000);
    sim.busGoneUntilMs = sim.clock.nowMs + ms;
    sim.after(ms, () => sim.host.trigger(null));
  }),
  'signals are lost': kind(2, (sim, _name, random) => {
    sim.signalsLostUntilMs = sim.clock.nowMs + random.below(40_000);
  }),
  'signals that say nothing': kind(1, (sim, name, random) => {
    for (let times = random.below(20); times > 0; times--)
      sim.host.trigger(random.pick([null, name, 'stranger']));
  }),
  'everything is slow': kind(2, (sim, _name, random) => {
    sim.slowUntilMs = sim.clock.nowMs + random.below(10_000);
  }),
  'changes fail': kind(4, (sim, _name, random) => {
    sim.faults += 1 + random.below(4);
  }),
};

const MISSING: RootFacts = { state: 'missing', realPath: '', missing: [], detail: '' };

function newSpec({ life }: Simulation, number: number, random: Random): JsonObject {
  const spec = randomSpec(life.names, number, random);
  return life.tuning.hasProbes ? withProbes(spec, random) : spec;
}

export function edit(sim: Simulation, name: string, change: (spec: JsonObject) => JsonObject): void {
  const spec = sim.folder.spec(name);
  if (spec !== null) sim.folder.put(name, change(spec));
}

function toggle(set: Set<string>, name: string): void {
  if (!set.delete(name)) set.add(name);
}

/** Whoever asks may be refused, or never hear an answer. */
function ask(
  sim: Simulation,
  verb: (controller: NonNullable<Simulation['controller']>) => Promise<unknown>,
): void {
  if (sim.controller !== null) verb(sim.controller).catch(error => sim.tell(`  refused: ${error}`));
}

/** Something that is not ours where something of ours would be. */
function putStranger(sim: Simulation, name: string, random: Random): void {
  const { host } = sim;
  host.disturbances++;
  const link = hostLinkName(name);
  const isFree = !host.unitFiles.has(name) && !host.namespaces.has(name) && !host.pairs.has(link);
  if (!isFree || host.machines.has(name)) return;
  switch (random.below(4)) {
    case 0:
      host.unitFiles.set(name, '[Service]\nExecStart=/bin/sleep infinity\n');
      break;
    case 1:
      if (!host.marks.has(name)) host.namespaces.set(name, host.nextId());
      break;
    case 2:
      host.pairs.set(link, {
        ...{ alias: '', altName: null, hostAddresses: [], hostRoutes: [], namespace: null },
        ...{ guestAddresses: [], guestRoutes: [], isUp: true },
      });
      break;
    case 3:
      host.strangers.add(999_000);
      host.machines.set(name, { leader: 999_000, root: '/srv/vm', unit: 'machine-vm.scope' });
      break;
  }
}

/** The stranger goes. */
export function removeStranger(sim: Simulation, name: string): void {
  const { host } = sim;
  const link = hostLinkName(name);
  const isTheirs = (text: string | undefined) => text?.includes('sleep infinity') === true;
  if (isTheirs(host.unit(name).run?.text)) host.guestPowersOff(name);
  if (isTheirs(host.unitFiles.get(name))) host.unitFiles.delete(name);
  if (host.namespaces.has(name) && !host.marks.has(name) && host.pairs.get(link)?.alias !== linkAlias(name))
    host.namespaces.delete(name);
  if (host.pairs.get(link)?.alias === '') host.pairs.delete(link);
  const { leader = 0 } = host.machines.get(name) ?? {};
  const isStale = isTheirs(host.unit(name).loadedText) && !host.isAlive(leader);
  if (leader === 999_000 || isStale) host.machines.delete(name);
}

/** systemd stops everything side by side, nspawnd among it, and the host comes up again. */
function shutDown(sim: Simulation, random: Random): void {
  if (sim.isDown || sim.host.isStopping) return;
  sim.host.isStopping = true;
  sim.host.disturbances++;
  sim.host.trigger(null);
  for (const [name, unit] of sim.host.units)
    if (unit.run !== undefined) sim.after(random.below(500), () => sim.host.systemctlStop(name));
  sim.after(1000 + random.below(5000), () => bootAgain(sim, random));
}

function bootAgain(sim: Simulation, random: Random): void {
  if (sim.isDown) return;
  sim.isDown = true;
  sim.killNspawnd();
  sim.tell('the host is down');
  sim.host.bootAgain();
  sim.watcher.booted();
  sim.after(2000 + random.below(5000), () => {
    sim.tell('the host is up');
    sim.isDown = false;
    sim.startNspawnd();
  });
}
