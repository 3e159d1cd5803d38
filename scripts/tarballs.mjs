/** `npm run tarballs`: what is published to npm, in .cache/packages/npm/. Needs what `npm run build` has built. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packAll } from './package/tarballs.mjs'
import { root } from './setup.mjs'
import { runMain, say } from './terminal.mjs'

await runMain(async () => {
  const work = await mkdtemp(join(tmpdir(), 'selvedge-tarballs-'))
  const into = join(root, '.cache/packages/npm')
  try {
    await rm(into, { recursive: true, force: true })
    for (const file of Object.values(await packAll(into, work))) say('tarballs', file)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return 0
})
