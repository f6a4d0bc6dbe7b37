import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { containerPage } from '../../../deploy/manual/container.ts';
import { nspawnctlPage } from '../../../deploy/manual/nspawnctl.ts';
import { nspawndPage, settingsFile, settingsPage } from '../../../deploy/manual/nspawnd.ts';
import { Page } from '../../../deploy/manual/roff.ts';
import { manifestJsonSchema } from '../../../src/api/manifest-schema.ts';
import { nspawnctlProgram } from '../../../src/cli/program.ts';
import { allSettings, configSchema } from '../../../src/config.ts';
import { judgeSettings } from '../../../src/config-file.ts';

const settings = allSettings();

/** As it is read: without what only the formatter sees. */
function plain(page: string): string {
  return page.replaceAll('\\-', '-').replaceAll('\\(aq', "'");
}

suite('the manual', () => {
  test('has every command and its options, as --help shows them', () => {
    const page = plain(nspawnctlPage('1.2.3'));
    const program = nspawnctlProgram(() => async () => undefined, {});
    const commands = program.createHelp().visibleCommands(program);
    assert.ok(commands.length > 30);
    for (const command of commands) {
      assert.match(page, new RegExp(`^\\.SS "${command.name()}[ "]`, 'm'));
      for (const option of command.createHelp().visibleOptions(command))
        if (option.long !== '--help') assert.ok(page.includes(`.B "${option.flags}"`), option.flags);
    }
    assert.doesNotMatch(page, /__complete/);
    assert.match(page, /^\.B "124"\nNot in time\.$/m);
  });

  test('has every setting, by option and by name', () => {
    const [daemon, file] = [plain(nspawndPage('1')), plain(settingsPage('1'))];
    for (const { key, flags, description } of settings) {
      assert.ok(daemon.includes(`.B "${flags}"`), flags);
      assert.ok(file.includes(`.B "${key}:"\n${description}`), key);
    }
  });

  test('has every field of a manifest, with what a change of it costs', () => {
    const page = plain(containerPage('1'));
    const { spec } = manifestJsonSchema().properties ?? {};
    for (const field of Object.keys(spec?.properties ?? {}))
      assert.match(page, new RegExp(`^\\.B "${field}"\n.*change: (live|reload|restart)\\)$`, 'm'));
  });

  test('shows a text as it is, whatever the formatter would make of it', () => {
    const page = new Page('x', 1, '1', 'x')
      .paragraph(".so /etc/shadow\n'a \\fBb", 'say `-x` twice')
      .toString();
    assert.match(page, /^\\&\.so \/etc\/shadow \\\(aqa \\efBb\nsay \\fB\\-x\\fR twice$/m);
  });
});

suite('the file of settings that is installed', () => {
  test('sets nothing', () => {
    assert.deepEqual(judgeSettings('nspawnd.yaml', settingsFile()), {});
  });

  test('says the default of every setting: with all of them set, nothing is different', () => {
    const all = judgeSettings('nspawnd.yaml', settingsFile().replace(/^#(?=[a-z])/gim, ''));
    assert.deepEqual(
      Object.keys(all),
      settings.map(({ key }) => key),
    );
    assert.deepEqual(configSchema.parse(all), configSchema.parse({}));
  });
});
