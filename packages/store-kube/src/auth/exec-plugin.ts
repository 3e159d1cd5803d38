import { type ChildProcess, spawn } from 'node:child_process'
import { env as inherited, kill } from 'node:process'
import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { ShowWait } from './connector.js'
import { type Credential, MAX_ANSWER_BYTES, type PluginAnswer, readPluginAnswer } from './plugin-answer.js'

/** A credential plugin, as a kubeconfig's `exec` describes it. */
export interface PluginConfig {
  /** Such as `the kubeconfig /etc/kubernetes/agent.conf`, for messages. */
  readonly where: string
  /** An absolute path, or a name that is looked up in `$PATH`. */
  readonly command: string
  readonly args: readonly string[]
  /** Besides the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  readonly apiVersion: string
  readonly installHint?: string | undefined
  /** What `provideClusterInfo` asks for. */
  readonly cluster?: object | undefined
}

export interface PluginTimes {
  /** How long a plugin may take, in ms. Default 30,000. */
  readonly timeoutMs?: number
  /** How long it may take before it is shown as what is waited for, in ms. Default 1,000. */
  readonly quietMs?: number
}

/**
 * Runs a credential plugin and keeps what it answers until it expires, by client-go's protocol
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins).
 *
 * It runs once at a time, without a terminal, and is killed with all that it started if it takes too long or if this is
 * closed. Nothing of its output is shown, because it may be credentials.
 */
export class ExecPlugin {
  readonly #config: PluginConfig
  readonly #showWait: ShowWait
  readonly #timeoutMs: number
  readonly #quietMs: number
  #cached: PluginAnswer | undefined
  #running: Promise<Credential> | undefined
  #child: ChildProcess | undefined
  #isClosed = false

  constructor(
    config: PluginConfig,
    showWait: ShowWait,
    { timeoutMs = 30_000, quietMs = 1_000 }: PluginTimes = {},
  ) {
    this.#config = config
    this.#showWait = showWait
    this.#timeoutMs = timeoutMs
    this.#quietMs = quietMs
  }

  /** Rejects with an OverlayError `ACCESS_DENIED` that names the plugin and what to do. */
  async credential(): Promise<Credential> {
    if (this.#cached !== undefined && Date.now() < this.#cached.expiresAt) return this.#cached.credential
    this.#running ??= this.#shown(this.#run()).finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** Drops the credential, because the API server rejected it. */
  forget(): void {
    this.#cached = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#kill()
  }

  async #shown(work: Promise<Credential>): Promise<Credential> {
    let timer: NodeJS.Timeout | undefined
    const quiet = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#quietMs)
    })
    const early = await Promise.race([work, quiet]).finally(() => clearTimeout(timer))
    return early ?? this.#showWait(`waiting for ${this.#name}`, () => work)
  }

  async #run(): Promise<Credential> {
    const output = await this.#output()
    try {
      const answer = readPluginAnswer(output, this.#config.apiVersion)
      this.#cached = answer
      return answer.credential
    } catch (error) {
      throw this.#failure(`answered with ${error instanceof Error ? error.message : error}`)
    }
  }

  #output(): Promise<string> {
    const { command, args, env, apiVersion, cluster } = this.#config
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(this.#failure('was not started: the store is closed'))
      const info = {
        apiVersion,
        kind: 'ExecCredential',
        spec: { interactive: false, ...(cluster && { cluster }) },
      }
      const child = spawn(command, args, {
        // It gets the environment of this process, as from kubectl. No setting is read from it here.
        env: { ...inherited, ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        stdio: ['ignore', 'pipe', 'ignore'],
        // A process group of its own, so that what it starts can be killed with it.
        detached: true,
      })
      this.#child = child
      const end = (why: string) => {
        this.#kill()
        reject(this.#failure(why))
      }
      const timer = setTimeout(
        () => end(`gave no answer for ${this.#timeoutMs / 1000} s, and was killed`),
        this.#timeoutMs,
      )
      const parts: Buffer[] = []
      let length = 0
      child.stdout.on('data', (chunk: Buffer) => {
        parts.push(chunk)
        length += chunk.length
        if (length > MAX_ANSWER_BYTES)
          end(`answered with more than ${MAX_ANSWER_BYTES} bytes, and was killed`)
      })
      child.on('error', (error) => reject(this.#failure(`cannot be started: ${error.message}`)))
      child.on('close', (code, signal) => {
        clearTimeout(timer)
        if (code === 0) resolve(Buffer.concat(parts).toString())
        else reject(this.#failure(`ended with ${code === null ? `the signal ${signal}` : `status ${code}`}`))
      })
    })
  }

  #kill(): void {
    const child = this.#child
    if (child?.pid === undefined || child.stdout?.closed === true) return
    try {
      kill(-child.pid, 'SIGKILL')
    } catch (error) {
      // Nothing of the group is left.
      if (Reflect.get(Object(error), 'code') !== 'ESRCH') throw error
    }
    // What left the group may hold the pipe open.
    child.stdout?.destroy()
  }

  get #name(): string {
    return `the credential plugin '${printable(this.#config.command)}' of ${this.#config.where}`
  }

  #failure(why: string): OverlayError {
    const { installHint } = this.#config
    const hint = installHint === undefined ? '' : `; ${printable(installHint.trim())}`
    return new OverlayError('ACCESS_DENIED', `${this.#name} ${why}; run it by hand to see why${hint}`)
  }
}
