/** `npm run api`: writes what each package exports into its api.txt, so that a change of it shows in review. Builds the declarations first. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apiReports } from './api/report.mjs'
import { root } from './setup.mjs'
import { runMain } from './terminal.mjs'

await runMain(async () => {
  for (const [folder, text] of apiReports(root)) await writeFile(join(root, folder, 'api.txt'), text)
  return 0
})
