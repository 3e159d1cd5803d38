import { type ChildProcess, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '@selvedge/core'
import { commandLineOfWatcher, ENVIRONMENT } from '../command.js'

export interface MonitorOptions {
  readonly namespace: string | undefined
  /** Called for a change of what may be ours, and when notifications end: what came since is not known. */
  readonly onChange: () => void
  /** Called after that, with the program that the change was of. */
  readonly onProgram: (by: Program) => void
  readonly signal: AbortSignal
}

/** A line of the monitor that concerns our chains, those that jump to them, or a table around them. */
const RELEVANT =
  /FLANNEL-|flannel-ipv[46]|\b(?:POSTROUTING|FORWARD)\b|^(?:add|delete|flush) (?:table|chain) ip6? (?:nat|filter)\b|^(?:flush|delete) ruleset/

/** The last line of a transaction. The kernel names the process itself. */
const GENERATION = /^# new generation \d+ by process (\d+) \((.*)\)$/

const PAUSES_MS = [1_000, 10_000, 60_000]
/** Netlink's protocol number of netfilter (include/uapi/linux/netlink.h). */
const NETLINK_NETFILTER = '12'

/**
 * The kernel's notifications of rulesets, by `nft monitor`: of nftables and of iptables' nft variant, and not of the
 * legacy one. One process, started again after growing pauses if it ends.
 */
export class NftMonitor {
  readonly #options: MonitorOptions
  #isLive = false
  #settle: () => void = () => undefined
  /** Resolves once it is live for the first time, or it is known that it will not be soon: within 2 s. */
  readonly settled: Promise<void>

  constructor(options: MonitorOptions) {
    this.#options = options
    this.settled = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Whether every change since it became true has been, or will be, reported. */
  get isLive(): boolean {
    return this.#isLive
  }

  /** Runs until the signal aborts, or nft turns out not to be there. */
  async run(): Promise<void> {
    const { signal, onChange } = this.#options
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const started = performance.now()
      const isInstalled = await this.#runOnce()
      this.#isLive = false
      this.#settle()
      if (!isInstalled || signal.aborted) return
      onChange()
      if (performance.now() - started > 60_000) attempt = 0
      const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #runOnce(): Promise<boolean> {
    const { namespace, signal } = this.#options
    const [program, args] = await commandLineOfWatcher({ program: 'nft', args: ['monitor'], namespace })
    if (signal.aborted) return true
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: ENVIRONMENT })
    const end = (): void => void child.kill('SIGKILL')
    signal.addEventListener('abort', end, { once: true })
    let rest = ''
    let isRelevant = false
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = (lines.pop() ?? '').slice(-4096)
      for (const line of lines) isRelevant = this.#take(line, isRelevant)
    })
    void this.#becomeLive(child).finally(this.#settle)
    return new Promise((resolve) => {
      const settle = (isInstalled: boolean): void => {
        signal.removeEventListener('abort', end)
        resolve(isInstalled)
      }
      child.on('error', () => settle(false))
      child.on('close', (status) => settle(status !== 127))
    })
  }

  /** Reports what a line says. Returns whether the transaction that it is part of is relevant so far. */
  #take(line: string, isRelevant: boolean): boolean {
    const { onChange, onProgram } = this.#options
    const [, pid, name] = GENERATION.exec(line) ?? []
    if (pid !== undefined) {
      if (isRelevant) onProgram({ pid: Number(pid), name })
      return false
    }
    if (isRelevant || !RELEVANT.test(line)) return isRelevant
    onChange()
    return true
  }

  /** It is subscribed once its socket has a group: before, changes pass unseen. */
  async #becomeLive(child: ChildProcess): Promise<void> {
    for (let i = 0; i < 400 && child.exitCode === null && child.signalCode === null; i += 1) {
      const sockets = await readFile(`/proc/${child.pid}/net/netlink`, 'utf8').catch(() => '')
      if (sockets.split('\n').some((line) => isSubscribed(line, child.pid))) {
        this.#isLive = child.exitCode === null && !this.#options.signal.aborted
        this.#options.onChange()
        return
      }
      await sleep(5, undefined, { ref: false })
    }
  }
}

/** Of the columns sk, Eth (the protocol), Pid (the port) and Groups. The first socket of a process has its id. */
function isSubscribed(line: string, pid: number | undefined): boolean {
  const [, protocol, port, groups] = line.trim().split(/\s+/)
  return protocol === NETLINK_NETFILTER && port === `${pid}` && /[1-9a-f]/.test(groups ?? '')
}
