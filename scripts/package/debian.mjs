/** A .deb of a staged tree, by dpkg-deb, and the tarball, which is the part of the .deb that holds the files. */
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../setup.mjs'
import { runQuietly } from '../terminal.mjs'

const SCRIPTS = ['postinst', 'prerm', 'postrm']

/** What every dpkg since Debian 9 reads, and what takes the least time. */
const COMPRESSION = { small: ['-Zxz', '-z6'], fast: ['-Zgzip', '-z1'] }

/**
 * The same files give the same bytes: owned by root, in order, dated as the last commit is (or SOURCE_DATE_EPOCH).
 *
 * @returns the paths of the .deb and the tarball
 */
export async function packDebian({ tree, arch, version, out, fast, work }) {
  await writeControl(join(tree, 'DEBIAN'), tree, { arch, version })
  const deb = join(out, `selvedged_${version}_${arch}.deb`)
  const [type, level] = fast ? COMPRESSION.fast : COMPRESSION.small
  const env = { ...process.env, SOURCE_DATE_EPOCH: await date() }
  // Dates before it would stay, such as those of npm's files.
  await runQuietly('find', [tree, '-exec', 'touch', '-h', '-d', `@${env.SOURCE_DATE_EPOCH}`, '{}', '+'])
  await runQuietly('dpkg-deb', ['--root-owner-group', type, level, '--build', tree, deb], { env })
  await rm(join(tree, 'DEBIAN'), { recursive: true })
  return [deb, await extractTarball(deb, join(out, `selvedged-${version}-linux-${arch}`), work)]
}

async function writeControl(folder, tree, { arch, version }) {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await chmod(folder, 0o755)
  const source = join(root, 'deploy/host/debian')
  // In KiB, by what the files hold: what they take on a disk depends on the disk.
  const sizes = await runQuietly('find', [tree, '-type', 'f', '-printf', '%s\n'])
  const size = Math.ceil(sizes.split('\n').reduce((sum, line) => sum + Number(line), 0) / 1024)
  const values = { VERSION: version, ARCH: arch, SIZE: String(size) }
  const control = (await readFile(join(source, 'control'), 'utf8')).replace(
    /@(\w+)@/g,
    (_, key) => values[key],
  )
  await writeFile(join(folder, 'control'), control, { mode: 0o644 })
  for (const name of SCRIPTS) {
    await writeFile(join(folder, name), await readFile(join(source, name)), { mode: 0o755 })
    await chmod(join(folder, name), 0o755)
  }
}

/** A .deb is an archive of ar's: of its members, data.tar.* is the files, and a tarball as it is. */
async function extractTarball(deb, target, work) {
  const folder = join(work, 'members')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await runQuietly('ar', ['x', deb], { cwd: folder })
  const member = (await readdir(folder)).find((name) => name.startsWith('data.tar'))
  const tarball = `${target}${member.slice('data'.length)}`
  await runQuietly('cp', [join(folder, member), tarball])
  return tarball
}

async function date() {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined) return given
  const { stdout } = await promisify(execFile)('git', ['log', '-1', '--format=%ct'], { cwd: root })
  return stdout.trim()
}
