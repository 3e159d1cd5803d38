import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  backendSuite,
  driverSuite,
  type Runner,
  resourceSuite,
  sharedHolderSuite,
  subnetManagerSuite,
} from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { contractDifferences } from './contracts.js'
import { repositoryRoot } from './source-tree.js'

/** The titles of a suite's tests, none of which is run. */
function titlesOf(suite: (runner: Runner) => void): readonly string[] {
  const titles: string[] = []
  suite({ describe: (_name, body) => body(), it: (name) => void titles.push(name) })
  return titles
}

const setup = (): never => {
  throw new Error('nothing is run')
}

const SUITES: readonly (readonly [contract: string, name: string, suite: (runner: Runner) => void])[] = [
  ['subnet-manager', 'subnetManagerSuite', (runner) => subnetManagerSuite(runner, { setup })],
  ['backend', 'backendSuite', (runner) => backendSuite(runner, { setup })],
  ['driver', 'driverSuite', (runner) => driverSuite(runner, { setup })],
  ['driver', 'resourceSuite', (runner) => resourceSuite(runner, { setup, sharedHolder: false })],
  ['driver', 'sharedHolderSuite', (runner) => sharedHolderSuite(runner, { setup })],
]

describe('the doc comments of a contract', () => {
  it.each(SUITES)('of %s list what %s tests, word for word', (contract, name, suite) => {
    const text = readFileSync(join(repositoryRoot, `packages/core/src/contract/${contract}.ts`), 'utf8')
    const titles = titlesOf(suite)
    expect(titles).not.toEqual([])
    expect(contractDifferences(text, name, titles)).toEqual([])
  })

  const source = `
/**
 * Writes.
 *
 * Tests of \`mySuite\`:
 * - writes what
 *   is given
 * - changes it: in place
 * - is fast
 *
 * Tests of \`mySuite\` and \`otherSuite\`:
 * - reads
 */
`
  it('may name a rule that several tests prove, and wrap', () => {
    const titles = [
      'writes what is given: one',
      'writes what is given: two',
      'changes it: in place',
      'is fast',
      'reads',
    ]
    expect(contractDifferences(source, 'mySuite', titles)).toEqual([])
    expect(contractDifferences(source, 'otherSuite', ['reads'])).toEqual([])
  })

  it('are found wanting if a test is not listed, or a listed one is gone', () => {
    expect(
      contractDifferences(source, 'mySuite', ['writes what is given', 'is fast', 'reads', 'lists: all']),
    ).toEqual([
      expect.stringMatching(/^mySuite tests 'lists', which the contract does not list: add "- lists" to/),
      expect.stringMatching(
        /^the contract lists 'changes it: in place' as a test of mySuite, which has none/,
      ),
    ])
  })
})
