/**
 * A real Kubernetes API server for the tests: builds kube-apiserver and kube-controller-manager, which
 * Debian ships as source only, and keeps them, with Debian's kubectl, in the user's cache, outside the
 * checkout.
 *
 *   node scripts/kube-apiserver.mjs          builds what is missing, prints its path
 *   node scripts/kube-apiserver.mjs --check  says whether it exists
 *
 * It takes about 5 minutes and 2 GB of disk once; what stays is 200 MB.
 */
import { existsSync } from 'node:fs'
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { addSystemFoldersToPath, ensureDebianPackages } from './setup.mjs'
import { runMain, runQuietly, SetupError, say, step } from './terminal.mjs'

const VERSION = '1.20.2'
const BUILT = ['kube-apiserver', 'kube-controller-manager']

/** Go 1.19 is the newest that Debian 12 has under a name of its own: 1.20.2 does not build with much newer ones. */
const GO = '/usr/lib/go-1.19'

/** The vendored reflect2 reads the layout of Go's maps, which changed in Go 1.18: the programs crash at start. */
const REFLECT2 = '/usr/share/gocode/src/github.com/modern-go/reflect2'

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'selvedge')
const folder = join(cache, `kubernetes-${VERSION}`)

/** What to run on a machine that lacks the programs. */
export const remedy =
  'npm run test:kube builds it once (about 5 minutes, 2 GB while it builds, needs root for apt)'

/**
 * The paths of the programs, or undefined if they have not been built.
 * @returns {{ apiserver: string, controllerManager: string, kubectl: string } | undefined}
 */
export function findKubernetes() {
  const programs = {
    apiserver: join(folder, 'kube-apiserver'),
    controllerManager: join(folder, 'kube-controller-manager'),
    kubectl: join(folder, 'kubectl'),
  }
  return Object.values(programs).every(existsSync) ? programs : undefined
}

/** Builds the programs unless they are there. */
export async function ensureKubernetes() {
  await ensureDebianPackages([
    { command: 'etcd', package: 'etcd-server' },
    { command: 'etcdctl', package: 'etcd-client' },
    { command: 'openssl', package: 'openssl' },
  ])
  if (findKubernetes() !== undefined) return
  const files = [
    { command: join(GO, 'bin/go'), package: 'golang-1.19-go' },
    { command: join(REFLECT2, 'reflect2.go'), package: 'golang-github-modern-go-reflect2-dev' },
  ]
  await ensureDebianPackages([
    ...files.filter(({ command }) => !existsSync(command)),
    { command: 'rsync', package: 'rsync' },
    { command: 'make', package: 'make' },
    { command: 'gcc', package: 'gcc' },
    { command: 'dpkg-source', package: 'dpkg-dev' },
  ])
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'build-'))
  try {
    const source = await fetchSource(work)
    const kubectl = await fetchKubectl(work)
    await step('Kubernetes', `building ${BUILT.join(' and ')} ${VERSION}: about 5 minutes`, () =>
      compile(source),
    )
    await install([...BUILT.map((name) => join(source, '_output/local/go/bin', name)), kubectl])
  } finally {
    // Go makes its module cache read-only.
    await runQuietly('chmod', ['-R', 'u+w', work])
    await rm(work, { recursive: true, force: true })
  }
}

/**
 * Downloads and unpacks Debian's source package, from the machine's own apt sources and under their keys; they are copied as `deb-src` into `work`, so that the machine's lists stay as they are.
 */
