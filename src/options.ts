import { Command, Option } from 'commander';
import { issuesOf } from './api/manifest-issue.ts';
import { allSettings, type Config, configSchema, type Setting, settingsSchema } from './config.ts';
import { CONFIG_FILE, ConfigError, readConfigFile, type WrittenSettings } from './config-file.ts';
import { productVersion } from './version.ts';

/** What nspawnd was told, and which file told it; null where there is none. */
export interface Told {
  readonly config: Config;
  readonly file: string | null;
  /** Nothing is to be run: it was only asked whether all is in order. */
  readonly isCheck: boolean;
}

/** The daemon's command line. Its manual page is made of the same. */
export function daemonProgram(): Command {
  const program = new Command('nspawnd')
    .description('Runs systemd-nspawn containers from the manifests in a directory.')
    .version(productVersion())
    .option('--config <file>', `file of settings (default: ${CONFIG_FILE}, which may be missing)`)
    .option('--check-config', 'say whether the settings are in order, and run nothing')
    .showSuggestionAfterError();
  for (const setting of allSettings()) program.addOption(optionOf(setting));
  return program;
}

/** Options win over the file. Throws a ConfigError for a bad file; a bad option ends the process with 2. */
export async function readConfig(argv: readonly string[]): Promise<Told> {
  const program = daemonProgram().parse([...argv]);
  const { config: file, checkConfig, ...given } = program.opts<Record<string, unknown>>();
  const options = byKey(given);
  const judged = settingsSchema.safeParse(options, { reportInput: true });
  if (!judged.success) {
    const sentences = issuesOf(judged.error).map(
      ({ path, message }) => `error: ${flagsOf(String(path[0]))}: ${message}`,
    );
    return program.error(sentences.join('\n'), { exitCode: 2 });
  }
  const written = await readConfigFile(typeof file === 'string' ? file : CONFIG_FILE);
  if (written === null && typeof file === 'string') throw new ConfigError([`${file}: there is no such file`]);
  return {
    config: configSchema.parse({ ...written, ...options }),
    file: written === null ? null : ((file as string | undefined) ?? CONFIG_FILE),
    isCheck: checkConfig === true,
  };
}

/** What `null` means in a file is meant by leaving the option out. */
function optionOf({ flags, description, default: preset }: Setting): Option {
  const sentence = description.replace(/; null: .*/, '').replace(/\.$/, '');
  const start = sentence.slice(0, 2);
  const begun = /[A-Z][a-z]/.test(start) ? `${start.toLowerCase()}${sentence.slice(2)}` : sentence;
  const shown = preset === null || preset === false ? '' : ` (default: ${String(preset)})`;
  return new Option(flags, `${begun}${shown}`);
}

/** What was given, by the names of the settings; numbers as numbers. */
function byKey(given: Readonly<Record<string, unknown>>): WrittenSettings {
  const keys = new Map(allSettings().map(({ key, flags }) => [new Option(flags).attributeName(), key]));
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [keys.get(name) ?? name, numberIfAny(value)]),
  );
}

function numberIfAny(value: unknown): unknown {
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
}

function flagsOf(key: string): string {
  return allSettings().find(setting => setting.key === key)?.flags ?? key;
}
