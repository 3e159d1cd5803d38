/** Several versions of the site beside one another: a folder each, and a list of them that all of their pages read. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const RELEASE = /^v(\d+)\.(\d+)\.(\d+)$/

/** Releases from the newest on, then others, such as `next`. */
export function sortVersions(tags) {
  const parts = (tag) => RELEASE.exec(tag)?.slice(1).map(Number)
  return [...new Set(tags)].sort((a, b) => {
    const [left, right] = [parts(a), parts(b)]
    if (left === undefined || right === undefined)
      return left === right ? a.localeCompare(b) : left === undefined ? 1 : -1
    const differing = left.findIndex((value, i) => value !== right[i])
    return differing < 0 ? 0 : right[differing] - left[differing]
  })
}

/** Adds a version to versions.json, and leads whoever opens the folder itself to the newest. */
export function publishVersion({ folder, root, tag }) {
  const list = join(folder, 'versions.json')
  const before = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
  const tags = sortVersions([...before, tag])
  writeFileSync(list, `${JSON.stringify(tags)}\n`)
  const newest = `${root}${tags[0]}/`
  writeFileSync(
    join(folder, 'index.html'),
    `<!doctype html><meta charset="utf-8"><title>selvedge</title><meta http-equiv="refresh" content="0; url=${newest}"><a href="${newest}">selvedge ${tags[0]}</a>\n`,
  )
}
