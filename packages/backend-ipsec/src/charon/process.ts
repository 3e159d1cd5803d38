import { spawn } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AbortOptions, OverlayError } from '@selvedge/core'
import { ViciClient } from '../vici/client.js'
import { type DaemonSettings, recordedSettings, strongswanConf } from './config.js'

/** Where charon keeps its PID file, which no setting changes: with two of them, the second does not start. */
const RUN = '/var/run'
const PID_FILE = 'charon.pid'

/** A word of charon's environment, by which its process is known as ours. */
const MARK = 'SELVEDGE_IPSEC_FOLDER'

const START_TIMEOUT_MS = 10_000
const MAX_START_ATTEMPTS = 4
const RETRY_MS = 100
const END_TIMEOUT_MS = 3000
const GIVE_UP_MS = 10_000
const POLL_MS = 20

const MAX_LOG_BYTES = 2 ** 20

/** The charon of one folder. */
export class CharonProcess {
  readonly #folder: string
  readonly #program: string

  constructor(folder: string, program: string) {
    this.#folder = folder
    this.#program = program
  }

  get viciUri(): string {
    return `unix://${join(this.#folder, 'charon.vici')}`
  }

  /** What it was started with. */
  async settings(): Promise<DaemonSettings | undefined> {
    return recordedSettings(await readFile(this.#conf, 'utf8').catch(() => ''))
  }

  /** Ends the one that runs, if any, starts another, and waits until it listens. It outlives this process. */
  async start(settings: DaemonSettings, { signal }: AbortOptions = {}): Promise<void> {
    await this.end({ signal })
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
    await rm(this.#log, { force: true })
    // In a mount namespace of its own, in which its folder is in the place of /var/run, it meets no other charon.
    const isolated = await canUnshare()
    await writeFile(this.#conf, strongswanConf(settings, isolated ? RUN : this.#folder), { mode: 0o600 })
    if (isolated) await rm(join(this.#folder, PID_FILE), { force: true })
    else await removeStalePid(join(RUN, PID_FILE))
    for (let attempt = 1; ; attempt += 1) {
      const why = await this.#attempt(isolated, signal)
      if (why === undefined) return
      // One that was killed a moment ago may still have the ports and the TUN device.
      if (attempt < MAX_START_ATTEMPTS) await sleep(attempt * RETRY_MS, undefined, { signal })
      else {
        const elsewhere = isolated ? '' : ` (${RUN}/charon.pid)`
        throw new OverlayError(
          'DRIVER_REFUSED',
          `starting ${this.#program} in ${this.#folder}: ${why}; see ${this.#log}, and whether another charon runs${elsewhere}`,
        )
      }
    }
  }

  /** @returns why it does not listen; undefined if it does */
  async #attempt(isolated: boolean, signal: AbortSignal | undefined): Promise<string | undefined> {
    const script = `mount --bind "$1" ${RUN} && shift && exec "$@"`
    const [program = '', ...args] = isolated
      ? ['unshare', '--mount', 'sh', '-c', script, 'sh', this.#folder, this.#program]
      : [this.#program]
    // Nothing of this process's environment, which may hold the store's password.
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      STRONGSWAN_CONF: join(isolated ? RUN : this.#folder, 'strongswan.conf'),
      [MARK]: this.#folder,
    }
    let ended: string | undefined
    // Nothing of it goes through a pipe: it must be able to write when this process is gone.
    const child = spawn(program, args, { detached: true, stdio: 'ignore', env })
    child.on('error', (error) => {
      ended = error.message
    })
    child.on('exit', (status, killedBy) => {
      ended = `it ended with ${killedBy ?? `status ${status}`}`
    })
    child.unref()
    await writeFile(this.#pidFile, `${child.pid ?? ''}`, { mode: 0o600 })
    for (let waited = 0; waited <= START_TIMEOUT_MS; waited += POLL_MS) {
      using client = await ViciClient.open(this.viciUri, { signal })
      if (client !== undefined) {
        if (!(await hasIkePort(child.pid ?? 0))) this.#refusePort(child.pid)
        return undefined
      }
      if (ended !== undefined) return ended
      await sleep(POLL_MS, undefined, { signal })
    }
    killGroup(child.pid)
    return `it does not listen after ${START_TIMEOUT_MS} ms`
  }

  #refusePort(pid: number | undefined): never {
    killGroup(pid)
    throw new OverlayError(
      'DRIVER_REFUSED',
      `starting ${this.#program} in ${this.#folder}: it could not bind UDP port 500. It needs CAP_NET_BIND_SERVICE, and ` +
        'that no other program has the port: see `ss -ulpn`',
    )
  }

  /**
   * Ends it, within seconds even if it is stopped, and waits until it has let go of its ports: the next one would run
   * without them.
   */
  async end({ signal }: AbortOptions = {}): Promise<void> {
    const pid = await this.#pid()
    if (pid !== undefined) send(pid, 'SIGTERM')
    for (let waited = 0; (await this.#pid()) !== undefined || (await this.#isEnding()); waited += POLL_MS) {
      if (waited > END_TIMEOUT_MS) await this.kill()
      // It cannot be killed, or another program has its PID and does not let its environment be read.
      if (waited > GIVE_UP_MS) return
      await sleep(POLL_MS, undefined, { signal })
    }
  }

  /** Ends it at once, as it does not answer. */
  async kill(): Promise<void> {
    const pid = await this.#pid()
    if (pid !== undefined) send(pid, 'SIGKILL')
  }

  /** Whether it is there, and stopped: it answers nothing, and what it carries waits. */
  async isStopped(): Promise<boolean> {
    const pid = await this.#pid()
    if (pid === undefined) return false
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    return /^\) T/.test(stat.slice(stat.lastIndexOf(')')))
  }

  /** Empties its log if it has grown large: charon appends to it and never ends it. */
  async boundLog(): Promise<void> {
    const { size } = await stat(this.#log).catch(() => ({ size: 0 }))
    if (size > MAX_LOG_BYTES) await truncate(this.#log)
  }

  /** Of the process that was started for this folder; undefined if it is gone, or ends. */
  async #pid(): Promise<number | undefined> {
    const pid = await this.#recordedPid()
    return (await environmentOf(pid)).split('\0').includes(`${MARK}=${this.#folder}`) ? pid : undefined
  }

  /** Whether it was killed and is not gone: its environment is, while its sockets may not be. */
  async #isEnding(): Promise<boolean> {
    const pid = await this.#recordedPid()
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    return (
      name.trim() === basename(this.#program) && (await environmentOf(pid)) === '' && !(await isGone(pid))
    )
  }

  async #recordedPid(): Promise<number | undefined> {
    const pid = Number(await readFile(this.#pidFile, 'utf8').catch(() => ''))
    return Number.isInteger(pid) && pid > 1 ? pid : undefined
  }

  get #conf(): string {
    return join(this.#folder, 'strongswan.conf')
  }

  get #log(): string {
    return join(this.#folder, 'charon.log')
  }

  get #pidFile(): string {
    return join(this.#folder, `${basename(this.#program)}-started.pid`)
  }
}

const environmentOf = (pid: number | undefined): Promise<string> =>
  readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')

/** Whether it has ended with all its threads, if perhaps nobody has reaped it. */
async function isGone(pid: number | undefined): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return true
  // After the name in parentheses: the state, and as the 18th field the number of threads (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return /^[ZX]$/.test(fields[0] ?? '') && Number(fields[17]) <= 1
}

/** The one that has just been started, which may not be charon yet. */
function killGroup(pid: number | undefined): void {
  if (pid !== undefined) send(pid, 'SIGKILL')
}

/**
 * A charon that was killed leaves its PID file behind. If that process is still a zombie, or its PID has been reused, as in
 * a container that was restarted, a new charon takes it for a running one, and ends.
 */
async function removeStalePid(file: string): Promise<void> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''))
  if (!Number.isInteger(pid) || pid <= 0) return
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  if (!/^\d+ \(charon\) [^ZX]/.test(state)) await rm(file, { force: true })
}

/** To its process group, which it leads. */
function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Whether a process has an IPv4 socket at IKE's port, as charon always does: without it, it goes on and says nothing. */
async function hasIkePort(pid: number): Promise<boolean> {
  // sl, local address and port, remote ones, state, queues, timer, retransmits, uid, timeout, inode; 0x1f4 is 500.
  const table = await readFile(`/proc/${pid}/net/udp`, 'utf8').catch(() => '')
  const lines = table.split('\n').map((line) => line.trim().split(/\s+/))
  const sockets = lines.filter(([, local]) => local?.endsWith(':01F4')).map((line) => `socket:[${line[9]}]`)
  const descriptors = await readdir(`/proc/${pid}/fd`).catch((): string[] => [])
  const links = descriptors.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => ''))
  return (await Promise.all(links)).some((link) => sockets.includes(link))
}

/** Whether this process may make a mount namespace: in a container it may lack CAP_SYS_ADMIN. */
function canUnshare(): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('unshare', ['--mount', 'true'], { stdio: 'ignore' })
    child.on('error', () => resolve(false))
    child.on('exit', (status) => resolve(status === 0))
  })
}
