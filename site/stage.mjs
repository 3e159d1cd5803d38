/** Puts the pages together, as VitePress reads them: documents with the site's links, figures, the API reference. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeApiPages } from './api.mjs'
import { withoutRepeatedReturns, withoutStrayElements, withSiteLinks } from './links.mjs'
import { pagesOf, sidebarOf } from './pages.mjs'

/** A page's Mermaid diagram is a figure here, which takes no program in the browser. */
const FIGURES = { 'ARCHITECTURE.md': 'architecture.svg' }
const MERMAID = /^```mermaid\n.*?^```$/ms

/** Their first lines are names that say little in a list of pages. */
const TITLES = { 'introduction.md': 'What selvedge is', 'examples.md': 'Examples' }

/**
 * @param root of the repository
 * @param site the folder of the site's own files
 * @param pagesFolder, publicFolder are emptied first
 * @param ref the branch or tag that links to sources lead to
 * @returns the sidebar, and a line for each link that leads nowhere
 */
export async function stagePages({ root, site, pagesFolder, publicFolder, repository, ref }) {
  for (const folder of [pagesFolder, publicFolder]) rmSync(folder, { recursive: true, force: true })
  const write = (page, text) => {
    mkdirSync(dirname(join(pagesFolder, page)), { recursive: true })
    writeFileSync(join(pagesFolder, page), text)
  }

  const api = await writeApiPages({ root, out: join(pagesFolder, 'api') })
  rmSync(join(pagesFolder, 'api/README.md'))
  write('api/index.md', apiIndex(root, api))
  for (const name of api) {
    const text = withoutRepeatedReturns(readFileSync(join(pagesFolder, `api/${name}.md`), 'utf8'))
    write(`api/${name}.md`, `---\noutline: 2\n---\n\n${withoutStrayElements(text)}`)
  }

  const pages = pagesOf(root)
  const problems = []
  const titles = new Map()
  for (const [path, page] of pages) {
    const text = readFileSync(join(root, path), 'utf8')
    titles.set(page, TITLES[page] ?? /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '') ?? page)
    write(page, withSiteLinks(withFigure(path, text), { path, root, pages, repository, ref, problems }))
  }
  const [snippet] = /^```js\n.*?^```$/ms.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  write('index.md', `${readFileSync(join(site, 'home.md'), 'utf8')}\n${snippet}\n`)

  cpSync(join(site, 'public'), publicFolder, { recursive: true })
  for (const name of readdirSync(join(root, 'docs'), { recursive: true }))
    if (/\.(png|svg)$/.test(name)) cpSync(join(root, 'docs', name), join(publicFolder, 'docs', name))
  return { sidebar: sidebarOf({ root, pages, titles, api }), problems }

  function withFigure(path, text) {
    if (!MERMAID.test(text)) return text
    const figure = FIGURES[path]
    if (figure === undefined) problems.push(`${path} has a Mermaid diagram, and stage.mjs no figure for it`)
    return figure === undefined
      ? text
      : text.replace(MERMAID, () => readFileSync(join(site, 'figures', figure), 'utf8').trim())
  }
}

/** The entry points of packages, `core` and `core/kit`, each with what its package says of itself. */
function apiIndex(root, entries) {
  const lines = entries.map((entry) => {
    const [name, part] = entry.split('/')
    const { description } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    return `- [@selvedge/${entry}](${entry}.md)${part === undefined ? `: ${description}` : ''}`
  })
  return `# API reference\n\n${lines.join('\n')}\n`
}
