/** The commands with which the READMEs begin: each installs the packages that it names, and these alone are enough. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runQuietly } from '../terminal.mjs'
import { onNode, runSnippet } from './run-snippet.mjs'
import { readSnippets } from './snippets.mjs'
import { nodeBinary } from './tools.mjs'

const byShell = (command, cwd) => runQuietly('sh', ['-euc', command], { cwd })

/** @param tarballs by the name of their package, which take the place of what a registry has */
export async function checkInstall(folder, tarballs, versions, progress) {
  // As built, which it was not when this program was started.
  const { documentBlock } = await import('../../lab/dist/index.js')
  const project = join(folder, 'project')
  const prefix = join(folder, 'prefix')
  for (const each of [project, prefix]) await mkdir(each, { recursive: true })
  progress.expect(2)

  await progress.check('what the README installs runs its first program', async () => {
    await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }')
    const [command] = documentBlock('README.md', 'npm install @selvedge/core', {
      '@selvedge/core': tarballs.core,
      '@selvedge/store-local': tarballs['store-local'],
      '@selvedge/backend-vxlan': tarballs['backend-vxlan'],
      '@selvedge/dataplane-linux': tarballs['dataplane-linux'],
    }).split('\n')
    await byShell(command, project)
    const snippet = readSnippets().find(({ name }) => name === 'README.md 1')
    const file = join(project, snippet.file)
    await writeFile(file, snippet.code)
    const node = await nodeBinary(versions[0])
    return runSnippet(snippet, { runtime: onNode(node), file, cwd: project, work: join(folder, 'work') })
  })

  await progress.check("what selvedged's README installs has both programs", async () => {
    const [command] = documentBlock('packages/selvedged/README.md', 'npm install --global', {
      '--global': `--global --prefix '${prefix}'`,
      '@selvedge/selvedged': tarballs.selvedged,
    }).split('\n')
    await byShell(command, folder)
    for (const name of ['selvedged', 'selvedge']) await runQuietly(join(prefix, 'bin', name), ['--version'])
    return { failed: false }
  })
}
