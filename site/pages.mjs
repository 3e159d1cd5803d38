/** Which files of the repository are pages, where they are on the site, and in what order. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT_PAGES = {
  'README.md': 'introduction.md',
  'ARCHITECTURE.md': 'architecture.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'security.md',
  'CHANGELOG.md': 'changelog.md',
  '.changeset/README.md': 'changesets.md',
  'examples/README.md': 'examples.md',
  'lab/README.md': 'lab.md',
  'deploy/kubernetes/README.md': 'kubernetes.md',
}

/** A map from the path of a Markdown file in the repository to that of its page. */
export function pagesOf(root) {
  const markdown = (folder) =>
    readdirSync(join(root, folder), { recursive: true }).filter((name) => name.endsWith('.md'))
  const packages = readdirSync(join(root, 'packages'))
  return new Map([
    ...Object.entries(ROOT_PAGES),
    ...markdown('docs').map((name) => [`docs/${name}`, name.replace(/README\.md$/, 'index.md')]),
    ...packages.map((name) => [`packages/${name}/README.md`, `packages/${name}.md`]),
  ])
}

/** The pages of docs/ besides the guides, in the order in which they are read. One that is missing here is last. */
const REFERENCE = [
  'selvedge',
  'doctor',
  'errors',
  'dashboard',
  'install',
  'kubernetes',
  'backends',
  'traffic-rules',
]
const KNOWLEDGE = ['guarantees', 'differences', 'field-cases', 'field-notes']

/** The sidebar: the guides as docs/guides/README.md lists them, and everything else. */
export function sidebarOf({ root, pages, titles, api }) {
  const item = (page) => ({ text: titles.get(page) ?? page, link: `/${page.replace(/\.md$/, '')}` })
  const guides = [...readFileSync(join(root, 'docs/guides/README.md'), 'utf8').matchAll(/\]\((\S+?\.md)\)/g)]
    .map(([, link]) => join('docs/guides', link))
    .filter((path) => path.startsWith('docs/') && pages.has(path))
    .map((path) => pages.get(path))
  const named = (names) => names.map((name) => `${name}.md`).filter((page) => titles.has(page))
  const placed = new Set([...guides, ...named(REFERENCE), ...named(KNOWLEDGE)])
  const rest = [...pages]
    .filter(([path, page]) => path.startsWith('docs/') && !placed.has(page) && page !== 'guides/index.md')
    .map(([, page]) => page)
  const packages = [...pages].filter(([path]) => path.startsWith('packages/')).map(([, page]) => page)
  const about = ['architecture', 'security', 'contributing', 'changesets', 'changelog', 'lab']
  return [
    { text: 'Start', items: named(['introduction', 'examples']).map(item) },
    { text: 'Guides', items: [...new Set(guides)].map(item) },
    { text: 'Reference', items: [...named(REFERENCE), ...rest].map(item) },
    { text: 'What to rely on', items: named(KNOWLEDGE).map(item) },
    { text: 'Packages', collapsed: true, items: packages.map(item) },
    { text: 'API', collapsed: true, items: api.map((name) => ({ text: name, link: `/api/${name}` })) },
    { text: 'The project', items: named(about).map(item) },
  ]
}