async function fetchSource(work) {
  const sources = join(work, 'sources.list.d')
  const lists = join(work, 'lists')
  await mkdir(sources)
  await mkdir(join(lists, 'partial'), { recursive: true })
  for (const file of await aptSourceFiles()) {
    const text = await readFile(file, 'utf8')
    const asSource = text.replace(/^(Types:\s*)deb\s*$/gm, '$1deb-src').replace(/^deb(?=\s)/gm, 'deb-src')
    await writeFile(join(sources, basename(file)), asSource)
  }
  const apt = (...args) =>
    runQuietly(
      'apt-get',
      [
        ...[
          'Dir::Etc::SourceList=/dev/null',
          `Dir::Etc::SourceParts=${sources}`,
          `Dir::State::Lists=${lists}`,
        ],
        'APT::Sandbox::User=root',
      ]
        .flatMap((option) => ['-o', option])
        .concat(args),
      { cwd: work },
    )
  await step('Kubernetes', `apt-get source kubernetes (${VERSION})`, async () => {
    // A source beside Debian's that has no source packages fails the update, which does not matter: what counts is
    // whether the package can be downloaded.
    const update = await apt('update').catch((error) => error)
    await apt('source', '--only-source', 'kubernetes').catch((error) => {
      throw update instanceof Error ? update : error
    })
  })
  const unpacked = (await readdir(work)).find(
    (name) => name.startsWith('kubernetes-') && !name.includes('.tar'),
  )
  if (unpacked === undefined || !unpacked.includes(VERSION)) {
    throw new SetupError(
      `Debian's source package kubernetes is ${unpacked}, not ${VERSION}, which this script knows`,
    )
  }
  return join(work, unpacked)
}

/** Unpacks Debian's kubectl without installing it: the machine may have another one already. */
async function fetchKubectl(work) {
  const options = { cwd: work }
  const download = () =>
    runQuietly('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', 'kubernetes-client'], options)
  // A fresh machine has no lists yet, or old ones.
  await download().catch(async () => {
    await runQuietly('apt-get', ['update'])
    await download()
  })
  const deb = (await readdir(work)).find((name) => /^kubernetes-client_.*\.deb$/.test(name))
  if (deb === undefined) throw new SetupError('apt-get download kubernetes-client left no package')
  await runQuietly('dpkg-deb', ['-x', deb, 'kubernetes-client'], options)
  return join(work, 'kubernetes-client/usr/bin/kubectl')
}

async function aptSourceFiles() {
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => [])
  return ['/etc/apt/sources.list', ...parts.map((name) => join('/etc/apt/sources.list.d', name))].filter(
    (file) => /\.(list|sources)$/.test(file) && existsSync(file),
  )
}

async function compile(source) {
  const reflect2 = join(source, 'vendor/github.com/modern-go/reflect2')
  await rm(reflect2, { recursive: true })
  await cp(REFLECT2, reflect2, { recursive: true, dereference: true })
  await runQuietly('make', ['-j1', `WHAT=${BUILT.map((name) => `cmd/${name}`).join(' ')}`], {
    cwd: source,
    env: {
      PATH: `${GO}/bin:${process.env.PATH}`,
      HOME: source,
      GOPATH: join(source, '.go'),
      GOCACHE: join(source, '.go-cache'),
      GOFLAGS: '-mod=vendor',
      GOPROXY: 'off',
      GO111MODULE: 'auto',
      GOTOOLCHAIN: 'local',
      KUBE_GIT_VERSION: `v${VERSION}`,
      // A third less time: the compiler collects less garbage, and writes nothing for debuggers.
      GOGC: '800',
      GOGCFLAGS: 'all=-dwarf=false',
      ...(process.env.GOMAXPROCS === undefined ? {} : { GOMAXPROCS: process.env.GOMAXPROCS }),
    },
  })
}

/** The folder appears whole or not at all. */
async function install(programs) {
  const fresh = await mkdtemp(join(cache, 'fresh-'))
  await chmod(fresh, 0o755)
  for (const program of programs) {
    const installed = join(fresh, basename(program))
    await copyFile(program, installed)
    await chmod(installed, 0o755)
  }
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder)
}

async function main(args) {
  addSystemFoldersToPath()
  if (!args.includes('--check')) await ensureKubernetes()
  const found = findKubernetes()
  say('Kubernetes', found === undefined ? `no API server for the tests: ${remedy}` : folder)
  return found === undefined ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main)
