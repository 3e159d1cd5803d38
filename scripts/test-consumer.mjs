/**
 * `npm run test:consumer`: the packages as a stranger gets them. Packs each, lints the tarballs, installs the tarballs into an empty project
 * outside the workspace, type-checks all that they export and every snippet of every README with several versions of
 * TypeScript, and runs each snippet with several versions of Node.js, those that need it in namespaces of their own. Bun and
 * Deno run what does not need the Linux driver. A second project has two versions of core at once.
 *
 *   --all                 every TypeScript from 5.2 to 6.0 and every Node.js from 20 to 26, not only the first and the last
 *   --only core           only snippets whose name contains it; repeatable
 *   --keep                leaves the project where it is, and says where
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkInstall } from './consumer/check-install.mjs'
import { checkRuntimes } from './consumer/check-runtimes.mjs'
import { checkSelvedged } from './consumer/check-selvedged.mjs'
import { checkTypes } from './consumer/check-types.mjs'
import { lintTarballs } from './consumer/lint-tarballs.mjs'
import { Progress } from './consumer/progress.mjs'
import { Project } from './consumer/project.mjs'
import { runSnippets } from './consumer/run-snippets.mjs'
import { readSnippets } from './consumer/snippets.mjs'
import { checkTwoCores } from './consumer/two-cores.mjs'
import { packAll } from './package/tarballs.mjs'
import {
  addSystemFoldersToPath,
  build,
  ensureDebianPackages,
  ensureNpmPackages,
  testTools,
  whyNoNamespaces,
} from './setup.mjs'
import { runMain, SetupError, say, step } from './terminal.mjs'

const TYPESCRIPT = ['5.2', '5.3', '5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0']
const NODE = [20, 22, 24, 26]

const endsOf = (versions) => [versions[0], versions.at(-1)]

await runMain(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      all: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [''] },
      keep: { type: 'boolean', default: false },
    },
  })
  addSystemFoldersToPath()
  await ensureNpmPackages()
  await build()
  const obstacle = await whyNoNamespaces()
  if (obstacle !== undefined) throw new SetupError(`The snippets cannot run: ${obstacle}.`)
  await ensureDebianPackages(testTools)
  const folder = await mkdtemp(join(tmpdir(), 'selvedge-consumer-'))
  try {
    return await test(folder, values)
  } finally {
    if (values.keep) say('consumer', `kept: ${folder}`)
    else await rm(folder, { recursive: true, force: true })
  }
})

async function test(folder, { all, only }) {
  const versions = { typescript: all ? TYPESCRIPT : endsOf(TYPESCRIPT), node: all ? NODE : endsOf(NODE) }
  const snippets = readSnippets().filter(({ name }) => only.some((text) => name.includes(text)))
  const progress = new Progress()
  let tarballs
  await step('consumer', 'npm pack of each package', async () => {
    tarballs = await packAll(join(folder, 'tarballs'), folder)
  })
  await lintTarballs(tarballs, progress)
  const project = new Project(join(folder, 'project'))
  await step(
    'consumer',
    `npm install of ${Object.keys(tarballs).length} tarballs into an empty project`,
    () => project.install(Object.values(tarballs), ['@types/node@20']),
  )
  for (const { file, code } of snippets) await project.write(file, code)
  await project.writeImportOfAll()
  await checkTypes(project, snippets, versions.typescript, progress)
  await runSnippets(project, snippets, versions.node, progress)
  await checkInstall(join(folder, 'as-documented'), tarballs, versions.node, progress)
  await checkRuntimes(project, snippets, progress)
  await checkSelvedged(join(folder, 'selvedged-alone'), tarballs.selvedged, versions.node, progress)
  await checkTwoCores(join(folder, 'two-cores'), tarballs, versions, progress)
  return progress.report()
}
