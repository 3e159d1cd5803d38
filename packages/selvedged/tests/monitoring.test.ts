import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { documentedMetrics } from './documented-metrics.js'

const run = promisify(execFile)
const folder = fileURLToPath(new URL('../../../deploy/monitoring', import.meta.url))
const RULES = 'selvedge.rules.yml'
const DASHBOARD = 'selvedge.grafana.json'

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

const panels = async (): Promise<readonly Panel[]> =>
  JSON.parse(await readFile(`${folder}/${DASHBOARD}`, 'utf8')).panels

/** A query of the dashboard as Prometheus gets it. */
const expanded = (query: string): string =>
  query.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.*').replaceAll('$instance', '.*')

test('promtool accepts the alerts, and each fires for its fault alone', async () => {
  await run('promtool', ['check', 'rules', RULES], { cwd: folder })
  const { stdout, stderr } = await run('promtool', ['test', 'rules', 'selvedge.rules.test.yml'], {
    cwd: folder,
  })
  expect(stdout + stderr).toContain('SUCCESS')
})

test.each([RULES, DASHBOARD])('%s uses no metric that is not served', async (file) => {
  const text = await readFile(`${folder}/${file}`, 'utf8')
  const used = new Set([...text.matchAll(/\bselvedge_\w+/g)].map(([name]) => name.replace(/_bucket$/, '')))
  expect(used.size).toBeGreaterThan(8)
  const served = await documentedMetrics()
  expect([...used].filter((name) => !served.includes(name))).toEqual([])
})

describe('the dashboard', () => {
  test('has queries that Prometheus accepts', async () => {
    const queries = (await panels()).flatMap(({ targets = [] }) => targets.map(({ expr }) => expanded(expr)))
    expect(queries.length).toBeGreaterThan(10)
    const rules = queries.map((query, n) => `{ record: "q${n}", expr: ${JSON.stringify(query)} }`)
    const directory = await mkdtemp(join(tmpdir(), 'slv-monitoring-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = join(directory, 'dashboard.yml')
    await writeFile(file, `groups: [{ name: dashboard, rules: [${rules.join(', ')}] }]`)
    const { stdout } = await run('promtool', ['check', 'rules', file])
    expect(stdout).toContain(`SUCCESS: ${queries.length} rules found`)
  })

  test('has no panel above another', async () => {
    const all = await panels()
    const overlapping = all.flatMap((a, n) =>
      all.slice(n + 1).flatMap((b) => (overlap(a.gridPos, b.gridPos) ? [`${a.title} and ${b.title}`] : [])),
    )
    expect(overlapping).toEqual([])
    for (const { gridPos } of all) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })
})

const overlap = (a: Panel['gridPos'], b: Panel['gridPos']): boolean =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
