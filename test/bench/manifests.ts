import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import { PROGRAM } from '../program.ts';
import { cacheDirectory } from '../testbed/places.ts';
import type { Bench } from './bench.ts';
import type { MeasuredManifests } from './manifests-child.ts';
import { digits, figures } from './report.ts';

const COUNTS = [100, 1_000, 10_000];

/**
 * Many manifests in one directory, without containers: the real reading of a real directory, and for a thousand of them
 * the real controller on a model host. In a process of its own for each number, bundled as the daemon is.
 */
export async function measureManifests(_bench: Bench): Promise<string> {
  await mkdir(cacheDirectory, { recursive: true });
  const scratch = await mkdtemp(join(cacheDirectory, 'bench-'));
  try {
    const program = join(scratch, 'child.mjs');
    await bundle(program);
    const measured = new Map<number, MeasuredManifests>();
    for (const count of COUNTS) {
      const { stdout } = await execa(process.execPath, ['--expose-gc', program, scratch, String(count)]);
      measured.set(count, JSON.parse(stdout) as MeasuredManifests);
      process.stdout.write('.');
    }
    return report(measured);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('manifests-child.ts', import.meta.url))],
    outfile,
    ...PROGRAM,
  });
}

function report(measured: ReadonlyMap<number, MeasuredManifests>): string {
  const sections = [...measured].map(([count, found]) => {
    const goal = (text: string, of: number) => (count === of ? { goal: text } : {});
    return figures(`${count} manifests`, [
      { name: 'the first scan', value: ms(found.firstScanMs) },
      {
        name: 're-list of unchanged files, CPU',
        value: ms(found.rescanCpuMs),
        ...goal('below 50 ms', 1_000),
      },
      { name: 'one edit among them, until it is announced', value: ms(found.editMs) },
      { name: 'one edit among them, CPU', value: ms(found.editCpuMs), ...editGoal(count, found, measured) },
      { name: 'memory of the process', value: `${digits(found.memoryMb)} MB` },
      ...(found.controller === null
        ? []
        : [
            { name: 'controller started among as many known ones', value: ms(found.controller.adoptMs) },
            { name: 're-list of everything on a model host, CPU', value: ms(found.controller.relistCpuMs) },
            { name: 'at rest, of a core', value: `${found.controller.restPercent.toFixed(2)} %` },
          ]),
    ]);
  });
  return `${sections.join('\n')}`;
}

function editGoal(
  count: number,
  found: MeasuredManifests,
  measured: ReadonlyMap<number, MeasuredManifests>,
): { readonly goal?: string } {
  const least = measured.get(100)?.editCpuMs;
  if (count !== 10_000 || least === undefined) return {};
  return { goal: `at most 3 times that among 100; it is ${(found.editCpuMs / least).toFixed(1)} times` };
}

function ms(value: number): string {
  return `${digits(value)} ms`;
}
