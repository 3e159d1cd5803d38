import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError, run } from './run.js'
import { until } from './until.js'

/**
 * Everything a lab makes outside itself is named `slv-<pid of its owner>-<number>`: its namespaces
 * (with the host's name after it) and its folder. The next lab recognizes by it what a killed process left behind.
 */
const NAME = /^(slv-(\d+)-\d+)(?:-|$)/

let count = 0

/** A name that no lab of this process has had. */
export function nextLabName(): string {
  count += 1
  return `slv-${process.pid}-${count}`
}

/** Where a lab keeps its files. */
export function labDirectory(name: string): string {
  return join(tmpdir(), name)
}

/** All network namespaces that `ip netns` knows, by name. */
export async function listNamespaces(): Promise<string[]> {
  try {
    return (await readdir('/run/netns')).sort()
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/**
 * Deletes network namespaces and kills every process that still runs in them. One that is gone
 * already is no error.
 */
export async function deleteNamespaces(names: readonly string[]): Promise<void> {
  const present = new Set(await listNamespaces())
  const doomed = names.filter((name) => present.has(name))
  if (doomed.length === 0) return
  await Promise.all(doomed.map(killProcesses))
  const commands = doomed.map((name) => `netns delete ${name}\n`)
  try {
    await run('ip', ['-force', '-batch', '-'], { input: commands.join('') })
  } catch (error) {
    // Another sweep may have been faster. All that matters is that they are gone.
    const left = new Set(await listNamespaces())
    if (doomed.some((name) => left.has(name))) throw error
  }
}

/**
 * Removes what labs left behind whose owner no longer runs.
 * @returns the names of those labs.
 */
export async function sweep(): Promise<string[]> {
  const namespaces = await listNamespaces()
  const folders = (await readdir(tmpdir())).filter((name) => NAME.exec(name)?.[1] === name)
  const abandoned = new Set(
    [...namespaces, ...folders].map(abandonedLab).filter((name) => name !== undefined),
  )
  await deleteNamespaces(namespaces.filter((name) => abandoned.has(NAME.exec(name)?.[1] ?? '')))
  // Another sweep may be removing the same folders.
  const options = { recursive: true, force: true, maxRetries: 10 }
  for (const name of abandoned) await rm(labDirectory(name), options)
  return [...abandoned].sort()
}

/** The lab that a namespace or folder belongs to, if its owner is dead. */
function abandonedLab(name: string): string | undefined {
  const [, lab, pid] = NAME.exec(name) ?? []
  return lab !== undefined && !isAlive(Number(pid)) ? lab : undefined
}

async function killProcesses(namespace: string): Promise<void> {
  await until(`the processes in ${namespace} to end`, async () => {
    const pids = await processesIn(namespace)
    for (const pid of pids) kill(pid)
    return pids.length === 0 ? true : undefined
  })
}

async function processesIn(namespace: string): Promise<number[]> {
  try {
    const output = await run('ip', ['netns', 'pids', namespace])
    return output.split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if (error instanceof CommandError && !(await listNamespaces()).includes(namespace)) return []
    throw error
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !isGone(error)
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH'
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
