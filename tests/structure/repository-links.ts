/** Where the repository is for those who have a package alone. */
export const REPOSITORY = 'https://github.com/selvedge/selvedge'

/** What a link to the repository's main branch names, as a path from its root; undefined for any other link. */
export function pathInRepository(url: string): string | undefined {
  const inside = /^\/(?:blob|tree)\/main\/([^#?]+)/.exec(
    url.startsWith(REPOSITORY) ? url.slice(REPOSITORY.length) : '',
  )
  return inside?.[1]
}

/** The targets of a document's links and images, in order: `[text](target)`, `[name]: target`, `<https://…>`. */
export function linksOf(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '')
  return [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)|^\[[^\]]+\]:\s+(\S+)|<(https?:[^>\s]+)>/gm)].map(
    ([, inline, reference, plain]) => inline ?? reference ?? plain ?? '',
  )
}
