/**
 * Makes a checkout ready to run: npm packages, Debian packages, build. Does only what is missing.
 * It needs Node and npm; nothing of what it installs is used to install it.
 */
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runQuietly, SetupError, say, step } from './terminal.mjs'

/** The checkout's root. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Debian packages by the commands, or libraries, that they are needed for, which are looked up in PATH unless they have a folder. A
 * package whose `command` exists is not installed.
 */
export const labTools = [
  { command: 'ip', package: 'iproute2' },
  { command: 'bridge', package: 'iproute2' },
  { command: 'ping', package: 'iputils-ping' },
  { command: 'iptables', package: 'iptables' },
  { command: 'nft', package: 'nftables' },
]
/** What the backend wireguard needs besides. */
export const wireguardTools = [{ command: 'wireguard-go', package: 'wireguard-go' }]
/** What the backend ipsec needs besides. */
export const ipsecTools = [
  { command: '/usr/lib/ipsec/charon', package: 'strongswan-charon' },
  { command: '/usr/lib/ipsec/plugins/libstrongswan-vici.so', package: 'strongswan-swanctl' },
  { command: '/usr/lib/ipsec/plugins/libstrongswan-gcm.so', package: 'libstrongswan-standard-plugins' },
  { command: '/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so', package: 'libcharon-extra-plugins' },
]
/** What `npm run demo -- --cni` needs besides. */
export const cniDemoTools = [
  { command: 'iperf3', package: 'iperf3' },
  { command: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' },
  { command: 'curl', package: 'curl' },
  { command: 'etcd', package: 'etcd-server' },
  { command: 'etcdctl', package: 'etcd-client' },
  { command: 'openssl', package: 'openssl' },
]
export const testTools = [
  ...labTools,
  { command: 'etcd', package: 'etcd-server' },
  { command: 'etcdctl', package: 'etcd-client' },
  { command: 'nats-server', package: 'nats-server' },
  { command: 'openssl', package: 'openssl' },
  { command: 'iperf3', package: 'iperf3' },
  ...wireguardTools,
  ...ipsecTools,
  { command: 'wg', package: 'wireguard-tools' },
  { command: 'tcpdump', package: 'tcpdump' },
  { command: 'ethtool', package: 'ethtool' },
  { command: 'conntrack', package: 'conntrack' },
  { command: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' },
  { command: 'systemd-analyze', package: 'systemd' },
  { command: 'ar', package: 'binutils' },
  { command: 'busybox', package: 'busybox' },
  { command: 'promtool', package: 'prometheus' },
  { command: 'chromium', package: 'chromium' },
  { command: 'faketime', package: 'faketime' },
  // Not enabled by its installation.
  { command: 'ufw', package: 'ufw' },
]

/** A root shell opened without a login may lack the folders where `ip` and `bridge` live. */
export function addSystemFoldersToPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const missing = ['/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder))
  process.env.PATH = [...folders, ...missing].join(delimiter)
}

/** Runs `npm ci` in a folder unless its node_modules is what its package-lock.json requires. */
export async function ensureNpmPackages(folder = root) {
  if (npmPackagesAreCurrent(folder)) return
  await step('npm packages', `npm ci${folder === root ? '' : ` in ${relative(root, folder)}`}`, () =>
    runQuietly('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder }),
  )
}

/**
 * Compares the two locks by content, not by date: a checkout rewrites dates, and a needless `npm ci`
 * costs a minute.
 */
function npmPackagesAreCurrent(folder) {
  const wanted = packagesOf(join(folder, 'package-lock.json'))
  if (wanted === undefined) throw new SetupError('package-lock.json is missing: this is no whole checkout')
  const installed = packagesOf(join(folder, 'node_modules', '.package-lock.json'))
  if (installed === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = installed[path]
    // An optional package that is absent is one for another platform.
    if (found === undefined) return entry.optional === true || entry.peer === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

function packagesOf(lock) {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * Installs the missing packages by apt.
 * @throws {SetupError} with the command that installs them, if this process may not or cannot.
 */
export async function ensureDebianPackages(requirements) {
  const missing = requirements.filter(({ command }) => !isOnPath(command))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((requirement) => requirement.package))]
  const remedy = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const commands = missing.map(({ command }) => command).join(', ')
  if (!isOnPath('apt-get')) {
    throw new SetupError(`${commands} missing, and no apt-get here. On Debian: ${remedy}`)
  }
  if (!isRoot()) throw new SetupError(`${commands} missing. As root: ${remedy}`)

  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const name of packages) {
    const needed = missing.filter((requirement) => requirement.package === name)
    say('Debian', `${name}, for ${needed.map(({ command }) => command).join(' and ')}`)
  }
  await step('Debian', 'apt-get update', () => runQuietly('apt-get', ['update'], { env }))
  await step('Debian', `apt-get install ${packages.join(' ')}`, () =>
    runQuietly('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env }),
  )
}

/** Builds everything, or `project` and what it depends on. Silent if that is quick. */
export async function build(project) {
  const start = performance.now()
  const args = ['-b', ...(project === undefined ? [] : [project])]
  await runQuietly(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args], { cwd: root })
  if (project === undefined)
    await runQuietly(process.execPath, [join(root, 'scripts/bundle.mjs')], { cwd: root })
  const seconds = (performance.now() - start) / 1000
  if (seconds > 2) say('build', `tsc ${args.join(' ')}, done in ${seconds.toFixed(1)} s`)
}

export function isRoot() {
  return process.geteuid?.() === 0
}

/**
 * Why network namespaces cannot be made here, or undefined if they can. Root alone is not enough: a container's root may lack CAP_SYS_ADMIN.
 */
export async function whyNoNamespaces() {
  if (process.platform !== 'linux') return `network namespaces need Linux; this is ${process.platform}`
  if (!isRoot()) return 'network namespaces need root'
  try {
    await runQuietly('unshare', ['--net', '--mount', 'true'])
    return undefined
  } catch {
    return 'network namespaces need CAP_SYS_ADMIN, which this root does not have'
  }
}

/** A library need not be executable. */
const modeOf = (command) => (command.endsWith('.so') ? constants.R_OK : constants.X_OK)

function isOnPath(command) {
  const folders = command.startsWith('/') ? ['/'] : (process.env.PATH ?? '').split(delimiter)
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), modeOf(command))
      return true
    } catch {
      return false
    }
  })
}
