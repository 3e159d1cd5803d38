/** Every export and every snippet, compiled as a consumer compiles: strict, and with the libraries' declarations checked. */
import { RESOLUTIONS } from './project.mjs'
import { typescript } from './tools.mjs'

/** The TypeScript with which the workspace is built, and the newest declarations of Node.js, together. */
const NEWEST = '6.0'
const NEWEST_NODE_TYPES = '26'

/** Before it, a package that only Node.js's resolution finds the types of (etcd3's `long`) is an error under `bundler`. */
const FIRST_WITH_ETCD3_UNDER_BUNDLER = 5.6

export async function checkTypes(project, snippets, versions, progress) {
  const resolutions = Object.keys(RESOLUTIONS)
  progress.expect((versions.length + 1) * resolutions.length)
  for (const version of versions) {
    for (const resolution of resolutions) await check(version, resolution)
  }
  await project.add(`@types/node@${NEWEST_NODE_TYPES}`)
  for (const resolution of resolutions) await check(NEWEST, resolution, `, @types/node ${NEWEST_NODE_TYPES}`)

  async function check(version, resolution, types = ', @types/node 20') {
    await progress.check(`types: TypeScript ${version}, ${resolution}${types}`, async () => {
      const withEtcd3 = snippets.filter(({ typesNeed }) => typesNeed === 'etcd3').map(({ file }) => file)
      const isTooOld = resolution === 'bundler' && Number(version) < FIRST_WITH_ETCD3_UNDER_BUNDLER
      const without = isTooOld ? withEtcd3 : []
      const said = await project.compile(await typescript(version), resolution, { without })
      const remark =
        without.length > 0 ? `without ${without}: etcd3's own declarations do not compile` : undefined
      return { failed: said !== '', output: said, remark }
    })
  }
}
