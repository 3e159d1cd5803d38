/**
 * Debian 12's own kernel, with all its modules, in the user's cache: not installed, and no change to the machine. The tests
 * run on it what the kernel of the machine may lack: wireguard, ipip, ESP.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cache } from '../debian-13.mjs'
import { ensureDebianPackages } from '../setup.mjs'
import { runQuietly, SetupError, step } from '../terminal.mjs'

/** Which run in the initramfs, by their paths there. */
const SCRIPTS = { init: 'init', modprobe: 'sbin/modprobe' }

const here = dirname(fileURLToPath(import.meta.url))
const folder = join(cache, `kernel-6.1-${digestOfScripts()}`)

/** Where things are, once they have been made. */
export const image = {
  kernel: join(folder, 'vmlinuz'),
  initramfs: join(folder, 'initramfs.gz'),
  /** Of the kernel's release, with `modules.dep`. */
  modules: join(folder, 'modules'),
}

const REQUIREMENTS = [
  { command: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  { command: 'modprobe', package: 'kmod' },
  { command: 'busybox', package: 'busybox' },
]

/** What mounts the machine's files: those that Debian's kernel has as modules. */
const MODULES_OF_INIT = ['virtio_pci', '9pnet_virtio', '9p', 'overlay']

/** Why it cannot be had here, or undefined. */
export function whyNoKernel() {
  if (process.arch !== 'x64') return `it is for x86-64; this is ${process.arch}`
  if (existsSync('/etc/debian_version') || existsSync(folder)) return undefined
  return 'its kernel is one of Debian, and this is another distribution'
}

/** Makes the image unless it is there. Downloads 100 MB once. */
export async function ensureKernel() {
  await ensureDebianPackages(REQUIREMENTS)
  if (existsSync(folder)) return
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(join(cache, 'kernel-'))
  try {
    await step('kernel', 'apt-get download linux-image-amd64, of Debian 12', async () => {
      const name = await latestImage()
      await unpack(work, name)
      await unpack(work, 'busybox-static')
      await make(work, name.replace('linux-image-', ''))
    })
    // It appears whole or not at all; another run may have been faster.
    await rename(join(work, 'image'), folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The package that the metapackage depends on, such as `linux-image-6.1.0-56-amd64`. */
async function latestImage() {
  const dependencies = await runQuietly('apt-cache', ['depends', 'linux-image-amd64'])
  const found = /Depends: (linux-image-\S+)/.exec(dependencies)?.[1]
  if (found === undefined) throw new SetupError('apt knows no linux-image-amd64: apt-get update')
  return found
}

async function unpack(work, name) {
  await runQuietly('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], { cwd: work })
  const deb = (await readdir(work)).find((file) => file.startsWith(`${name}_`))
  if (deb === undefined) throw new SetupError(`apt-get download ${name} left no package`)
  await runQuietly('dpkg-deb', ['-x', deb, 'files'], { cwd: work })
}

async function make(work, release) {
  const files = join(work, 'files')
  const made = join(work, 'image')
  await mkdir(made)
  await runQuietly('depmod', ['-b', files, release])
  await rename(join(files, 'boot', `vmlinuz-${release}`), join(made, 'vmlinuz'))
  await rename(join(files, 'lib/modules', release), join(made, 'modules'))

  const root = join(work, 'initramfs')
  await mkdir(join(root, 'modules'), { recursive: true })
  for (const name of ['bin', 'sbin', 'proc', 'sys', 'dev']) await mkdir(join(root, name))
  await cp(join(files, 'bin/busybox'), join(root, 'bin/busybox'))
  for (const [name, path] of Object.entries(SCRIPTS)) {
    await cp(join(here, name), join(root, path))
    await chmod(join(root, path), 0o755)
  }
  await copyModules(join(made, 'modules'), join(root, 'modules'))
  await runQuietly(
    'sh',
    ['-c', 'find . | busybox cpio -o -H newc | gzip -1 >"$1"', 'sh', join(made, 'initramfs.gz')],
    {
      cwd: root,
    },
  )
}

/** In the order in which they load: each behind what it depends on. */
async function copyModules(modules, target) {
  const lines = (await readFile(join(modules, 'modules.dep'), 'utf8')).split('\n')
  const needed = MODULES_OF_INIT.flatMap((name) => {
    const line = lines.find((entry) => basename(entry.split(':')[0] ?? '') === `${name}.ko`)
    if (line === undefined) throw new SetupError(`this kernel has no module ${name}`)
    const [module, dependencies] = line.split(':')
    return [...dependencies.trim().split(/\s+/).filter(Boolean).reverse(), module]
  })
  for (const [i, path] of [...new Set(needed)].entries()) {
    await cp(join(modules, path), join(target, `${String(i).padStart(2, '0')}-${basename(path)}`))
  }
}

/** So that a change of them makes another image. */
function digestOfScripts() {
  const hash = createHash('sha256')
  for (const name of Object.keys(SCRIPTS)) hash.update(readFileSync(join(here, name)))
  return hash.digest('hex').slice(0, 8)
}
