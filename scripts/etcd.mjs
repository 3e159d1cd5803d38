/**
 * A second etcd for the tests: Debian 12 has 3.4, and many clusters run 3.5. Downloads Debian 13's etcd-server, whose
 * binary is static, and keeps it in the user's cache, outside the checkout and without installing it.
 *
 *   node scripts/etcd.mjs          downloads it unless it exists, prints its path
 *   node scripts/etcd.mjs --check  says whether it exists
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runMain, runQuietly, SetupError, say, step } from './terminal.mjs'

const SUITE = 'trixie'
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'selvedge')
const folder = join(cache, 'etcd-3.5')

/** Where etcd 3.5 is, once it has been downloaded. */
export const etcd35 = join(folder, 'etcd')

/** Downloads etcd 3.5 unless it is there. */
export async function ensureEtcd35() {
  if (existsSync(etcd35)) return
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'etcd-'))
  try {
    await step('etcd 3.5', `apt-get download etcd-server, of Debian's ${SUITE}`, () => download(work))
    const deb = (await readdir(work)).find((name) => /^etcd-server_.*\.deb$/.test(name))
    if (deb === undefined) throw new SetupError('apt-get download etcd-server left no package')
    await runQuietly('dpkg-deb', ['-x', deb, 'unpacked'], { cwd: work })
    const unpacked = join(work, 'unpacked/usr/bin/etcd')
    const version = await runQuietly(unpacked, ['--version'])
    if (!/^etcd Version: 3\.5\./.test(version)) {
      throw new SetupError(`Debian's ${SUITE} has no etcd 3.5: ${version.split('\n')[0]}`)
    }
    await install(work, unpacked)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** By apt, with lists of its own: the machine's stay as they are. */
async function download(work) {
  const [sources, lists] = [join(work, 'sources.list.d'), join(work, 'lists')]
  await mkdir(sources)
  await mkdir(join(lists, 'partial'), { recursive: true })
  await writeFile(
    join(sources, `${SUITE}.sources`),
    [
      'Types: deb',
      `URIs: ${await archive()}`,
      `Suites: ${SUITE}`,
      'Components: main',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
    ].join('\n'),
  )
  const options = [
    'Dir::Etc::SourceList=/dev/null',
    `Dir::Etc::SourceParts=${sources}`,
    `Dir::State::Lists=${lists}`,
    'Acquire::Languages=none',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
  await runQuietly('apt-get', [...options, 'update'], { cwd: work })
  await runQuietly('apt-get', [...options, 'download', 'etcd-server'], { cwd: work })
}

/** The archive that this machine takes its Debian packages from. */
async function archive() {
  const parts = await readdir('/etc/apt/sources.list.d').catch(() => [])
  const files = ['/etc/apt/sources.list', ...parts.map((name) => join('/etc/apt/sources.list.d', name))]
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const found = /^(?:URIs:|deb\s(?:\[.*\])?)\s*(\S+\/debian\/?)(?=\s|$)/m.exec(text)?.[1]
    if (found !== undefined) return found
  }
  return 'http://deb.debian.org/debian'
}

/** The folder appears whole or not at all. */
async function install(work, unpacked) {
  const fresh = join(work, 'fresh')
  await mkdir(fresh)
  await rename(unpacked, join(fresh, 'etcd'))
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder)
}

async function main(args) {
  if (!args.includes('--check')) await ensureEtcd35()
  const found = existsSync(etcd35)
  say('etcd 3.5', found ? etcd35 : 'not there: node scripts/etcd.mjs downloads it (25 MB on disk)')
  return found ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runMain(main)
