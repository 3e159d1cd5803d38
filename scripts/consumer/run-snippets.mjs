/** Every snippet, compiled once and run with each Node.js. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { findKubernetes, remedy } from '../kube-apiserver.mjs'
import { forEachOf, onNode, runSnippet } from './run-snippet.mjs'
import { nodeBinary, typescript } from './tools.mjs'

/** Its output runs on the oldest Node.js, which has no `await using`. */
const COMPILER = '6.0'

export async function runSnippets(project, snippets, versions, progress) {
  const compiled = join(project.folder, 'compiled')
  const said = await project.compile(await typescript(COMPILER), 'nodenext', { emitTo: compiled })
  if (said !== '') throw new Error(said)
  const binaries = await Promise.all(versions.map(nodeBinary))
  const runs = binaries.flatMap((node, index) =>
    snippets.map((snippet) => ({ snippet, node, version: versions[index] })),
  )
  progress.expect(runs.length)
  await forEachOf(runs, availableParallelism(), ({ snippet, node, version }) =>
    progress.check(`runs: Node.js ${version}, ${snippet.name}`, async () => {
      if (snippet.kubernetes && findKubernetes() === undefined) {
        return { failed: false, remark: `NOT RUN, for want of an API server: ${remedy}` }
      }
      const { failed, output } = await runSnippet(snippet, {
        runtime: onNode(node),
        file: join(compiled, snippet.file.replace(/\.ts$/, '.js')),
        cwd: project.folder,
        work: join(project.folder, 'work', `${version}-${snippet.file}`),
      })
      return { failed, output, remark: /^the kernel has no link type .*/m.exec(output)?.[0] }
    }),
  )
}
