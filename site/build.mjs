/**
 * `npm run docs`: builds docs/, the READMEs and the API reference to a static site, and checks its links.
 *
 *     npm run docs                                     site/dist, for a server's root
 *     npm run docs -- --tag v0.2.0 --out /srv/docs     /srv/docs/v0.2.0, beside the versions that are there
 *     npm run docs -- --tag next --out /srv/docs --root /selvedge/    for a server's folder /selvedge/
 *
 * With a tag it also writes versions.json, from which every version's pages learn of the others, and an index.html that
 * leads to the newest.
 */
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'vitepress'
import { deadLinks } from './check-links.mjs'
import { stagePages } from './stage.mjs'
import { publishVersion } from './versions.mjs'

const SITE = fileURLToPath(new URL('.', import.meta.url))
const REPOSITORY = 'https://github.com/selvedge/selvedge'

const { values } = parseArgs({
  options: {
    tag: { type: 'string' },
    out: { type: 'string', default: join(SITE, 'dist') },
    root: { type: 'string', default: '/' },
  },
})
const { tag, root } = values
if (tag !== undefined && !/^\w[\w.-]*$/.test(tag)) fail('--tag', [`${tag} is not a tag such as v0.2.0`])
if (!/^\/(?:[\w-][\w.-]*\/)*$/.test(root)) fail('--root', [`${root} does not begin and end with /`])

const started = performance.now()
const folder = resolve(values.out)
const out = tag === undefined ? folder : join(folder, tag)
const base = tag === undefined ? root : `${root}${tag}/`

const { sidebar, problems } = await stagePages({
  root: resolve(SITE, '..'),
  site: SITE,
  pagesFolder: join(SITE, '.cache/pages'),
  publicFolder: join(SITE, '.cache/public'),
  repository: REPOSITORY,
  ref: tag?.startsWith('v') ? tag : 'main',
})
if (problems.length > 0) fail('links of the documents that lead nowhere', problems)

process.env.SELVEDGE_SITE = JSON.stringify({ base, tag, root, repository: REPOSITORY, sidebar })
rmSync(out, { recursive: true, force: true })
await build(SITE, { outDir: out, base })

const { problems: dead, count, pages } = deadLinks(out, base)
if (dead.length > 0) fail('links of the site that lead nowhere', dead)
if (tag !== undefined) publishVersion({ folder, root, tag })
const seconds = Math.round((performance.now() - started) / 1000)
process.stderr.write(`docs          ${pages} pages, ${count} links checked, in ${seconds} s: ${out}\n`)

function fail(what, lines) {
  process.stderr.write(`docs          ${what}:\n${lines.map((line) => `  ${line}\n`).join('')}`)
  process.exit(1)
}
