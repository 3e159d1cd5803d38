import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { apiReports } from '../../scripts/api/report.mjs'
import { repositoryRoot } from './source-tree.js'

// The declarations of all packages are read: a second or two, more on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

describe('the api.txt of a package', () => {
  it('says what it exports', () => {
    const reports = apiReports(repositoryRoot)
    expect(reports.has('packages/core')).toBe(true)
    const differing = [...reports].filter(([folder, text]) => read(`${folder}/api.txt`) !== text)
    const folders = differing.map(([folder]) => folder)
    expect(folders, 'what these export has changed: run `npm run api`, and commit what it writes').toEqual([])
  })

  it('has every name once, sorted, without comments and without what is private', () => {
    const root = repositoryOf({
      'packages/one/package.json': manifest('one', ['.', './kit']),
      'packages/one/dist/index.d.ts': `
export { twice as double, Counter } from './counter.js';
export type { Step } from './counter.js';
`,
      'packages/one/dist/kit.d.ts':
        "export { Counter } from './counter.js';\nexport declare const MAX = 3;\n",
      'packages/one/dist/counter.d.ts': `
/** Not exported by an entry point. */
export interface Hidden {
    readonly x: number;
}
/** A step. */
export type Step = 1 | /* or */ 2;
export declare const twice: (n: number) => number;
export declare class Counter {
    #private;
    private secret;
    /** Adds one. */
    add(step: Step): number;
}
`,
      'packages/two/package.json': manifest('two', ['.']),
      'packages/two/dist/index.d.ts': `
export type { Step } from '@x/one';
export declare function f(): void;
export declare function f(n: number): void;
`,
      'packages/three/package.json': JSON.stringify({ name: '@x/three', private: true }),
    })
    try {
      const reports = apiReports(root)
      expect([...reports.keys()]).toEqual(['packages/one', 'packages/two'])
      expect(reports.get('packages/one')?.replace(/^.*\n\n/, '')).toBe(`// @x/one

export declare class Counter {
    #private;
    add(step: Step): number;
}

export type Step = 1 | 2;

// as double
export declare const twice: (n: number) => number;

// @x/one/kit

export { Counter } from '@x/one'

export declare const MAX = 3;
`)
      expect(reports.get('packages/two')?.replace(/^.*\n\n/, '')).toBe(`// @x/two

export { Step } from '@x/one'

export declare function f(): void;
export declare function f(n: number): void;
`)
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})

function read(path: string): string | undefined {
  try {
    return readFileSync(join(repositoryRoot, path), 'utf8')
  } catch {
    return undefined
  }
}

function manifest(name: string, subpaths: readonly string[]): string {
  const built = (subpath: string) => ({
    default: `./dist/${subpath === '.' ? 'index' : subpath.slice(2)}.js`,
  })
  const exports = Object.fromEntries(subpaths.map((subpath) => [subpath, built(subpath)]))
  return JSON.stringify({ name: `@x/${name}`, type: 'module', exports })
}

function repositoryOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'selvedge-api-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}
