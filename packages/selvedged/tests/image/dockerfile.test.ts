import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { argOf, type Instruction, parseDockerfile, variablesIn } from './dockerfile.js'

const run = promisify(execFile)

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const IMAGE = join(ROOT, 'deploy/image')

/** What BuildKit sets: for FROM by itself, in a stage where an ARG declares it. */
const PLATFORM = ['BUILDPLATFORM', 'TARGETARCH']

const text = await readFile(join(IMAGE, 'Dockerfile'), 'utf8')
const { globals, stages } = parseDockerfile(text)
const instructions: readonly Instruction[] = stages.flatMap((stage) => stage.instructions)
const final = stages.at(-1)

/** The paths that COPY takes from the checkout. */
const sources = instructions
  .filter(({ name, flags }) => name === 'COPY' && flags.from === undefined)
  .flatMap(({ text }) => text.split(/\s+/).slice(0, -1))

describe('the Dockerfile', () => {
  test('begins with images of a named version, and ends with none', () => {
    const images = globals.map(argOf)
    for (const { name, value } of images) expect(value, name).toMatch(/^[a-z]+:\d+[\w.-]*$/)
    const known = images.map(({ name }) => `\${${name}}`)
    for (const { image, name } of stages.slice(0, -1)) expect(known, name).toContain(image)
    expect(final?.image).toBe('scratch')
  })

  test('names the stages that others copy from, before they do', () => {
    const before: (string | undefined)[] = []
    for (const { name, instructions } of stages) {
      const froms = instructions.map(({ flags }) => flags.from).filter((from) => from !== undefined)
      for (const from of froms) expect(before).toContain(from)
      before.push(name)
    }
    const used = instructions.map(({ flags }) => flags.from)
    expect(before.slice(0, -1).filter((name) => !used.includes(name))).toEqual([])
  })

  test('declares each variable that a stage uses, and uses each that it declares', () => {
    for (const { name, instructions } of stages) {
      const declared = instructions.filter(({ name }) => name === 'ARG').map((arg) => argOf(arg).name)
      const used = instructions.filter(({ name }) => name !== 'ARG').flatMap(({ text }) => variablesIn(text))
      expect(new Set(used), name).toEqual(new Set(declared))
    }
    const ofStages = stages.flatMap(({ image }) => variablesIn(image))
    expect(new Set(ofStages)).toEqual(new Set(globals.map((arg) => argOf(arg).name)))
    const platforms = [...text.matchAll(/^FROM --platform=(\S+)/gm)].flatMap(([, flag = '']) =>
      variablesIn(flag),
    )
    for (const name of platforms) expect(PLATFORM).toContain(name)
  })

  test('runs nothing in a stage of the target’s architecture', () => {
    const froms = [...text.matchAll(/^FROM (.*)$/gm)].map(([, rest = '']) => rest)
    expect(froms).toHaveLength(stages.length)
    for (const [index, { instructions }] of stages.entries()) {
      if (instructions.some(({ name }) => name === 'RUN')) {
        expect(froms[index]).toMatch(/^--platform=\$\{BUILDPLATFORM\} /)
      }
    }
  })

  test('runs scripts of the checkout by relative paths, with quoted variables, and no others', () => {
    const runs = instructions.filter(({ name }) => name === 'RUN').map(({ text }) => text)
    expect(runs.length).toBeGreaterThan(0)
    for (const command of runs) expect(command).toMatch(/^\.\/[\w.]+\.sh( ("\$\w+"|\w+))*$/)
  })

  test('adds nothing by URL, sets no secret, and starts without a shell', () => {
    const names = new Set(instructions.map(({ name }) => name))
    expect([...names].sort()).toEqual(['ARG', 'COPY', 'ENTRYPOINT', 'RUN', 'WORKDIR'])
    const entrypoints = final?.instructions.filter(({ name }) => name === 'ENTRYPOINT') ?? []
    expect(entrypoints.map(({ text }) => JSON.parse(text))).toEqual([
      ['/usr/bin/node', '/opt/selvedge/selvedged/bin/selvedged.js'],
    ])
  })

  test('copies what is there, by absolute targets in the image', async () => {
    for (const source of sources) await expect(stat(join(ROOT, source)), source).resolves.toBeDefined()
    for (const { name, text } of final?.instructions ?? []) {
      if (name === 'COPY') expect(text.split(/\s+/).at(-1)).toMatch(/^\//)
    }
  })

  test('gets of the checkout what it copies, and nothing else', async () => {
    const lines = (await readFile(join(IMAGE, 'Dockerfile.dockerignore'), 'utf8')).split('\n')
    const [everything, ...exceptions] = lines.filter((line) => line !== '' && !line.startsWith('#'))
    expect(everything).toBe('*')
    const patterns = exceptions.map((line) => line.replace(/^!/, ''))
    const fits = (pattern: string, source: string): boolean =>
      new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`).test(source)
    for (const source of sources)
      expect(
        patterns.filter((one) => fits(one, source)),
        source,
      ).toHaveLength(1)
    for (const one of patterns)
      expect(
        sources.filter((source) => fits(one, source)),
        one,
      ).not.toEqual([])
  })
})

describe('the scripts of the image', async () => {
  const scripts = (await readdir(IMAGE)).filter((name) => name.endsWith('.sh'))

  test.each(scripts)('%s is executable, and POSIX shell', async (name) => {
    const file = join(IMAGE, name)
    expect((await stat(file)).mode & 0o111).toBe(0o111)
    const content = await readFile(file, 'utf8')
    expect(content).toMatch(/^#!\/bin\/sh\n/)
    expect(content).toMatch(/^set -eu$/m)
    await run('sh', ['-n', file])
  })

  test.each(scripts)('%s refuses an architecture that there is no image for', async (name) => {
    const failure = await run(join(IMAGE, name), ['riscv64', 'nft', '/dev/null', '/nonexistent']).catch(
      (error) => error,
    )
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringContaining("'riscv64': amd64 or arm64") })
  })
})
