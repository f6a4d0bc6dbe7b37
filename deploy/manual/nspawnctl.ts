import type { Command } from 'commander';
import { EXIT } from '../../src/cli/exit-code.ts';
import { nspawnctlProgram } from '../../src/cli/program.ts';
import { Page } from './roff.ts';

/** nspawnctl(1): what `--help` says of every command, in one place. */
export function nspawnctlPage(version: string): string {
  const program = nspawnctlProgram(() => async () => undefined, {});
  const help = program.createHelp();
  const page = new Page('nspawnctl', 1, version, 'nspawnd')
    .section('Name')
    .paragraph('nspawnctl - see and steer the containers that nspawnd runs from manifests')
    .section('Synopsis')
    .paragraph('`nspawnctl` [OPTION...] COMMAND [ARGUMENT...]')
    .section('Description')
    .paragraph(
      'Containers are what manifests say, see nspawnd.container(5). This command shows how they are and why, checks and',
      'changes manifests, starts and stops containers, and goes inside. It takes what users of kubectl(1) and',
      'nixos-container(8) type. Changing something, and going inside, needs root.',
    )
    .section('Options')
    .paragraph('Every command has these:');
  addOptions(page, program);
  const visible = help.visibleCommands(program);
  for (const [heading, commands] of help.groupItems(visible, visible, command => command.helpGroup())) {
    page.section(heading.replace(/:$/, ''));
    for (const command of commands) addCommand(page, command);
  }
  page
    .section('Exit status')
    .paragraph('`exec`, `run`, `shell` and `root-login` end as the command they ran.');
  for (const [word, code] of Object.entries(EXIT))
    page.item(String(code), EXIT_WORDS[word as keyof typeof EXIT]);
  return page
    .section('Files')
    .item('/run/nspawnd/nspawnd.sock', 'The socket with all verbs: root only, or the group `writeGroup`.')
    .item('/run/nspawnd/read.sock', 'The socket that only shows: root, or the group `readGroup`.')
    .item('/usr/share/nspawnd/container.schema.json', 'The JSON Schema of manifests, for editors.')
    .section('See also')
    .paragraph('nspawnd(8), nspawnd.yaml(5), nspawnd.container(5), systemd-nspawn(1), machinectl(1)')
    .toString();
}

const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'Yes, done.',
  no: 'An honest no: there is a difference, something is held, it did not become ready.',
  usage: 'Wrong usage.',
  invalidManifest: 'A manifest is not valid.',
  noSuchObject: 'There is no such container.',
  unavailable: 'The daemon, or the bus, is not there.',
  bug: 'A bug.',
  notPermitted: 'Not permitted.',
  refused: 'Refused by a guard.',
  timedOut: 'Not in time.',
};

function addCommand(page: Page, command: Command): void {
  const help = command.createHelp();
  page.subsection(
    help
      .commandUsage(command)
      .replace(/ \[options\]/, '')
      .replace(/^nspawnctl /, ''),
  );
  page.paragraph(sentence(command.description()));
  for (const argument of help.visibleArguments(command))
    page.item(argument.name(), sentence(help.argumentDescription(argument)));
  addOptions(page, command);
  for (const child of command.commands.length === 0 ? [] : help.visibleCommands(command))
    addCommand(page, child);
}

/** All of a command but --help, which all have. */
export function addOptions(page: Page, command: Command): void {
  const help = command.createHelp();
  for (const option of help.visibleOptions(command)) {
    if (option.long === '--help') continue;
    page.item(help.optionTerm(option), sentence(help.optionDescription(option)));
  }
}

function sentence(text: string): string {
  const start = /^[a-z][a-z ,]/.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
  return start === '' || /[.)]$/.test(start) ? start : `${start}.`;
}
