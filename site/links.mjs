/** What a document's links become on the site. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

const LINK = /(\]\()([^()\s]+)(\))/g
const FENCE = /^\s*(```|~~~)/

/** Applies `change` to what is outside of fenced blocks. */
export function outsideFences(text, change) {
  let open
  return text
    .split('\n')
    .map((line) => {
      const [, fence] = FENCE.exec(line) ?? []
      const inside = open !== undefined
      if (fence !== undefined && (open === undefined || open === fence)) open = inside ? undefined : fence
      return inside || fence !== undefined ? line : change(line)
    })
    .join('\n')
}

/**
 * The text of a document with links to other pages as the site has them, and links to files that are none as the
 * repository's web pages have them.
 *
 * @param path of the document, from the root
 * @param problems takes a line for each link that leads nowhere
 */
export function withSiteLinks(text, { path, root, pages, repository, ref, problems }) {
  return outsideFences(text, (line) =>
    line.replaceAll(LINK, (_, before, target, after) => `${before}${siteLink(target)}${after}`),
  )

  function siteLink(target) {
    const ours = fromRepository(target)
    if (ours === undefined && /^[a-z]+:/.test(target)) return target
    const [file = '', anchor] = (ours ?? target).split('#')
    const hash = anchor === undefined ? '' : `#${anchor}`
    if (file === '') return target
    const named = normalize(ours === undefined ? join(dirname(path), file) : file).replace(/\/$/, '')
    const page = pages.get(named) ?? pages.get(join(named, 'README.md'))
    if (page !== undefined) return `/${page}${hash}`
    if (!existsSync(join(root, named))) {
      problems.push(`${path} links to ${target}, which is not there`)
      return target
    }
    if (/\.(png|svg)$/.test(named)) return `/${named}`
    const kind = statSync(join(root, named)).isDirectory() ? 'tree' : 'blob'
    return `${repository}/${kind}/${ref}/${named}${hash}`
  }

  /** The path and the anchor of a link to the repository's own web pages. */
  function fromRepository(target) {
    if (!target.startsWith(`${repository}/`)) return undefined
    return /^(?:blob|tree)\/[^/]+\/(.+)$/.exec(target.slice(repository.length + 1))?.[1]
  }
}

/** What Vue would take for an element, such as `<name>` in a doc comment, as text. */
export const withoutStrayElements = (text) =>
  outsideFences(text, (line) =>
    line
      .split(/(`+[^`]*`+)/)
      .map((part, i) => (i % 2 === 1 ? part : part.replaceAll(/(?<!\\)<(?!\/?a\b|br\b|https?:)/g, '&lt;')))
      .join(''),
  )

/** API pages without sections that say only which type is returned, as the line above has it. */
export const withoutRepeatedReturns = (text) =>
  text.replaceAll(/^#+ Returns\n\n[^\n]+\n\n(?=<a id|#|\*\*\*)/gm, '')
