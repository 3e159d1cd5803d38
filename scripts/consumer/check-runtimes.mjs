/**
 * Bun and Deno: the suites of the stores on real servers, of a backend and of a driver on the fake kernel, and overlays; and
 * that the Linux driver refuses them by name. The programs are in TypeScript, which both run as it is.
 */
import { cp } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findKubernetes, remedy } from '../kube-apiserver.mjs'
import { forEachOf, runSnippet } from './run-snippet.mjs'
import { otherRuntime, RUNTIME_NAMES } from './tools.mjs'

const PROGRAMS = fileURLToPath(new URL('runtimes', import.meta.url))

/** Every test of a suite. */
const ALL_PASS = /^[1-9]\d* passed, 0 failed$/m

/** Seconds on an idle machine, several times as long on a busy one. */
const TIMEOUT_MS = 300_000

const programs = ({ title }) => [
  { name: 'suites on fakes', file: 'runtimes/fakes.ts', prints: ALL_PASS, timeoutMs: TIMEOUT_MS },
  {
    name: 'suites on etcd and NATS',
    file: 'runtimes/servers.ts',
    etcd: {},
    nats: 'empty',
    prints: ALL_PASS,
    timeoutMs: TIMEOUT_MS,
  },
  {
    name: 'store-kube on an API server',
    file: 'runtimes/kube.ts',
    kubernetes: true,
    prints: /^10\.244\.0\.0\/16 10\.244\.1\.0\/24\nsnapshot\nstopped$/m,
    timeoutMs: TIMEOUT_MS,
  },
  {
    name: 'linux() refuses it by name',
    file: 'runtimes/linux.ts',
    prints: new RegExp(`^UNSUPPORTED: .*${title} crashes on it; run this program with Node\\.js$`, 'm'),
  },
]

const ETCD_WITH_TLS = 'packages/store-etcd/README.md 1'

/** What a runtime cannot do, and says. */
const UNABLE = {
  // Its HTTP/2 wants the server to have a name.
  Deno: { prints: /Invalid URL/, stops: false, fails: true },
}

/** After `runSnippets`, which has compiled the snippets. */
export async function checkRuntimes(project, snippets, progress) {
  await cp(PROGRAMS, join(project.folder, 'runtimes'), { recursive: true })
  const withTls = snippets.find(({ name }) => name === ETCD_WITH_TLS)
  const runs = []
  for (const name of RUNTIME_NAMES) {
    const runtime = await otherRuntime(name, join(project.folder, 'work', name))
    for (const program of programs(runtime)) runs.push({ runtime, program })
    if (withTls === undefined) continue
    const file = join('compiled', withTls.file.replace(/\.ts$/, '.js'))
    runs.push({ runtime, program: { ...withTls, ...UNABLE[name], file } })
  }
  progress.expect(runs.length)
  await forEachOf(runs, availableParallelism(), ({ runtime, program }) =>
    progress.check(`runs: ${runtime.title}, ${program.name}`, async () => {
      if (program.kubernetes && findKubernetes() === undefined) {
        return { failed: false, remark: `NOT RUN, for want of an API server: ${remedy}` }
      }
      const work = `${runtime.title}-${program.file}`.replaceAll(/\W/g, '-')
      const { failed, output } = await runSnippet(program, {
        runtime: runtime.command,
        file: join(project.folder, program.file),
        cwd: project.folder,
        work: join(project.folder, 'work', work),
      })
      const remark = program.fails && !failed ? 'as expected, it cannot' : undefined
      return { failed, output, remark }
    }),
  )
}
