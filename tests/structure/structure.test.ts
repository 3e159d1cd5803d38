import { describe, expect, it, vi } from 'vitest'
import { wrongArrows } from './arrows.js'
import { circles } from './circles.js'
import { undeclaredImports } from './declared-imports.js'
import { expectClean, treeOf } from './expectations.js'
import { KNOWN_OFFENDERS } from './known-offenders.js'
import { processUse } from './process-use.js'
import { unimportableTypes } from './public-types.js'
import { undocumented } from './undocumented.js'

// The whole repository is read, parsed and bound: a second or two, more on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describe('imports among the files of a package', () => {
  it('run in no circle', () => expectClean(circles, KNOWN_OFFENDERS.circles))

  it('are found where they do, type imports included, by the shortest way round', () => {
    const tree = treeOf({
      core: {
        files: {
          'src/a.ts': "import type { B } from './b.js'\nexport interface A { b: B }",
          'src/b.ts': "import { c } from './c.js'\nexport type B = typeof c",
          'src/c.ts': "export type C = import('./a.js').A\nexport { c } from './d.js'",
          'src/d.ts': "import type { B } from './b.js'\nexport const c = 1",
          'src/e.ts': "import './a.js'",
        },
      },
    })
    const [found, ...others] = circles(tree)
    expect(others).toEqual([])
    expect(found).toMatch(
      /^packages\/core\/src\/(\w)\.ts -> packages\/core\/src\/(\w)\.ts -> packages\/core\/src\/(\w)\.ts -> packages\/core\/src\/\1\.ts: /,
    )
    expect(found).toMatch(/Move what both ends need into a file/)
  })
})

describe('imports among packages', () => {
  it('run one way', () => expectClean(wrongArrows, KNOWN_OFFENDERS.wrongArrows))

  it.each([
    ['core', '@selvedge/store-etcd', /arrows run/],
    ['core', 'node:fs/promises', /core does not use it/],
    ['backend-vxlan', '@selvedge/store-etcd', /arrows run/],
    ['backend-vxlan', 'node:timers', /backend-vxlan does not use it/],
    ['store-local', '@selvedge/backend-vxlan', /arrows run/],
    ['conformance', '@selvedge/store-etcd', /arrows run/],
    ['agent', '@selvedge/conformance', /arrows run/],
    ['agent', '@selvedge/store-etcd/dist/client.js', /exports no '.\/dist\/client.js'/],
    ['agent', '../../store-etcd/src/index.js', /leads into another package/],
    ['novelty', '@selvedge/core', /no layer is known/],
  ])('of %s may not lead to %s', (name, specifier, why) => {
    const importing = treeOf({
      core: { files: { 'src/index.ts': '' } },
      'store-etcd': { files: { 'src/index.ts': '' } },
      [name]: { files: { 'src/x.ts': `\nimport '${specifier}'` } },
    })
    const found = wrongArrows(importing)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(why)
    expect(found[0]).toContain(`packages/${name}/src/x.ts:2 imports ${specifier}`)
  })

  it('may lead down, and of a test anywhere', () => {
    const tree = treeOf({
      core: { files: { 'src/index.ts': '', 'src/x.test.ts': "import '@selvedge/store-memory'" } },
      'store-memory': { files: { 'src/index.ts': "import '@selvedge/core'; import 'node:fs'" } },
      agent: { files: { 'src/index.ts': "import '@selvedge/store-memory'" } },
    })
    expect(wrongArrows(tree)).toEqual([])
  })
})

describe('an imported package', () => {
  it('is declared by the package that imports it', () =>
    expectClean(undeclaredImports, KNOWN_OFFENDERS.undeclaredImports))

  it('is found where it is not: a tool for tests is none for sources', () => {
    const tree = treeOf({
      core: {
        manifest: { name: '@selvedge/core', dependencies: { lmdb: '1' }, devDependencies: { etcd3: '1' } },
        files: {
          'src/x.ts': "import 'lmdb/sub'\nimport type { A } from 'etcd3'\nimport 'vitest'",
          'src/x.test.ts': "import 'lmdb'\nimport 'etcd3'\nimport 'vitest'\nawait import('@grpc/grpc-js')",
          'tests/x.ts': "export { a } from '@selvedge/core'\nimport 'node:fs'\nimport x = require('pino')",
        },
      },
    })
    expect(undeclaredImports(tree)).toEqual([
      expect.stringMatching(/^packages\/core\/src\/x\.ts:2 imports etcd3, .* add it to its dependencies/),
      expect.stringMatching(/^packages\/core\/src\/x\.ts:3 imports vitest,/),
      expect.stringMatching(/^packages\/core\/src\/x\.test\.ts:4 imports @grpc\/grpc-js, .* devDependencies/),
      expect.stringMatching(/^packages\/core\/tests\/x\.ts:3 imports pino,/),
    ])
  })
})

