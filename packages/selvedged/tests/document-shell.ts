import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lab, Namespace } from '@selvedge/lab'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PROGRAMS = ['selvedged', 'selvedge']

/** A program of a shell that a test wants there, by its name: a script of sh. */
export type Scripts = Readonly<Record<string, string>>

/** Writes `selvedged` and `selvedge`, as built, to a folder for a PATH. */
export async function installPrograms(folder: string, scripts: Scripts = {}): Promise<void> {
  await mkdir(folder, { recursive: true })
  const bin = (name: string) => join(ROOT, `packages/selvedged/bin/${name}.js`)
  const ours = PROGRAMS.map((name) => [name, `exec '${process.execPath}' '${bin(name)}' "$@"`] as const)
  for (const [name, script] of [...ours, ...Object.entries(scripts)]) {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
}

export interface DocumentShellOptions {
  /** Where its commands begin. Default: the root of the repository. */
  readonly cwd?: string
  /** Such as `FLANNELD_ETCD_ENDPOINTS=…`. */
  readonly variables?: readonly string[]
  readonly scripts?: Scripts
}

/** Runs blocks of documents in a namespace: `selvedged`, `selvedge`, `node` and the scripts are in its PATH. */
export async function documentShell(
  lab: Lab,
  namespace: Namespace,
  { cwd = ROOT, variables = [], scripts = {} }: DocumentShellOptions = {},
): Promise<(block: string) => Promise<string>> {
  const folder = join(lab.directory, 'document-bin')
  await installPrograms(folder, scripts)
  const path = `PATH=${folder}:${dirname(process.execPath)}:${process.env.PATH}`
  return (block) =>
    namespace.exec('env', ['-C', cwd, path, ...variables, 'sh', '-euc', block], { timeoutMs: 30_000 })
}
