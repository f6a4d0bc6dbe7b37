import { firstLine } from './in-turn.ts';

/** What was measured, or a line that says why not: one that fails does not take the others with it. */
export async function orWhyNot(name: string, measuring: Promise<string>): Promise<string> {
  try {
    return await measuring;
  } catch (error) {
    process.exitCode = 1;
    console.error(error);
    return `${name}: not measured: ${firstLine(error)}\n`;
  }
}