describe('the process', () => {
  it('is left to programs', () => expectClean(processUse, KNOWN_OFFENDERS.processUse))

  const text = `
import { x } from './x.js'
x()
export const f = () => { console.log(process.env.X) }
export const g = () => { process.on('SIGTERM', f); process.exit(1) }
`
  it('is found where a library uses it', () => {
    const found = processUse(treeOf({ core: { files: { 'src/index.ts': text } } }))
    const what = found.map((finding) => finding.split(': ')[0])
    expect(what.toSorted()).toEqual([
      'packages/core/src/index.ts:3 does work when it is imported',
      'packages/core/src/index.ts:4 reads the environment',
      'packages/core/src/index.ts:4 writes to the console',
      'packages/core/src/index.ts:5 listens to the process',
      'packages/core/src/index.ts:5 uses process.exit',
    ])
  })

  it('belongs to a package with a bin, and its environment to the agent too', () => {
    const files = { 'src/index.ts': text }
    const manifest = { name: '@selvedge/selvedged', bin: { selvedged: './bundle/selvedged.mjs' } }
    expect(processUse(treeOf({ selvedged: { manifest, files } }))).toEqual([])
    expect(processUse(treeOf({ agent: { files } })).join()).not.toContain('environment')
  })
})

describe('a type that a public declaration names', () => {
  it('can be imported', () => expectClean(unimportableTypes, KNOWN_OFFENDERS.unimportableTypes))

  it('is found where it cannot, written or inferred, of the own package or another', () => {
    const tree = treeOf({
      core: {
        manifest: {
          name: '@selvedge/core',
          exports: { '.': { default: './dist/index.js' }, './kit': { default: './dist/kit.js' } },
        },
        files: {
          'src/index.ts': "export { type A, f, K, inferred } from './a.js'\nexport type { D } from './a.js'",
          'src/kit.ts': "export type { Kit } from './a.js'",
          'src/a.ts': `
export interface Hidden { readonly x: 1 }
export interface HiddenToo { readonly x: 1 }
export interface Inner { readonly x: 1 }
export interface Argument { readonly x: 1 }
export interface Kit { readonly x: 1 }
export interface A extends Hidden { readonly kit: Kit }
export type D = { readonly [K in 'a' | 'b']: A }
export function f(argument: Map<string, Argument>): void {}
export const inferred = (): { readonly too: HiddenToo } => ({ too: { x: 1 } })
export class K {
  readonly #hidden: Inner | undefined
  private readonly secret: Inner | undefined
  made() { return [inferred()] }
}
`,
        },
      },
      'store-memory': {
        files: {
          'src/index.ts':
            "import type { Kit } from '@selvedge/core/kit'\nimport type { Hidden } from '../../core/src/a.js'\nexport const g = (kit: Kit): Hidden => kit",
        },
      },
    })
    const found = unimportableTypes(tree).map((finding) => finding.replace(/, which (\S+).*/, ' of $1'))
    expect(found.toSorted()).toEqual([
      'packages/core/src/a.ts:10 inferred names HiddenToo of @selvedge/core',
      'packages/core/src/a.ts:7 A names Hidden of @selvedge/core',
      'packages/core/src/a.ts:9 f names Argument of @selvedge/core',
      'packages/store-memory/src/index.ts:3 g names Hidden of @selvedge/core',
    ])
  })
})

describe('what a package exports', () => {
  it('has doc comments, its members too', () => expectClean(undocumented, KNOWN_OFFENDERS.undocumented))

  it('is found where it has none, but for what says itself what it is', () => {
    const tree = treeOf({
      core: {
        files: {
          'src/index.ts': "export { type A, type Event, f, K, LIMIT as MAX, type Of } from './a.js'",
          'src/a.ts': `
export interface Base {
  /** How often. */
  readonly count: number
}
export interface A extends Base { readonly kind: 'a'; readonly mode: 'x' | 'y'; by(n: number): void }
/** What happens. */
export type Event = { readonly type: 'put' | 'delete'; readonly at: number } | (Readonly<{ readonly ok: true }> & Base)
/** Doubles. */
export function f(n: number): void
export function f(n?: number): void {}
export const LIMIT = 3
/** Of a type. */
export type Of<T> = T extends infer U ? { readonly u: U } : never
/** Counts. */
export class K implements Base, Disposable {
  static readonly default = new K()
  readonly name = 'K'
  readonly #hidden = 1
  private secret = 2
  readonly count = 3
  get size(): number { return this.#hidden }
  [Symbol.dispose](): void {}
}
`,
        },
      },
      examples: {
        manifest: { name: 'examples', private: true },
        files: { 'src/index.ts': 'export const x = 1' },
      },
    })
    expect(undocumented(tree).map((finding) => finding.replace(/ has no doc comment.*/, ''))).toEqual([
      'packages/core/src/a.ts:6 A',
      'packages/core/src/a.ts:6 A.mode',
      'packages/core/src/a.ts:6 A.by',
      'packages/core/src/a.ts:8 Event.at',
      'packages/core/src/a.ts:17 K.default',
      'packages/core/src/a.ts:22 K.size',
      'packages/core/src/a.ts:12 MAX',
    ])
  })
})
