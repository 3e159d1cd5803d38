/** The file system of the host's packages, the same for the .deb and the tarball. */
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { root } from '../setup.mjs'
import { runQuietly, SetupError } from '../terminal.mjs'

/** The Node.js that hosts get: Debian 12's own is too old. npm's packages node-linux-… carry its binary. */
const NODE_VERSION = '24.21.0'

/**
 * By Debian's names: npm's name, the SHA-256 sum of Node.js's binary in that package, and the program that strips its symbols:
 * 15 MB that Node.js never reads.
 */
export const ARCHITECTURES = {
  amd64: {
    cpu: 'x64',
    sum: '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
    strip: { command: 'x86_64-linux-gnu-strip', package: 'binutils-x86-64-linux-gnu' },
  },
  arm64: {
    cpu: 'arm64',
    sum: '0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
    strip: { command: 'aarch64-linux-gnu-strip', package: 'binutils-aarch64-linux-gnu' },
  },
}

const PREFIX = 'usr/lib/selvedge'

/** Where files of the checkout go: as they are, with their modes. */
const FILES = {
  LICENSE: `${PREFIX}/LICENSE`,
  'packages/selvedged/package.json': `${PREFIX}/selvedged/package.json`,
  'packages/selvedged/bin': `${PREFIX}/selvedged/bin`,
  'packages/selvedged/bundle': `${PREFIX}/selvedged/bundle`,
  'packages/cni/bundle/flannel.cjs': `${PREFIX}/cni/flannel.cjs`,
  'packages/cni/bundle/THIRD-PARTY-LICENSES': `${PREFIX}/cni/THIRD-PARTY-LICENSES`,
  'deploy/host/flannel': `${PREFIX}/cni/flannel`,
  'deploy/host/selvedge': `${PREFIX}/bin/selvedge`,
  'deploy/host/selvedged': `${PREFIX}/bin/selvedged`,
  'deploy/host/selvedged-service': `${PREFIX}/bin/selvedged-service`,
  'deploy/host/selvedged-cleanup': `${PREFIX}/bin/selvedged-cleanup`,
  'deploy/host/selvedged.default': `${PREFIX}/selvedged.default`,
  'deploy/host/openrc/selvedged': `${PREFIX}/openrc/selvedged`,
  'deploy/host/networkmanager/selvedge.conf': 'usr/lib/NetworkManager/conf.d/selvedge.conf',
  'deploy/selvedged.service': 'usr/lib/systemd/system/selvedged.service',
  'packages/dataplane-linux/systemd/50-selvedge.link': 'usr/lib/systemd/network/50-selvedge.link',
  'packages/dataplane-linux/systemd/50-selvedge.network': 'usr/lib/systemd/network/50-selvedge.network',
  'packages/dataplane-linux/systemd/selvedge-networkd.conf': 'usr/lib/systemd/networkd.conf.d/selvedge.conf',
}

/** What is in PATH. The unit names the first. */
const COMMANDS = ['selvedge', 'selvedged', 'selvedged-service', 'selvedged-cleanup']

/** Puts the files for `arch` into `tree`. */
export async function stage(arch, tree, work) {
  for (const [from, to] of Object.entries(FILES)) {
    await mkdir(dirname(join(tree, to)), { recursive: true })
    await cp(join(root, from), join(tree, to), { recursive: true }).catch((cause) => {
      throw new SetupError(`${from} cannot be packed: ${cause.message}. Run: npm run build`)
    })
  }
  await mkdir(join(tree, 'usr/bin'))
  for (const name of COMMANDS) {
    await symlink(`../lib/selvedge/bin/${name}`, join(tree, 'usr/bin', name))
  }
  await addModules(arch, tree, join(work, `${arch}-modules`))
  await addNode(ARCHITECTURES[arch], tree, join(work, `${arch}-node`))
  // Whatever the umask was.
  await runQuietly('chmod', ['-R', 'u+rwX,go+rX,go-w', tree])
}

/** The packages with native code, as package-lock.json has them: by what makes the image's. */
async function addModules(arch, tree, work) {
  await mkdir(join(work, 'packages/selvedged'), { recursive: true })
  for (const file of ['package.json', 'package-lock.json', 'packages/selvedged/package.json']) {
    await copyFile(join(root, file), join(work, file))
  }
  await runQuietly(join(root, 'deploy/image/modules.sh'), [arch], { cwd: work })
  await cp(join(work, 'node_modules'), join(tree, PREFIX, 'node_modules'), { recursive: true })
}

async function addNode({ cpu, sum, strip }, tree, work) {
  const name = `node-linux-${cpu}`
  await mkdir(work)
  await writeFile(join(work, 'package.json'), '{}')
  // For a machine of another architecture, npm takes a package that is asked for by name under force alone.
  const platform = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--force']
  const quiet = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
  await runQuietly('npm', ['install', ...quiet, ...platform, `${name}@${NODE_VERSION}`], { cwd: work })
  const from = join(work, 'node_modules', name)
  const found = createHash('sha256')
    .update(await readFile(join(from, 'bin/node')))
    .digest('hex')
  if (found !== sum)
    throw new SetupError(`${name} ${NODE_VERSION} has a node of the sum ${found}, not ${sum}`)
  const node = join(tree, PREFIX, 'node')
  await runQuietly(strip.command, ['-o', node, join(from, 'bin/node')])
  await chmod(node, 0o755)
  await copyFile(join(from, 'LICENSE'), join(tree, PREFIX, 'LICENSE-node'))
}
