/** Reads changesets, the files in .changeset that say what a change means to users, and makes a release's entry of them. */

const KINDS = ['patch', 'minor', 'major']

/** A file's packages with their kind, and its text. Throws an Error that says what is wrong with it. */
export function parseChangeset(text, known) {
  const [, head, body = ''] = /^---\n(.*?)\n?---\n(.*)$/s.exec(text.replaceAll('\r\n', '\n')) ?? []
  if (head === undefined) throw new Error('it does not begin with packages between two lines "---"')
  const releases = head
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, kind] = /^\s*["']?(@?[\w./-]+)["']?\s*:\s*["']?(\w+)["']?\s*$/.exec(line) ?? []
      if (name === undefined) throw new Error(`it has the line ${JSON.stringify(line)}, not "package": kind`)
      if (!known.includes(name)) throw new Error(`it names ${name}, which is no package to publish`)
      if (!KINDS.includes(kind)) throw new Error(`it has the kind ${kind}, not ${KINDS.join(', ')}`)
      return { name, kind }
    })
  if (releases.length === 0) throw new Error('it names no package')
  if (body.trim() === '') throw new Error('it says nothing')
  return { releases, text: body.trim() }
}

const kindOf = ({ releases }) => KINDS[Math.max(...releases.map(({ kind }) => KINDS.indexOf(kind)))]

/** All packages have one version: it is raised by the largest change. */
export function nextVersion(version, changesets) {
  const [, ...parts] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? []
  if (parts.length === 0) throw new Error(`${version} is no version such as 0.1.0`)
  const [major, minor, patch] = parts.map(Number)
  const kinds = changesets.map(kindOf)
  if (kinds.includes('major')) return `${major + 1}.0.0`
  return kinds.includes('minor') ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`
}

const TITLES = { major: 'Breaking', minor: 'New', patch: 'Fixed' }

/** A release's part of the CHANGELOG: what breaks first, each change with the packages that it concerns. */
export function releaseEntry(version, date, changesets) {
  const sections = [...KINDS].reverse().flatMap((kind) => {
    const items = changesets.filter((changeset) => kindOf(changeset) === kind).map(item)
    return items.length === 0 ? [] : [`### ${TITLES[kind]}\n\n${items.join('\n')}\n`]
  })
  return `## ${version}, ${date}\n\n${sections.join('\n')}`
}

function item({ releases, text }) {
  const packages = releases.map(({ name }) => name.replace('@selvedge/', '')).join(', ')
  return `- **${packages}**: ${text.replaceAll('\n', '\n  ').replaceAll(/^ +$/gm, '')}`
}

/** Puts the entry before that of the former release. */
export function withEntry(changelog, entry) {
  const at = changelog.search(/^## /m)
  return at < 0
    ? `${changelog.trimEnd()}\n\n${entry}`
    : `${changelog.slice(0, at)}${entry}\n${changelog.slice(at)}`
}

/** A package.json with another version of its own and of all packages here that it depends on, `^` kept. */
export function withVersion(manifest, version) {
  const dependencies = (group) =>
    Object.fromEntries(
      Object.entries(manifest[group]).map(([name, range]) => [
        name,
        name.startsWith('@selvedge/') ? range.replace(/\d+\.\d+\.\d+$/, version) : range,
      ]),
    )
  const groups = ['dependencies', 'peerDependencies', 'optionalDependencies', 'devDependencies']
  return {
    ...manifest,
    version,
    ...Object.fromEntries(
      groups.filter((group) => manifest[group]).map((group) => [group, dependencies(group)]),
    ),
  }
}
