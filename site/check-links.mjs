/** Looks whether every link of the built site leads somewhere, anchors too. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

const ID = /\sid="([^"]+)"/g
const HREF = /\s(?:href|src)="([^"]+)"/g

/** The lines that say what is wrong: none if all is well. */
export function deadLinks(folder, base) {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.html'))
  const html = new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
  const ids = new Map(
    [...html].map(([name, text]) => [name, new Set([...text.matchAll(ID)].map(([, id]) => id))]),
  )
  let count = 0
  const problems = [...html].flatMap(([name, text]) =>
    [...new Set([...text.matchAll(HREF)].map(([, href]) => decoded(href)))].flatMap((href) => {
      if (/^[a-z]+:/.test(href)) return []
      count += 1
      const why = whyDead(name, href)
      return why === undefined ? [] : [`${name}: ${href}: ${why}`]
    }),
  )
  return { problems, count, pages: files.length }

  function whyDead(from, href) {
    const [path = '', anchor] = href.split('#')
    if (path !== '' && path.startsWith('/') && !path.startsWith(base)) return `outside of ${base}`
    const target =
      path === ''
        ? from
        : fileOf(path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(from), path))
    if (target === undefined) return 'no such page'
    if (!anchor || ids.get(target) === undefined) return undefined
    return ids.get(target).has(anchor) ? undefined : 'no such anchor'
  }

  function fileOf(path) {
    const file = path.split('?')[0]
    return [file, `${file}.html`, posix.join(file, 'index.html')].find(
      (name) => html.has(name) || (name.includes('.') && existsSync(join(folder, name))),
    )
  }
}

const decoded = (href) => decodeURIComponent(href.replaceAll('&amp;', '&'))
