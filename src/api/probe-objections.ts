import { PROBES, type Probe, type ProbeName } from './probe-fields.ts';

/** Of a spec, what its probes depend on; a field that is wrong by itself may hold anything. */
type Around = { readonly [name in ProbeName]?: unknown } & {
  readonly command?: unknown;
  readonly privateNetwork: unknown;
  readonly macvlans: unknown;
  readonly interfaces: unknown;
  readonly localAddress?: unknown;
  readonly localAddress6?: unknown;
};

export interface ProbeObjection {
  readonly path: readonly string[];
  readonly message: string;
}

/** What the probes of a spec cannot be asked for, for what the rest of the spec says. */
export function objectionsToProbes(spec: Around): readonly ProbeObjection[] {
  return PROBES.flatMap(name => {
    const probe = spec[name];
    return isMapping(probe) ? objectionsTo(name, probe, spec) : [];
  });
}

function objectionsTo(name: ProbeName, probe: Partial<Probe>, spec: Around): readonly ProbeObjection[] {
  const objections: ProbeObjection[] = [];
  for (const way of ['tcpSocket', 'httpGet'] as const) {
    const asked = probe[way];
    if (isMapping(asked) && asked.host === undefined && !hasAddress(spec)) {
      const message =
        'needs a host to connect to, or privateNetwork: true with a localAddress or localAddress6';
      objections.push({ path: [name, way], message });
    }
  }
  if (probe.unit !== undefined && spec.command !== undefined) {
    const message = 'needs a guest that runs systemd; with command use exec, tcpSocket or httpGet';
    objections.push({ path: [name, 'unit'], message });
  }
  return objections;
}

/** Whether the host knows where the guest is to be found. */
function hasAddress(spec: Around): boolean {
  if (spec.privateNetwork === true)
    return spec.localAddress !== undefined || spec.localAddress6 !== undefined;
  return isEmpty(spec.macvlans) && isEmpty(spec.interfaces);
}

function isMapping<T>(value: T): value is T & object {
  return typeof value === 'object' && value !== null;
}

function isEmpty(list: unknown): boolean {
  return !Array.isArray(list) || list.length === 0;
}
