/**
 * `npm run package`: what puts selvedged on a host that has nothing, Node.js neither: a .deb and a plain tarball for
 * amd64 and arm64, with their SHA-256 sums, in .cache/packages/. Needs what `npm run build` has built.
 *
 *   --arch amd64      for this alone; repeatable
 *   --version 0.1.1   instead of that in package.json; repeatable
 *   --out DIR         instead of .cache/packages
 *   --fast            compressed quickly and hardly
 */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { packDebian } from './package/debian.mjs'
import { ARCHITECTURES, stage } from './package/stage.mjs'
import { addSystemFoldersToPath, ensureDebianPackages, root } from './setup.mjs'
import { runMain, SetupError, say, step } from './terminal.mjs'

/** What flannel takes, in MB; to compare with. */
const FLANNEL_MB = 40

await runMain(async (args) => {
  const { values } = parseArgs({
    args,
    options: {
      arch: { type: 'string', multiple: true, default: Object.keys(ARCHITECTURES) },
      version: { type: 'string', multiple: true },
      out: { type: 'string', default: join(root, '.cache/packages') },
      fast: { type: 'boolean', default: false },
    },
  })
  const unknown = values.arch.find((arch) => !Object.hasOwn(ARCHITECTURES, arch))
  if (unknown !== undefined) throw new SetupError(`no package for the architecture '${unknown}'`)
  const versions = values.version ?? [await ownVersion()]
  addSystemFoldersToPath()
  await ensureDebianPackages([
    { command: 'dpkg-deb', package: 'dpkg' },
    { command: 'ar', package: 'binutils' },
    ...values.arch.map((arch) => ARCHITECTURES[arch].strip),
  ])
  await mkdir(values.out, { recursive: true })
  const work = await mkdtemp(join(tmpdir(), 'selvedge-package-'))
  try {
    const made = []
    for (const arch of values.arch) {
      const tree = join(work, arch)
      await step('package', `${arch}: the files`, () => stage(arch, tree, work))
      for (const version of versions) {
        await step('package', `${arch}: selvedged ${version}`, async () => {
          made.push(...(await packDebian({ tree, arch, version, out: values.out, fast: values.fast, work })))
        })
      }
    }
    await report(made, values.out)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return 0
})

async function ownVersion() {
  return JSON.parse(await readFile(join(root, 'packages/selvedged/package.json'), 'utf8')).version
}

/** Says the sizes, and writes the sums as sha256sum does. */
async function report(files, out) {
  const sums = []
  for (const file of files) {
    const hash = createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
    sums.push(`${hash}  ${basename(file)}\n`)
    const size = ((await stat(file)).size / 1e6).toFixed(1)
    say('package', `${size} MB (flannel: ${FLANNEL_MB} MB)  ${file}`)
  }
  await writeFile(join(out, 'SHA256SUMS'), sums.join(''))
}
