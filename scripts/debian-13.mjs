/** Programs of Debian 13 for the tests, beside Debian 12's own: unpacked into the user's cache, and not installed. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { runQuietly, SetupError, step } from './terminal.mjs'

const SUITE = 'trixie'

/** Outside the checkout. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'selvedge')

/**
 * Puts one program of a package at `target`, in a folder of its own that appears whole or not at all. Does nothing if it
 * is there.
 *
 * @param program its path in the package, such as `usr/bin/etcd`
 * @param isRight whether what it prints with `args` is the version that the tests are for
 */
export async function ensureFromDebian13({ label, package: name, program, target, args, isRight }) {
  if (existsSync(target)) return
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'debian-13-'))
  try {
    await step(label, `apt-get download ${name}, of Debian's ${SUITE}`, () => download(name, work))
    const deb = (await readdir(work)).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'))
    if (deb === undefined) throw new SetupError(`apt-get download ${name} left no package`)
    await runQuietly('dpkg-deb', ['-x', deb, 'unpacked'], { cwd: work })
    const unpacked = join(work, 'unpacked', program)
    const version = await runQuietly(unpacked, args)
    if (!isRight(version)) {
      throw new SetupError(`Debian's ${SUITE} has another ${name}: ${version.split('\n')[0]}`)
    }
    await install(work, unpacked, target)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** By apt, with lists of its own: the machine's stay as they are. */
async function download(name, work) {
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
  // Of this suite alone, whatever the machine has installed under that name.
  await runQuietly('apt-get', [...options, 'download', `${name}/${SUITE}`], { cwd: work })
}

/** The archive that this machine takes its Debian packages from. */
export async function archive() {
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
async function install(work, unpacked, target) {
  const folder = join(target, '..')
  const fresh = join(work, 'fresh')
  await mkdir(fresh)
  await rename(unpacked, join(fresh, basename(target)))
  await rm(folder, { recursive: true, force: true })
  await rename(fresh, folder)
}
