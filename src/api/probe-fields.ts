import { isIP } from 'node:net';
import { z } from 'zod';
import { command, quote } from './field-values.ts';
import { boundedText } from './text.ts';

/** Kubernetes' probes, with its fields and defaults, and `unit`, which only a system container can have. */
export const PROBES = ['startupProbe', 'readinessProbe', 'livenessProbe'] as const;
export type ProbeName = (typeof PROBES)[number];

export function isProbe(field: PropertyKey | undefined): field is ProbeName {
  return PROBES.some(name => name === field);
}

/** The ways to ask; each probe has exactly one. */
export const PROBE_WAYS = ['exec', 'tcpSocket', 'httpGet', 'unit'] as const;
export type ProbeWay = (typeof PROBE_WAYS)[number];

const MAX_SECONDS = 86_400;
const MAX_THRESHOLD = 1000;
const MAX_HEADERS = 32;
const MAX_HEADER_LENGTH = 4096;
const MAX_UNIT_NAME = 255;
/** A process in the guest takes a while to get there. */
const EXEC_TIMEOUT_SEC = 3;

const port = whole(1, 65_535);

const host = boundedText()
  .refine(value => isIP(value) !== 0 && !value.includes('%'), {
    error: issue => `not an IP address: ${quote(issue.input)}`,
  })
  .meta({
    pattern: '^[0-9A-Fa-f:.]+$',
    description:
      "IP address to connect to, from the host. By default the guest's localAddress or localAddress6, or 127.0.0.1 where it shares the host's network.",
    examples: ['10.231.136.2'],
  });

const header = z.strictObject({
  name: boundedText(256)
    .refine(value => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(value), {
      error: issue => `not the name of a header: ${quote(issue.input)}`,
    })
    .meta({
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
      description: 'Name of the header.',
    }),
  value: boundedText(MAX_HEADER_LENGTH)
    .refine(value => /^[\t\u0020-\u007e]*$/.test(value), { error: 'must be printable ASCII' })
    .meta({ description: 'Value of the header.' }),
});

const ways = {
  exec: z
    .strictObject({
      command: command.meta({
        description: "Program and arguments, without a shell, as root in the guest's root directory.",
        examples: [['/usr/bin/pg_isready']],
      }),
    })
    .optional()
    .meta({ description: 'Good when this command exits with 0 in the guest.' }),
  tcpSocket: z
    .strictObject({ port: port.meta({ description: 'Port that has to accept.' }), host: host.optional() })
    .optional()
    .meta({ description: 'Good when a connection to this port is accepted.' }),
  httpGet: z
    .strictObject({
      path: boundedText()
        .refine(value => /^\/[\u0021-\u007e]*$/.test(value), {
          error: issue => `not a path that begins with "/" and is printable: ${quote(issue.input)}`,
        })
        .meta({ pattern: '^/[!-~]*$' })
        .default('/')
        .meta({ description: 'Path to ask for, with a query where there is one.', examples: ['/healthz'] }),
      port: port.meta({ description: 'Port to ask at.' }),
      scheme: z
        .enum(['HTTP', 'HTTPS'])
        .default('HTTP')
        .meta({ description: 'HTTPS is not asked for its certificate.' }),
      host: host.optional(),
      httpHeaders: z
        .array(header)
        .max(MAX_HEADERS, { error: `more than ${MAX_HEADERS} headers` })
        .default([])
        .meta({
          description: 'Headers of the request.',
          examples: [[{ name: 'Host', value: 'example.org' }]],
        }),
    })
    .optional()
    .meta({ description: 'Good when the answer has a status from 200 to 399. Redirects are not followed.' }),
  unit: z
    .strictObject({
      name: boundedText(MAX_UNIT_NAME)
        .refine(value => /^[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]*$/.test(value), {
          error: issue => `not the name of a unit: ${quote(issue.input)}`,
        })
        .meta({
          pattern: '^[A-Za-z0-9:_.\\\\@][A-Za-z0-9:_.\\\\@-]*$',
          description: 'Name of the unit; .service where it has no type.',
          examples: ['postgresql.service'],
        }),
    })
    .optional()
    .meta({ description: "Good when this unit of the guest's systemd is active." }),
};

export const startupProbe = probe(true);
export const readinessProbe = probe(false);
export const livenessProbe = probe(true);

/** What is asked, as the planner and the prober have it. */
export type Probe = Readonly<z.output<typeof readinessProbe>>;

/** `isOnce`: one success is enough, and all there can be. */
function probe(isOnce: boolean) {
  const threshold = isOnce ? whole(1, 1, ' (one success is enough for this probe)') : whole(1, MAX_THRESHOLD);
  return z
    .strictObject({
      ...ways,
      initialDelaySeconds: whole(0, MAX_SECONDS).default(0).meta({
        description: 'How long after the guest has booted it is asked first.',
      }),
      periodSeconds: whole(1, MAX_SECONDS).default(10).meta({
        description: 'How often it is asked.',
      }),
      timeoutSeconds: whole(1, MAX_SECONDS)
        .optional()
        .meta({
          description: `How long an answer may take; by default 1, and ${EXEC_TIMEOUT_SEC} with exec.`,
        }),
      successThreshold: threshold.default(1).meta({
        description: 'How many answers in a row have to be good before it counts as good.',
      }),
      failureThreshold: whole(1, MAX_THRESHOLD).default(3).meta({
        description: 'How many answers in a row have to be bad before it counts as bad.',
      }),
    })
    .superRefine((value, context) => {
      const given = PROBE_WAYS.filter(way => value[way] !== undefined);
      if (given.length === 1) return;
      const message = `needs exactly one of ${PROBE_WAYS.join(', ')}`;
      const second = given[1];
      if (second === undefined) context.addIssue({ code: 'custom', message });
      else context.addIssue({ code: 'custom', path: [second], message: `${message}; ${given[0]} is there` });
    })
    .meta({ oneOf: PROBE_WAYS.map(way => ({ properties: { [way]: {} }, required: [way] })) })
    .transform(({ timeoutSeconds, unit, ...rest }) => ({
      ...rest,
      ...(unit === undefined ? {} : { unit: { name: withType(unit.name) } }),
      timeoutSeconds: timeoutSeconds ?? (rest.exec === undefined ? 1 : EXEC_TIMEOUT_SEC),
    }));
}

function withType(unit: string): string {
  return UNIT_TYPE.test(unit) ? unit : `${unit}.service`;
}

const UNIT_TYPE = /\.(?:service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$/;

function whole(least: number, most: number, why = '') {
  const wanted = least === most ? `${least}${why}` : `a whole number from ${least} to ${most}`;
  const error = (issue: { readonly input?: unknown }) =>
    typeof issue.input === 'number' ? `must be ${wanted}; found ${issue.input}` : undefined;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

/** The fields that may stand at a path below a probe; empty where any may, or none. */
export function probeFieldsAt(path: readonly PropertyKey[]): readonly string[] {
  const [way, ...deeper] = path;
  if (way === undefined) return Object.keys(readinessProbe.in.shape);
  const shape = ways[way as ProbeWay]?.unwrap().shape ?? {};
  if (deeper.length === 0) return Object.keys(shape);
  return way === 'httpGet' && deeper[0] === 'httpHeaders' && deeper.length === 2
    ? Object.keys(header.shape)
    : [];
}
