import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { documentBlock } from '@selvedge/lab'
import { describe, expect, it } from 'vitest'
import {
  type Manifest,
  nextVersion,
  parseChangeset,
  releaseEntry,
  withEntry,
  withVersion,
} from '../../scripts/release/changesets.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const manifests: Manifest[] = readdirSync(join(ROOT, 'packages')).map((name) =>
  JSON.parse(read(`packages/${name}/package.json`)),
)
const known = manifests.filter((manifest) => !manifest.private).map(({ name }) => name)
const changesets = readdirSync(join(ROOT, '.changeset')).filter(
  (name) => name.endsWith('.md') && name !== 'README.md',
)

const changeset = (name: string, kind: string, text: string) =>
  parseChangeset(`---\n"${name}": ${kind}\n---\n\n${text}\n`, known)

describe('.changeset', () => {
  it.each(changesets.map((name) => [name]))('%s can be released', (name) => {
    expect(parseChangeset(read(`.changeset/${name}`), known).text).not.toBe('')
  })

  it('shows an example in its README that can be released', () => {
    const example = `${documentBlock('.changeset/README.md', '---')}\n`
    expect(parseChangeset(example, known)).toMatchObject({
      releases: [{ name: '@selvedge/store-etcd', kind: 'minor' }],
    })
  })

  it.each([
    ['no packages', 'Something new.\n', 'does not begin with packages'],
    ['none of ours', '---\n"left-pad": patch\n---\n\nx\n', 'names left-pad'],
    ['a private one', '---\n"@selvedge/lab": patch\n---\n\nx\n', 'names @selvedge/lab'],
    ['an unknown kind', '---\n"@selvedge/core": huge\n---\n\nx\n', 'has the kind huge'],
    ['no kind', '---\n"@selvedge/core"\n---\n\nx\n', 'has the line'],
    ['no text', '---\n"@selvedge/core": patch\n---\n\n', 'says nothing'],
    ['an empty list', '---\n---\n\nx\n', 'names no package'],
  ])('is refused with %s', (_, text, message) => {
    expect(() => parseChangeset(text, known)).toThrow(message)
  })
})

describe('a release', () => {
  const fix = changeset('@selvedge/core', 'patch', 'A fix.')
  const news = changeset('@selvedge/store-etcd', 'minor', 'Something new.\n\nMore of it.')
  const broken = changeset('@selvedge/agent', 'major', 'Another flag.')

  it('raises the version by the largest change', () => {
    expect(nextVersion('0.1.9', [fix])).toBe('0.1.10')
    expect(nextVersion('0.1.9', [fix, news])).toBe('0.2.0')
    expect(nextVersion('0.1.9', [news, broken, fix])).toBe('1.0.0')
  })

  it('puts its changes before the former release, what breaks first', () => {
    const before = '# Changelog\n\nWords.\n\n## 0.1.0, 2026-01-01\n\n### Fixed\n\n- **core**: A fix.\n'
    expect(withEntry(before, releaseEntry('1.0.0', '2026-12-01', [fix, news, broken]))).toBe(
      '# Changelog\n\nWords.\n\n## 1.0.0, 2026-12-01\n\n' +
        '### Breaking\n\n- **agent**: Another flag.\n\n' +
        '### New\n\n- **store-etcd**: Something new.\n\n  More of it.\n\n' +
        '### Fixed\n\n- **core**: A fix.\n\n' +
        '## 0.1.0, 2026-01-01\n\n### Fixed\n\n- **core**: A fix.\n',
    )
    expect(withEntry('# Changelog\n', releaseEntry('0.1.1', '2026-12-01', [fix]))).toBe(
      '# Changelog\n\n## 0.1.1, 2026-12-01\n\n### Fixed\n\n- **core**: A fix.\n',
    )
  })

  it('raises every dependency on a package of ours, and no other', () => {
    const manifest: Manifest = {
      name: '@selvedge/x',
      version: '0.1.0',
      dependencies: { '@selvedge/core': '0.1.0', eventemitter3: '^5.0.4' },
      peerDependencies: { '@selvedge/core': '^0.1.0' },
    }
    expect(withVersion(manifest, '0.2.0')).toEqual({
      name: '@selvedge/x',
      version: '0.2.0',
      dependencies: { '@selvedge/core': '0.2.0', eventemitter3: '^5.0.4' },
      peerDependencies: { '@selvedge/core': '^0.2.0' },
    })
  })

  it('has one version for all packages', () => {
    expect(new Set(manifests.map(({ version }) => version)).size).toBe(1)
  })
})
