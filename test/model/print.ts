import { HOST_NAMESPACE, type ModelHost } from './model-host.ts';

/** The model as text, without what differs from run to run: for looking at, and for comparing two fixpoints. */
export function printHost(host: ModelHost): string {
  const names = [
    ...new Set([
      ...host.unitFiles.keys(),
      ...[...host.units].filter(([, unit]) => unit.run !== undefined).map(([name]) => name),
      ...host.namespaces.keys(),
      ...host.marks.keys(),
      ...host.machines.keys(),
      ...host.fifos.keys(),
      ...host.ended.keys(),
      ...host.requests.keys(),
      ...host.histories.keys(),
      ...host.memories.keys(),
      ...host.guestHosts.keys(),
      ...host.nix.names(),
      ...host.nix.switched.keys(),
      ...host.nix.updates.keys(),
    ]),
  ].sort();
  return [
    ...names.map(name => printContainer(host, name)),
    ...[...host.pairs.keys()].sort().map(link => printPair(host, link)),
    ...[...host.guard].sort().map(([link, addresses]) => `guard ${link}: ${addresses.join(' ')}`),
    ...[...host.interfaces]
      .sort()
      .map(
        ([name, namespace]) => `interface ${name} ${namespace === HOST_NAMESPACE ? 'on the host' : 'given'}`,
      ),
    ...[...host.lent].sort().map(([name, lent]) => `lent to ${name}: ${lent.join(' ')}`),
    ...(host.hostsBlock === null ? [] : [`hosts file:\n${host.hostsBlock}`.trimEnd()]),
    '',
  ].join('\n');
}

function printContainer(host: ModelHost, name: string): string {
  const unit = host.unit(name);
  const { run } = unit;
  const namespace = host.namespaces.get(name);
  const machine = host.machines.get(name);
  const fifo = host.fifos.get(name);
  const history = host.histories.get(name);
  const ended = host.ended.get(name);
  const isSame = run !== undefined && namespace === run.namespace;
  const words = [
    unit.activeState,
    ...(run === undefined ? [] : [run.hasBooted ? 'booted' : 'booting']),
    ...(host.unitFiles.has(name) ? ['unit'] : []),
    ...(run !== undefined && run.text !== host.unitFiles.get(name) ? ['runs another unit'] : []),
    ...(namespace === undefined ? [] : [namespace === null ? 'stale namespace' : 'namespace']),
    ...(isSame ? ['joined'] : []),
    ...(host.macvlans.get(namespace ?? -1) ?? []).map(parent => `macvlan on ${parent}`),
    ...(host.marks.has(name) ? ['mark'] : []),
    ...(machine === undefined ? [] : [host.isAlive(machine.leader) ? 'registered' : 'stale registration']),
    ...(fifo === undefined
      ? []
      : [`fifo${fifo.hasListener ? ' heard' : ''}${fifo.startedInvocationId === '' ? '' : ' started'}`]),
    ...(host.guestHosts.has(name) ? ['guest hosts'] : []),
    ...(host.requests.has(name) ? [`asked to ${host.requests.get(name)?.verb}`] : []),
    ...(ended === undefined
      ? []
      : [`ended ${ended.isRequested ? 'by request' : `${ended.exitCode} ${ended.exitStatus}`}`]),
    ...(history === undefined ? [] : ['history']),
    ...(history !== undefined && history.failures > 0 ? [`${history.failures} failures`] : []),
    ...printNix(host, name),
    ...(host.memories.has(name) ? ['memory'] : []),
  ];
  return `${name}: ${words.join(', ')}`;
}

/** Generations stay when everything else goes: they are data. */
function printNix({ nix }: ModelHost, name: string): readonly string[] {
  const profile = nix.profiles.get(name);
  const last = nix.switched.get(name);
  return [
    ...(profile === undefined ? [] : [`generation ${profile.current} of ${profile.generations.join(' ')}`]),
    ...(nix.builds.has(name) ? ['building'] : []),
    ...(nix.results.get(name)?.isGood === false ? ['failed to build'] : []),
    ...(last === undefined ? [] : [`${last.isGood ? 'switched' : 'not switched'} to ${last.closure}`]),
    ...(nix.updates.get(name)?.isTaken === false ? ['asked to update'] : []),
  ];
}

function printPair(host: ModelHost, link: string): string {
  const pair = host.pairs.get(link);
  if (pair === undefined) return '';
  const side = (addresses: readonly string[], routes: readonly string[]) =>
    `[${addresses.join(' ')} | ${routes.join(', ')}]`;
  return `link ${link} ${pair.alias || 'foreign'} ${side(pair.hostAddresses, pair.hostRoutes)} <-> ${side(pair.guestAddresses, pair.guestRoutes)}`;
}
