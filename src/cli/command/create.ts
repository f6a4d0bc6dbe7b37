import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MANIFEST_ANNOTATION } from '../../api/container.ts';
import type { Json } from '../../api/manifest.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { CreateOptions, NewContainer } from '../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';

/** What was typed. */
export interface CreateArguments {
  readonly root?: string;
  readonly path?: string;
  readonly systemPath?: string;
  readonly config?: string;
  readonly configFile?: string;
  readonly flake?: string;
  readonly hostAddress?: string;
  readonly localAddress?: string;
  readonly hostNetwork?: boolean;
  readonly ensureUniqueName?: boolean;
  /** Both `--auto-start` and `--no-auto-start`; absent when neither was typed. */
  readonly autoStart?: boolean;
  readonly bridge?: string;
  readonly port?: string;
}

/** `nspawnctl create NAME`: writes a manifest through nspawnd, which knows the free names and addresses. */
export async function create(
  name: string,
  typed: CreateArguments,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const { container, options } = toRequest(name, typed);
  const { metadata, spec } = await client.create(container, options);
  const { name: given, annotations } = metadata;
  const file = annotations?.[MANIFEST_ANNOTATION]?.replace(/:\d+$/, '') ?? '';
  // The name alone is the answer: name=$(nspawnctl create --ensure-unique-name ...).
  await terminal.out(`${escapeLine(given)}\n`);
  const { localAddress, hostAddress, root, autoStart } = spec;
  const lines = [`manifest: ${file}`];
  if (typeof localAddress === 'string')
    lines.push(`address: ${localAddress}${hostAddress === undefined ? '' : ` (the host is ${hostAddress})`}`);
  if (typeof root === 'string' && (await lstat(root).catch(() => null)) === null)
    lines.push(...missingRoot(root, given));
  if (autoStart !== true) lines.push(`start it: nspawnctl start ${given}`);
  for (const line of lines) await terminal.err(`${escapeLine(line)}\n`);
  return EXIT.done;
}

/** Pure; throws what is wrong with the command line. */
export function toRequest(
  name: string,
  typed: CreateArguments,
): { readonly container: NewContainer; readonly options: CreateOptions } {
  refuseWhatComesLater(typed);
  const source = sourceOf(typed);
  const { hostAddress, localAddress, hostNetwork = false } = typed;
  const isAddressed = hostAddress !== undefined || localAddress !== undefined;
  if (hostNetwork && isAddressed)
    throw new CliError(EXIT.usage, '--host-network excludes --host-address and --local-address');
  const network: Record<string, Json> = isAddressed ? { privateNetwork: true } : {};
  if (hostAddress !== undefined) network.hostAddress = hostAddress;
  if (localAddress !== undefined) network.localAddress = localAddress;
  return {
    container: {
      metadata: { name },
      // Written out: who comes from nixos-container expects it to wait, who drops a file expects it to run.
      spec: { ...source, autoStart: typed.autoStart === true, ...network },
    },
    options: {
      ensureUniqueName: typed.ensureUniqueName === true,
      allocateAddresses: !isAddressed && !hostNetwork,
    },
  };
}

function sourceOf({
  root,
  path,
  systemPath,
  config,
  configFile,
  flake,
}: CreateArguments): Record<string, Json> {
  const given: readonly (readonly [option: string, field: string, value: string | undefined])[] = [
    ['--path', 'path', path === undefined ? undefined : resolve(path)],
    ['--system-path', 'path', systemPath === undefined ? undefined : resolve(systemPath)],
    ['--config', 'config', config],
    ['--config-file', 'config', configFile === undefined ? undefined : resolve(configFile)],
    ['--flake', 'flake', flake],
  ];
  const chosen = given.filter(([, , value]) => value !== undefined);
  if (chosen.length > 1)
    throw new CliError(EXIT.usage, `${chosen.map(([option]) => option).join(' and ')} exclude each other`);
  const spec: Record<string, Json> = root === undefined ? {} : { root: resolve(root) };
  const [one] = chosen;
  if (one?.[2] !== undefined) spec[one[1]] = one[2];
  if (Object.keys(spec).length === 0)
    throw new CliError(
      EXIT.usage,
      'what is it made of? name one of --root, --path, --config, --config-file, --flake',
      [
        'a directory with an operating system in it: --root /var/lib/machines/NAME',
        `make one: ${DEBOOTSTRAP} /var/lib/machines/NAME`,
      ],
    );
  return spec;
}

/** What nixos-container can do and a manifest cannot say yet. */
function refuseWhatComesLater({ bridge, port }: CreateArguments): void {
  if (bridge !== undefined)
    throw new CliError(EXIT.usage, '--bridge is not possible yet: it waits for the field hostBridge', [
      'leave it out: guests reach each other through the host',
    ]);
  if (port !== undefined)
    throw new CliError(EXIT.usage, '--port is not possible yet: it waits for the field forwardPorts', [
      'leave it out: the host reaches the guest at its address (nspawnctl show-ip NAME)',
    ]);
}

const DEBOOTSTRAP = 'debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus stable';

function missingRoot(root: string, name: string): readonly string[] {
  return [
    `${root} does not exist yet; ${name} can start as soon as it does`,
    `make it, for example: ${DEBOOTSTRAP} ${root}`,
  ];
}
