import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { documentBlock } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deadLinks } from './check-links.mjs'
import { withoutRepeatedReturns, withoutStrayElements, withSiteLinks } from './links.mjs'
import { pagesOf } from './pages.mjs'
import { publishVersion, sortVersions } from './versions.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const REPOSITORY = 'https://github.com/selvedge/selvedge'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-site-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(name, text) {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

describe('links of documents', () => {
  const problems = []
  beforeEach(() => void problems.splice(0))
  const onSite = (text, path = 'docs/guides/write-a-store.md') =>
    withSiteLinks(text, {
      path,
      root: ROOT,
      pages: pagesOf(ROOT),
      repository: REPOSITORY,
      ref: 'v0.2.0',
      problems,
    })

  it.each([
    ['another document', '[a](../doctor.md)', '[a](/doctor.md)'],
    ['a part of it', '[a](../doctor.md#pods)', '[a](/doctor.md#pods)'],
    ['a part of itself', '[a](#pods)', '[a](#pods)'],
    ['a package', '[a](../../packages/store-etcd)', '[a](/packages/store-etcd.md)'],
    ['a folder of pages', '[a](README.md)', '[a](/guides/index.md)'],
    ['a source', '[a](../../lab/src/host.ts)', `[a](${REPOSITORY}/blob/v0.2.0/lab/src/host.ts)`],
    ['a folder', '[a](../../deploy/monitoring)', `[a](${REPOSITORY}/tree/v0.2.0/deploy/monitoring)`],
    ['an image', '![a](../dashboard-dark.png)', '![a](/docs/dashboard-dark.png)'],
    ['a page by its web address', `[a](${REPOSITORY}/blob/main/docs/doctor.md#pods)`, '[a](/doctor.md#pods)'],
    ['the web', '[a](https://example.org/x.md)', '[a](https://example.org/x.md)'],
  ])('to %s', (_, text, expected) => {
    expect(onSite(text)).toBe(expected)
    expect(problems).toEqual([])
  })

  it('that lead nowhere are problems', () => {
    onSite('[a](gone.md)')
    expect(problems).toEqual(['docs/guides/write-a-store.md links to gone.md, which is not there'])
  })

  it('in a program are part of it', () => {
    const text = '```ts\nlist[0](../doctor.md)\n```\n'
    expect(onSite(text)).toBe(text)
  })
})

describe('links of the site', () => {
  const check = () => deadLinks(folder, '/v1/').problems

  it('are all right if pages, files and anchors are there', () => {
    write(
      'index.html',
      '<a href="/v1/a/b.html#here">x</a> <a href="#top" id="top">x</a> <img src="/v1/a.png">',
    )
    write(
      'a/b.html',
      '<h2 id="here">x</h2> <a href="../index.html">x</a> <a href="https://example.org">x</a>',
    )
    write('a.png', '')
    expect(check()).toEqual([])
  })

  it.each([
    ['a page that is not there', '<a href="/v1/gone.html">x</a>', '/v1/gone.html: no such page'],
    ['an anchor that is not there', '<a href="#gone">x</a>', '#gone: no such anchor'],
    ['an image that is not there', '<img src="gone.png">', 'gone.png: no such page'],
    ['another version', '<a href="/v2/index.html">x</a>', '/v2/index.html: outside of /v1/'],
  ])('that name %s are reported', (_, html, expected) => {
    write('index.html', html)
    expect(check()).toEqual([`index.html: ${expected}`])
  })
})

describe('pages of the API', () => {
  it('have no elements but their anchors', () => {
    expect(withoutStrayElements('<a id="x"></a> conf.<name>.x, `<T>` and \\<\n```\n<b>\n```')).toBe(
      '<a id="x"></a> conf.&lt;name>.x, `<T>` and \\<\n```\n<b>\n```',
    )
  })

  it('do not repeat what is returned, unless it is explained', () => {
    expect(withoutRepeatedReturns('### Returns\n\n`void`\n\n## Next\n')).toBe('## Next\n')
    const explained = '### Returns\n\n`void`\n\nOnce it is done.\n\n## Next\n'
    expect(withoutRepeatedReturns(explained)).toBe(explained)
  })
})

describe('versions', () => {
  it('are listed from the newest release on', () => {
    expect(sortVersions(['next', 'v0.9.0', 'v0.10.0', 'v0.9.1', 'v0.9.0'])).toEqual([
      'v0.10.0',
      'v0.9.1',
      'v0.9.0',
      'next',
    ])
  })

  it('are added to what is there, and the newest release is what is opened first', () => {
    for (const tag of ['v0.1.0', 'v0.2.0', 'next']) publishVersion({ folder, root: '/docs/', tag })
    expect(JSON.parse(readFileSync(join(folder, 'versions.json'), 'utf8'))).toEqual([
      'v0.2.0',
      'v0.1.0',
      'next',
    ])
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('url=/docs/v0.2.0/')
  })
})

describe('the figure of the architecture', () => {
  it('says what the diagram in ARCHITECTURE.md says', () => {
    const diagram = documentBlock('ARCHITECTURE.md', 'flowchart LR')
    const words = [...diagram.matchAll(/"([^"]+)"/g)].flatMap(([, label]) => label.split(/<br\/>|\s+/))
    const svg = readFileSync(join(ROOT, 'site/figures/architecture.svg'), 'utf8')
    const shown = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].flatMap(([, text]) => text.split(/\s+/))
    expect(words.length).toBeGreaterThan(20)
    expect(shown.sort()).toEqual(words.sort())
  })
})
