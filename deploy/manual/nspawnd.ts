import { allSettings } from '../../src/config.ts';
import { CONFIG_FILE } from '../../src/config-file.ts';
import { daemonProgram } from '../../src/options.ts';
import { addOptions } from './nspawnctl.ts';
import { Page } from './roff.ts';

/** nspawnd(8) */
export function nspawndPage(version: string): string {
  const page = new Page('nspawnd', 8, version, 'nspawnd')
    .section('Name')
    .paragraph('nspawnd - run systemd-nspawn containers from the manifests in a directory')
    .section('Synopsis')
    .paragraph('nspawnd.service')
    .paragraph('`nspawnd` [OPTION...]')
    .section('Description')
    .paragraph(
      'Every file in the manifests directory describes containers, see nspawnd.container(5). nspawnd makes them true and',
      'keeps them true: a file that appears is started, an edit is applied in the smallest way that does it, a file that',
      'goes takes its container with it (its root stays), what ends is started again as its manifest says.',
    )
    .paragraph(
      'Containers are units of systemd, `container@NAME.service`. Stopping, upgrading or killing nspawnd stops none of them;',
      'when it starts, it goes on with those that run.',
    )
    .section('Options')
    .paragraph(`Each but the first two is a setting of nspawnd.yaml(5), too, and wins over it.`);
  addOptions(page, daemonProgram());
  return page
    .section('Exit status')
    .item('0', 'It was stopped.')
    .item('1', 'It could not start, or go on; systemd starts it again.')
    .item('2, 78', 'An option, or a setting, is wrong: it is not started again until somebody has mended it.')
    .section('Signals')
    .item('SIGTERM, SIGINT', 'Stop. Containers go on.')
    .section('Files')
    .item(CONFIG_FILE, 'The settings, see nspawnd.yaml(5).')
    .item('/etc/nspawnd/manifests', 'The manifests. Whoever may write there is root.')
    .item(
      '/var/lib/nspawnd',
      'What survives a boot: last good versions, suspensions, logs of builds, the token.',
    )
    .item('/run/nspawnd', 'The sockets, and what is to be forgotten at boot.')
    .item('/run/systemd/system/container@NAME.service', 'The unit of each container.')
    .section('See also')
    .paragraph('nspawnctl(1), nspawnd.yaml(5), nspawnd.container(5), systemd-nspawn(1), systemd.unit(5)')
    .toString();
}

/** nspawnd.yaml(5) */
export function settingsPage(version: string): string {
  const page = new Page('nspawnd.yaml', 5, version, 'nspawnd')
    .section('Name')
    .paragraph('nspawnd.yaml - settings of nspawnd')
    .section('Synopsis')
    .paragraph(CONFIG_FILE)
    .section('Description')
    .paragraph(
      'One mapping in YAML 1.2, read when nspawnd(8) starts; restarting it stops no container. The file may be missing. It',
      'belongs to root and is writable by nobody else. A setting that is not known, or that is wrong, is told with its place',
      'in the journal, and keeps nspawnd from starting; `nspawnd --check-config` says so beforehand.',
    )
    .section('Settings');
  for (const { key, description, default: preset, examples } of allSettings()) {
    const example = examples.length === 0 ? '' : ` Example: ${examples.map(String).join(', ')}.`;
    page.item(`${key}:`, `${description} Default: ${JSON.stringify(preset)}.${example}`);
  }
  return page.section('See also').paragraph('nspawnd(8), nspawnd.container(5)').toString();
}

/** The file that is installed: every setting with its default, and none of them set. */
export function settingsFile(): string {
  const settings = allSettings().map(({ key, description, default: preset, examples }) => {
    const example = examples.length === 0 ? [] : [`# Example: ${key}: ${examples.map(String).join(', ')}`];
    return [`# ${description}`, ...example, `#${key}: ${preset === null ? 'null' : String(preset)}`].join(
      '\n',
    );
  });
  const head = [
    '# Settings of nspawnd, see nspawnd.yaml(5). What stands here behind a # is the default.',
    '# Read when nspawnd starts: systemctl restart nspawnd. No container notices that.',
    '# Whether all is in order: nspawnd --check-config',
  ];
  return `${[head.join('\n'), ...settings].join('\n\n')}\n`;
}
